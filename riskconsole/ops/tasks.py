"""Beat's look at the one process that watches all the others."""

from django.utils import timezone

from riskconsole.celery import app
from riskconsole.ops.processes import SilenceWatch

_guardian = SilenceWatch({"guardian"})


@app.task(name="ops.watch_guardian")
def watch_guardian(**_later: object) -> None:
    _guardian.look(now=timezone.now())
