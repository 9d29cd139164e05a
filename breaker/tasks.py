import time

from django.utils import timezone

from breaker.services import monitoring, upkeep
from portfolio.marks import MONITOR_WAKE
from riskconsole import wake
from riskconsole.celery import app

# Beat sends it each second: it lingers until shortly before the next one.
LINGER_SECONDS = 0.98


@app.task(name="breaker.monitor", soft_time_limit=20)
def monitor(**_later: object) -> None:
    """Evaluate what is late, and drain the dirty set meanwhile and whenever a mark comes in."""
    began = time.monotonic()
    monitoring.save_marks(now=timezone.now())
    for portfolio_ids in monitoring.late(now=timezone.now()):
        monitoring.evaluate(portfolio_ids=portfolio_ids, now=timezone.now())
        _drain()
    upkeep.keep_up(now=timezone.now())
    wake.linger(MONITOR_WAKE, _drain, until=began + LINGER_SECONDS)


def _drain() -> None:
    monitoring.drain(now=timezone.now())
