"""The sweeps; a row says what is to be done, so each may run twice or never."""

import time
from datetime import UTC, datetime

from celery import shared_task

from oms.services import cancelling, closing
from riskconsole import wake

# Beat sends it each second; two overlap for a moment, so that somebody always listens.
LINGER_SECONDS = 1.1


@shared_task(name="oms.sweep_legs")
def sweep_legs() -> None:
    """Attend to what is due, then to the legs of each run that is opened in the meantime."""
    began = time.monotonic()
    cancelling.sweep_legs(now=datetime.now(UTC))
    wake.linger(cancelling.LEGS_WAKE, _attend_new, until=began + LINGER_SECONDS)


@shared_task(name="oms.sweep_holds")
def sweep_holds() -> None:
    cancelling.sweep_holds(now=datetime.now(UTC))


@shared_task(name="oms.sweep_closes")
def sweep_closes() -> None:
    closing.sweep_closes(now=datetime.now(UTC))


def _attend_new() -> None:
    cancelling.attend_new(now=datetime.now(UTC))
