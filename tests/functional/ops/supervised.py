"""A supervisor of tiny stand-in processes, and what a test may ask about it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from riskconsole.ops.supervisor.plan import ChildPlan, Plan, write_plan

DEADLINE_SECONDS = 20.0

CHILD = """
import pathlib, signal, sys, time
home, name, habit = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
print(f"{name} says hello", flush=True)
def stop(*_):
    with (home / "stopped").open("a") as file:
        file.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if habit == "stubborn" else stop)
if habit == "dies":
    sys.exit("the reason of its death")
(home / "heartbeats").mkdir(exist_ok=True)
while True:
    if habit != "silent":
        (home / "heartbeats" / name).touch()
    time.sleep(0.02)
"""
# What a platform without the kernel's parent death signal runs instead.
WITHOUT_KERNEL_HELP = """
import sys, pathlib
from riskconsole.ops.supervisor import leash
leash.IS_LINUX, leash._libc = False, None
from riskconsole.ops.supervisor.plan import read_plan
from riskconsole.ops.supervisor.run import Supervisor
sys.exit(Supervisor(read_plan(pathlib.Path(sys.argv[1]))).run())
"""


def child(home: Path, name: str, *, habit: str = "good", stage: int = 1) -> ChildPlan:
    argv = (sys.executable, "-S", "-c", CHILD, str(home), name, habit)
    return ChildPlan(name=name, argv=argv, stage=stage, heartbeats=(name,))


class Supervised:
    """A supervisor as a process, with its output."""

    def __init__(
        self, home: Path, *children: ChildPlan, has_kernel_help: bool = True, **limits: float
    ) -> None:
        self.home = home
        self.output = home / "output"
        plan = Plan(home=str(home), folder=str(home), url="http://x/", children=children, **limits)
        write_plan(plan, home / "plan.json")
        how = ["-m", "riskconsole.ops.supervisor"]
        how = how if has_kernel_help else ["-c", WITHOUT_KERNEL_HELP]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *how, str(home / "plan.json")],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[3],
            )

    def text(self) -> str:
        return self.output.read_text()

    def wait_for_line(self, line: str) -> None:
        wait_until(lambda: line in self.text().splitlines(), f"the line {line!r}")

    def descendants(self) -> dict[str, psutil.Process]:
        """Return the children by name."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return {one.cmdline()[-2]: one for one in children}

    def notes(self) -> list[dict[str, object]]:
        return [json.loads(note.read_text()) for note in (self.home / "events").glob("*.json")]

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(DEADLINE_SECONDS)


def wait_until(
    is_true: Callable[[], bool], what: str, *, seconds: float = DEADLINE_SECONDS
) -> None:
    """Wait for a fact, not for time."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.02)


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it went between the two questions
        return True
