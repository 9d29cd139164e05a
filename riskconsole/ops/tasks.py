"""Beat's look at the one process that watches all the others, and at the log as a whole."""

from django.utils import timezone

from riskconsole.audit import checks
from riskconsole.celery import app
from riskconsole.ops import log_checks
from riskconsole.ops.processes import SilenceWatch

_guardian = SilenceWatch({"guardian"})


@app.task(name="ops.watch_guardian")
def watch_guardian(**_later: object) -> None:
    _guardian.look(now=timezone.now())


@app.task(name=checks.CHECK_TASK)
def check_log(**_later: object) -> None:
    log_checks.check_log(now=timezone.now())
