"""What the console adds to Celery: heartbeats, and beat as a thread of a worker."""

from typing import Any

from celery import Celery, bootsteps
from celery.beat import EmbeddedService, Scheduler
from django.conf import settings

from riskconsole.live.heartbeats import beat

BEAT_SECONDS = 1.0


class BeatingScheduler(Scheduler):
    """Keeps the schedule in memory only, and its own heartbeat."""

    def tick(self, *args: Any, **kwargs: Any) -> float:  # noqa: ANN401
        beat("beat")
        return float(super().tick(*args, **kwargs))


class HeartbeatStep(bootsteps.StartStopStep):
    """Beats from the worker's own event loop, which stands still while there is no broker."""

    requires = ("celery.worker.components:Timer",)

    def start(self, parent: Any) -> None:  # noqa: ANN401
        name, _, _ = parent.hostname.partition("@")
        parent.timer.call_repeatedly(BEAT_SECONDS, beat, (name,))


class BeatStep(bootsteps.StartStopStep):
    """Runs beat inside the worker that is told to."""

    def __init__(self, parent: Any, **kwargs: Any) -> None:  # noqa: ANN401
        self.enabled = settings.HAS_BEAT_INSIDE
        super().__init__(parent, **kwargs)

    def create(self, parent: Any) -> Any:  # noqa: ANN401
        return EmbeddedService(
            parent.app, thread=True, scheduler_cls=parent.app.conf.beat_scheduler
        )


def add_to(app: Celery) -> None:
    app.steps["worker"] |= {HeartbeatStep, BeatStep}
