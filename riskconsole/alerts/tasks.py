from django.utils import timezone

from riskconsole.alerts import services
from riskconsole.celery import app


@app.task(name=services.DELIVER_TASK, soft_time_limit=50)
def deliver(*, delivery_id: int, **_later: object) -> None:
    services.deliver(delivery_id=delivery_id, now=timezone.now())


@app.task(name="alerts.sweep")
def sweep(**_later: object) -> None:
    for delivery_id in services.due_delivery_ids(now=timezone.now()):
        deliver.apply_async(kwargs={"delivery_id": delivery_id})
