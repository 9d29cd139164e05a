"""The guardian's rounds: each sweep in a thread of its own, so that none waits for another."""

import logging
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

from django.conf import settings
from django.db import close_old_connections, connection

from breaker.services import gate, monitoring, upkeep
from oms.services import cancelling, closing
from riskconsole.alerts.services import deliver_due
from riskconsole.audit import checkpoints, witness
from riskconsole.kernel.clock import JumpWatch
from riskconsole.live.heartbeats import PROCESSES
from riskconsole.live.publish import publish
from riskconsole.ops.health import unreadiness
from riskconsole.ops.processes import SilenceWatch, record_restarts

logger = logging.getLogger(__name__)

# The monitor worker evaluates each second; the guardian steps in where that failed twice.
LATE_AFTER = timedelta(seconds=2.5)
STUCK_SECONDS = 10.0
PING_EVERY = timedelta(seconds=60)
PING_TIMEOUT_SECONDS = 5.0

Work = Callable[[datetime], object]


class Sweep:
    """One kind of work, started each round unless its last run still goes on."""

    def __init__(self, name: str, work: Work, *, is_vital: bool) -> None:
        self.name = name
        self._work = work
        self._is_vital = is_vital
        self._run: Future[None] | None = None
        self._began = 0.0

    def start(self, pool: ThreadPoolExecutor, now: datetime) -> None:
        if not self.is_running():
            self._began = time.monotonic()
            self._run = pool.submit(self._work_safely, now)

    def is_running(self) -> bool:
        return self._run is not None and not self._run.done()

    def is_stuck(self) -> bool:
        """Return whether vital work hangs; the guardian then counts as silent."""
        has_lasted = time.monotonic() - self._began
        return self._is_vital and self.is_running() and has_lasted > STUCK_SECONDS

    def _work_safely(self, now: datetime) -> None:
        close_old_connections()
        try:
            self._work(now)
        except Exception:
            # Whatever goes wrong in one sweep, the next round tries again and the others go on.
            logger.exception("The sweep %s failed", self.name)
            connection.close()


class ClockGuard:
    """Shuts every gate after a jump of the wall clock, and tries until that is committed."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._watch = JumpWatch(monotonic=monotonic)
        self._has_jumped = False

    def look(self, now: datetime) -> None:
        self._has_jumped |= self._watch.has_jumped(now)
        if self._has_jumped:
            gate.note_clock_jump(now=now)
            self._has_jumped = False


class LogWatch:
    """Keeps the log's end beside the database, signs it, and tells the browsers how long it is."""

    def __init__(self) -> None:
        self._told = 0

    def look(self, now: datetime) -> None:
        witness.keep_head()
        checkpoints.take_due(now=now)
        seen = witness.last_seen()
        if seen is not None and seen.size != self._told:
            self._told = seen.size
            publish({"type": "audit.count", "portfolio": "", "version": seen.size})


class Pinger:
    """Tells a watcher outside that the console guards and where the log ends; nothing otherwise."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._last: datetime | None = None

    def ping(self, now: datetime) -> None:
        if self._last is not None and timedelta() <= now - self._last < PING_EVERY:
            return
        if reasons := unreadiness(now=now):
            logger.warning("No outbound heartbeat: %s", "; ".join(reasons))
            return
        self._last = now
        seen = witness.seen_now()
        # The settings accept no other scheme than http and https.
        with urllib.request.urlopen(  # noqa: S310
            self._url, data=seen.text.encode(), timeout=PING_TIMEOUT_SECONDS
        ):
            witness.note_told(seen, name="heartbeat", now=now)


def guardian_sweeps() -> Sequence[Sweep]:
    """Return everything the guardian does each second, without any broker."""
    silence = SilenceWatch(set(PROCESSES) - {"guardian"})
    sweeps = [
        Sweep("clock", ClockGuard().look, is_vital=True),
        Sweep("evaluations", _evaluate_late, is_vital=True),
        Sweep("upkeep", lambda now: upkeep.keep_up(now=now), is_vital=True),
        Sweep("legs", lambda now: cancelling.sweep_legs(now=now), is_vital=True),
        Sweep("holds", lambda now: cancelling.sweep_holds(now=now), is_vital=True),
        Sweep("closes", lambda now: closing.sweep_closes(now=now), is_vital=True),
        Sweep("alerts", lambda now: deliver_due(now=now), is_vital=False),
        Sweep("log", LogWatch().look, is_vital=False),
        Sweep("restarts", lambda now: record_restarts(now=now), is_vital=False),
        Sweep("silence", lambda now: silence.look(now=now), is_vital=False),
    ]
    if settings.HEARTBEAT_URL:
        sweeps.append(Sweep("heartbeat", Pinger(settings.HEARTBEAT_URL).ping, is_vital=False))
    return sweeps


def _evaluate_late(now: datetime) -> None:
    monitoring.sweep(now=now, late_after=LATE_AFTER)
