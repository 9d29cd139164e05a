from django.utils import timezone

from breaker.services import monitoring
from portfolio.marks import MONITOR_TASK
from riskconsole.celery import app


@app.task(name=MONITOR_TASK, soft_time_limit=20)
def monitor(**_later: object) -> None:
    monitoring.drain(now=timezone.now())


@app.task(name="breaker.sweep", soft_time_limit=20)
def sweep(**_later: object) -> None:
    monitoring.sweep(now=timezone.now())
