"""The Celery application and the one way to enqueue work from a service."""

import os
from functools import partial

from celery import Celery
from django.db import transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "riskconsole.settings")

app = Celery("riskconsole")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def enqueue_on_commit(task_name: str, **ids: str | int) -> None:
    """Enqueue a task by name once the current transaction commits.

    A broker that is down is logged, not raised: the row that asks for the work is already
    committed, and a sweep finds it.
    """
    transaction.on_commit(partial(app.send_task, task_name, kwargs=ids), robust=True)
