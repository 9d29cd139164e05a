"""The long-lived process that needs no broker: it finds whatever the tasks missed."""

import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from types import FrameType
from typing import Any

from django.core.checks import Tags

from breaker.services.restoring import notice_restore
from riskconsole.command import ConsoleCommand
from riskconsole.live.heartbeats import beat
from riskconsole.ops.sweeps import guardian_sweeps

ROUND_SECONDS = 1.0


class Command(ConsoleCommand):
    help = "Sweep evaluations, cancel legs, holds and alerts each second, until SIGTERM or SIGINT."

    def handle(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401
        self.check(tags=[Tags.database], databases=["default"])
        notice_restore(now=datetime.now(UTC))
        stopping = Event()

        def stop(_signal: int, _frame: FrameType | None) -> None:
            stopping.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        sweeps = guardian_sweeps()
        pool = ThreadPoolExecutor(max_workers=len(sweeps), thread_name_prefix="sweep")
        while not stopping.is_set():
            for sweep in sweeps:
                sweep.start(pool, datetime.now(UTC))
            if not any(sweep.is_stuck() for sweep in sweeps):
                beat("guardian")
            stopping.wait(ROUND_SECONDS)
        # What still hangs is not waited for: its rows are the truth, a claim ends by itself.
        pool.shutdown(wait=False, cancel_futures=True)
