"""Whether a process does its work: it beats, it answers."""

import time
from pathlib import Path

from riskconsole.ops.supervisor.child import Child
from riskconsole.ops.supervisor.probes import answers_ping


def is_healthy(child: Child, *, home: Path) -> bool:
    """Return whether each of the plan's signs of life is there since the process started."""
    plan = child.plan
    return (
        all(_has_beaten(home / "heartbeats" / name, child.started_at) for name in plan.heartbeats)
        and (not plan.redis_socket or answers_ping(plan.redis_socket))
        and (child.web_probe is None or child.web_probe.has_answered())
    )


def _has_beaten(heartbeat: Path, since: float) -> bool:
    """Return whether the file was touched after a moment; file times are a little coarse."""
    try:
        return since - 0.01 <= heartbeat.stat().st_mtime <= time.time() + 1
    except FileNotFoundError:
        return False
