import time

from django.utils import timezone

from breaker.services import monitoring, upkeep
from portfolio.marks import MONITOR_WAKE
from riskconsole import wake
from riskconsole.celery import app

# Beat sends it each second: it lingers until shortly before the next one.
LINGER_SECONDS = 0.95


@app.task(name="breaker.monitor", soft_time_limit=20)
def monitor(**_later: object) -> None:
    """Evaluate what is late, then drain the dirty set whenever a mark comes in."""
    began = time.monotonic()
    monitoring.sweep(now=timezone.now())
    upkeep.keep_up(now=timezone.now())
    wake.linger(MONITOR_WAKE, _drain, until=began + LINGER_SECONDS)


def _drain() -> None:
    monitoring.drain(now=timezone.now())
