"""The nudges; a row says what is to be done, so each may run twice or never."""

from datetime import UTC, datetime

from celery import shared_task

from oms.services import cancelling


@shared_task(name=cancelling.CANCEL_LEG_TASK)
def cancel_leg(*, leg_id: int) -> None:
    cancelling.send_cancel_leg(leg_id=leg_id, now=datetime.now(UTC))


@shared_task(name="oms.sweep_legs")
def sweep_legs() -> None:
    cancelling.sweep_legs(now=datetime.now(UTC))


@shared_task(name="oms.sweep_holds")
def sweep_holds() -> None:
    cancelling.sweep_holds(now=datetime.now(UTC))
