from datetime import timedelta

from oms.services.leases import LEASE
from oms.venues.base import TIMEOUT
from riskconsole.celery import app
from riskconsole.settings import CELERY_BEAT_SCHEDULE, CELERY_TASK_ROUTES

CALLS_OF_AN_ATTEMPT = 6


def test_every_task_that_is_named_elsewhere_is_registered() -> None:
    app.loader.import_default_modules()
    scheduled = {str(entry["task"]) for entry in CELERY_BEAT_SCHEDULE.values()}

    assert {"oms.sweep_legs", "oms.sweep_holds", "oms.sweep_closes"} <= set(app.tasks)
    assert {name for name in scheduled if name.startswith("oms.")} <= set(app.tasks)
    assert {name for name in CELERY_TASK_ROUTES if name.startswith("oms.")} <= set(app.tasks)


def test_a_lease_outlives_the_longest_attempt() -> None:
    assert CALLS_OF_AN_ATTEMPT * TIMEOUT + timedelta(seconds=1) < LEASE
