"""Raise an alert with the change that it tells, and deliver what is due."""

import logging
from datetime import datetime, timedelta

from django.db.models import F

from riskconsole.alerts import routes
from riskconsole.alerts.models import Alert, Delivery, DeliveryStatus, Level
from riskconsole.audit import witness
from riskconsole.celery import enqueue_on_commit

logger = logging.getLogger(__name__)

DELIVER_TASK = "alerts.deliver"
LEASE = timedelta(seconds=60)
LONGEST_WAIT = timedelta(minutes=5)


def raise_alert(
    *, portfolio: str, cause: str, level: Level, subject: str, body: str, now: datetime
) -> Alert:
    """Store an alert in the caller's transaction; it leaves over every route after the commit."""
    alert = Alert.objects.create(
        portfolio=portfolio,
        cause=cause,
        level=level,
        subject=subject[:200],
        body=body,
        raised_at=now,
    )
    for route in routes.routes():
        delivery = Delivery.objects.create(alert=alert, route=route, next_attempt_at=now)
        enqueue_on_commit(DELIVER_TASK, delivery_id=delivery.pk)
    return alert


def deliver(*, delivery_id: int, now: datetime) -> None:
    """Send one alert over one route; a failure leaves it due again, later each time.

    Each message ends with the end of the log, so that a mailbox becomes its outside witness.
    """
    if not _claim(delivery_id=delivery_id, now=now):
        return
    delivery = Delivery.objects.select_related("alert").get(pk=delivery_id)
    alert, seen = delivery.alert, witness.seen_now()
    body = f"{alert.body}\n\nAudit log at {seen.text}"
    level = Level(alert.level)
    if routes.send(route=delivery.route, level=level, subject=alert.subject, body=body):
        Delivery.objects.filter(pk=delivery_id).update(
            status=DeliveryStatus.DELIVERED, delivered_at=now
        )
        witness.note_told(seen, name=delivery.route, now=now)
        return
    wait = min(LONGEST_WAIT, timedelta(seconds=2 ** min(delivery.attempts, 9)))
    Delivery.objects.filter(pk=delivery_id).update(next_attempt_at=now + wait)
    logger.warning("Route %s did not take alert %s", delivery.route, alert.pk)


def due_delivery_ids(*, now: datetime) -> list[int]:
    due = Delivery.objects.filter(status=DeliveryStatus.PENDING, next_attempt_at__lte=now)
    return list(due.order_by("pk").values_list("pk", flat=True)[:100])


def deliver_due(*, now: datetime) -> None:
    for delivery_id in due_delivery_ids(now=now):
        deliver(delivery_id=delivery_id, now=now)


def _claim(*, delivery_id: int, now: datetime) -> bool:
    """Take the delivery for one attempt; a worker that dies frees it when its lease ends."""
    due = Delivery.objects.filter(
        pk=delivery_id, status=DeliveryStatus.PENDING, next_attempt_at__lte=now
    )
    return due.update(next_attempt_at=now + LEASE, attempts=F("attempts") + 1) == 1
