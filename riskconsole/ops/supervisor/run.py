"""The supervisor's loop: start in order, keep alive, stop in order."""

import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

from riskconsole.ops.supervisor import health, leash
from riskconsole.ops.supervisor.child import Child, in_words
from riskconsole.ops.supervisor.plan import Plan

TICK_SECONDS = 0.1
DEATHS_WHILE_STARTING = 3
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class NotReady(Exception):
    """A process did not come up; the message says which and why."""


class Supervisor:
    """Keeps the children of one plan running until it is told to stop."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._home = Path(plan.home)
        self._children = [
            Child(child, home=self._home, folder=Path(plan.folder)) for child in plan.children
        ]
        self._is_stopping = False
        self._watcher = None if leash.IS_LINUX else leash.Watcher()
        self._wake = self._take_signals()

    def run(self) -> int:
        """Return the exit status: 0 after an ordered stop, 1 if not all became healthy."""
        try:
            self._start_all()
            while not self._is_stopping:
                self._tend()
                self._wait()
        except NotReady as problem:
            say(f"not ready: {problem}")
            return 1
        finally:
            self._stop_all()
        return 0

    def _take_signals(self) -> int:
        reader, writer = os.pipe()
        for fd in (reader, writer):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        return reader

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True

    def _wait(self) -> None:
        """Sleep until a signal, a child's end among them, or one tick."""
        select.select([self._wake], [], [], TICK_SECONDS)
        with suppress(BlockingIOError):
            os.read(self._wake, 512)

    def _start_all(self) -> None:
        deadline = time.monotonic() + self._plan.start_seconds
        for child in self._children:
            child.rotate_log()
        first = min(child.plan.stage for child in self._children)
        # What all others lean on comes first; the rest side by side, that costs least time.
        for stage in (
            [child for child in self._children if child.plan.stage == first],
            [child for child in self._children if child.plan.stage != first],
        ):
            self._start(stage, deadline)
        if not self._is_stopping:
            say(f"ready {self._plan.url}")

    def _start(self, children: list[Child], deadline: float) -> None:
        for child in children:
            self._launch(child)
        while not self._is_stopping and not all(child.is_healthy for child in children):
            self._check_start(children, deadline)
            self._revive()
            self._wait()

    def _check_start(self, children: list[Child], deadline: float) -> None:
        began = deadline - self._plan.start_seconds
        for child in [child for child in children if not child.is_healthy]:
            if health.is_healthy(child, home=self._home):
                child.is_healthy = True
                say(f"{child.name:18} up after {time.monotonic() - began:.1f} s")
            elif child.deaths >= DEATHS_WHILE_STARTING:
                raise NotReady(f"{child.name} ended {child.deaths} times\n{child.tail()}")
            elif time.monotonic() > deadline:
                seconds = self._plan.start_seconds
                raise NotReady(f"{child.name} was not up in {seconds:.0f} s\n{child.tail()}")

    def _launch(self, child: Child) -> None:
        child.start()
        if self._watcher:
            self._watcher.started(child.pid)

    def _reap(self, child: Child) -> int | None:
        pid = child.pid
        status = child.exit_status()
        if status is not None and self._watcher:
            self._watcher.ended(pid)
        return status

    def _tend(self) -> None:
        self._revive()
        self._probe_web()

    def _revive(self) -> None:
        """Tell who died, and start again those whose wait is over."""
        for child in self._children:
            status = self._reap(child)
            if status is not None:
                say(f"{child.name} died ({in_words(status)}), restarting it")
                self._leave_event(child, status)
            if child.deaths and child.is_due():
                self._launch(child)

    def _probe_web(self) -> None:
        """Ask the web process for its health: its answer is what makes its heartbeat."""
        for child in self._children:
            if child.web_probe and child.pid:
                child.web_probe.has_answered()

    def _leave_event(self, child: Child, status: int) -> None:
        """Leave a note for the guardian, which writes it to the audit log."""
        event = {"name": child.name, "ended": in_words(status), "deaths": child.deaths}
        folder = self._home / "events"
        folder.mkdir(mode=0o700, exist_ok=True)
        unfinished = folder / f"{time.time_ns()}.part"
        unfinished.write_text(json.dumps(event))
        unfinished.replace(unfinished.with_suffix(".json"))

    def _stop_all(self) -> None:
        self._is_stopping = False
        for stage in sorted({child.plan.stage for child in self._children}, reverse=True):
            self._stop([child for child in self._children if child.plan.stage == stage])
        # Whoever asks again has been heard; it must not change the exit status.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def _stop(self, children: list[Child]) -> None:
        """End some children; a second request to stop ends the patience with them."""
        deadline = time.monotonic() + self._plan.stop_seconds
        for child in children:
            child.send(signal.SIGTERM)
        while any(child.pid for child in children):
            if self._is_stopping or time.monotonic() > deadline:
                for child in children:
                    child.send(signal.SIGKILL)
            for child in children:
                self._reap(child)
            self._wait()


def say(line: str) -> None:
    """Print a line; nobody reading any more is no reason to stop guarding."""
    with suppress(OSError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
