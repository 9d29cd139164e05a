"""The Celery application and the one way to enqueue work from a service."""

import logging
import os
import time

from celery import Celery
from django.db import transaction
from kombu.exceptions import OperationalError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "riskconsole.settings")

logger = logging.getLogger(__name__)

app = Celery("riskconsole")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

REST_SECONDS = 5.0


class Nudger:
    """Sends tasks, and leaves a broker that did not answer alone for a while.

    Without the rest a hung broker would hold up its caller for a time-out with each task.
    """

    def __init__(self) -> None:
        self._resting_until = 0.0

    def send(self, task_name: str, **ids: str | int) -> None:
        """Hand a task to the broker; a dead one is logged, not raised.

        The row that asks for the work is committed, and a sweep finds it.
        """
        if time.monotonic() < self._resting_until:
            return
        try:
            app.send_task(task_name, kwargs=ids)
        except OperationalError as error:
            self._resting_until = time.monotonic() + REST_SECONDS
            logger.warning(
                "%s waits for its sweep, the broker does not answer: %s", task_name, error
            )


nudger = Nudger()


def enqueue_on_commit(task_name: str, **ids: str | int) -> None:
    """Enqueue a task by name once the current transaction commits."""

    def send() -> None:
        nudger.send(task_name, **ids)

    transaction.on_commit(send, robust=True)
