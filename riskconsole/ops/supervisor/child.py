"""One supervised process: started, watched, started again when it dies."""

import os
import signal
import subprocess
import time
from pathlib import Path

from riskconsole.ops.supervisor import leash
from riskconsole.ops.supervisor.plan import ChildPlan
from riskconsole.ops.supervisor.probes import WebProbe

SHORTEST_WAIT = 0.2
LONGEST_WAIT = 5.0
STEADY_SECONDS = 30.0
TAIL_LINES = 8


class Child:
    """A process and its log; started_at is on the wall clock, to compare with file times."""

    def __init__(self, plan: ChildPlan, *, home: Path, folder: Path) -> None:
        self.plan = plan
        self._folder = folder
        self.log = home / "log" / f"{plan.name}.log"
        self.started_at = 0.0
        self.deaths = 0
        self.is_healthy = False
        self.web_probe: WebProbe | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._next_start = 0.0
        self._wait = SHORTEST_WAIT

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def pid(self) -> int:
        """Return the process id, 0 while it does not run."""
        return self._process.pid if self._process else 0

    def rotate_log(self) -> None:
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))

    def start(self) -> None:
        parent = os.getpid()
        self.started_at, self._started = time.time(), time.monotonic()
        self.is_healthy = False
        self.web_probe = _web_probe(self.plan)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self.plan.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=os.environ | dict(self.plan.env),
                pass_fds=self.plan.fds,
                # Its own group: a Ctrl-C in the terminal reaches the supervisor alone, which
                # stops the children in order.
                start_new_session=True,
                preexec_fn=lambda: self._prepare(parent),
            )

    def exit_status(self) -> int | None:
        """Return how the process ended, once; None while it runs and afterwards."""
        if self._process is None or (status := self._process.poll()) is None:
            return None
        self._process, self.is_healthy = None, False
        self._plan_next_start()
        return status

    def is_due(self) -> bool:
        return self._process is None and time.monotonic() >= self._next_start

    def send(self, number: signal.Signals) -> None:
        if self._process is not None:
            leash.kill_group(self._process.pid, number)

    def tail(self) -> str:
        """Return the last lines of the log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])

    def _prepare(self, parent: int) -> None:
        leash.tie_to(parent)
        os.nice(self.plan.nice)

    def _plan_next_start(self) -> None:
        now = time.monotonic()
        has_been_steady = now - self._started >= STEADY_SECONDS
        self._wait = SHORTEST_WAIT if has_been_steady else min(self._wait * 2, LONGEST_WAIT)
        self._next_start = now + self._wait
        self.deaths += 1


def _web_probe(plan: ChildPlan) -> WebProbe | None:
    return WebProbe(plan.http_url, host=plan.http_host) if plan.http_url else None


def in_words(status: int) -> str:
    """Return an exit status as people say it: exit status 1, signal 9."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"
