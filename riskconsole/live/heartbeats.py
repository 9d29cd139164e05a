"""A file per long-lived process, touched each second: tells who lives, also without Redis."""

import time
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

PROCESSES = (
    "web",
    "worker-emergency",
    "worker-monitor",
    "worker-background",
    "beat",
    "feed",
    "guardian",
)
ALIVE_SECONDS = 10.0


class Heartbeat(NamedTuple):
    name: str
    age_seconds: float | None
    is_alive: bool


def beat(name: str) -> None:
    """Say that the process is at work; called by the very loop that does the work."""
    path = _folder() / name
    try:
        path.touch()
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch()


def heartbeats() -> list[Heartbeat]:
    """Return every process that a console needs; one that never ran has no age."""
    return [_heartbeat(name) for name in PROCESSES]


def _heartbeat(name: str) -> Heartbeat:
    try:
        age = max(0.0, time.time() - (_folder() / name).stat().st_mtime)
    except FileNotFoundError:
        return Heartbeat(name, None, is_alive=False)
    return Heartbeat(name, age, is_alive=age <= ALIVE_SECONDS)


def _folder() -> Path:
    return Path(settings.RISKCONSOLE_HOME) / "heartbeats"
