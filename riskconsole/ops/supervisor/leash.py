"""No child outlives the supervisor, not even after kill -9: it cannot run a last line then."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress

IS_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if IS_LINUX else None


def tie_to(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; run between fork and exec."""
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


class Watcher:
    """Where the kernel has no such signal: a process that sees its pipe from the supervisor end."""

    def __init__(self) -> None:
        reader, self._writer = os.pipe()
        if os.fork() == 0:
            os.close(self._writer)
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            _kill_groups(_pids_left_at_the_end(reader))
            os._exit(0)
        os.close(reader)

    def started(self, pid: int) -> None:
        os.write(self._writer, f"+{pid}\n".encode())

    def ended(self, pid: int) -> None:
        os.write(self._writer, f"-{pid}\n".encode())


def kill_group(pid: int, number: signal.Signals) -> None:
    """Signal a child's whole process group; one that is gone already is what was wanted."""
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def _pids_left_at_the_end(reader: int) -> set[int]:
    pids: set[int] = set()
    with os.fdopen(reader) as lines:
        for line in lines:
            change = pids.add if line.startswith("+") else pids.discard
            change(int(line[1:]))
    return pids


def _kill_groups(pids: Iterable[int]) -> None:
    for pid in pids:
        kill_group(pid, signal.SIGKILL)
