"""Entries of the log in a few words, for the feed of the overview."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from breaker.domain.machine import BreakerState
from riskconsole.audit.models import AuditEntry
from riskconsole.kernel.clock import time_from

FEED_LENGTH = 12
STATE_TONES: Mapping[BreakerState, str] = {
    BreakerState.TRIGGERED: "t-trip",
    BreakerState.WARNING: "t-warn",
    BreakerState.ACTIVE: "t-ok",
    BreakerState.DISABLED: "t-off",
}

# What is not listed is shown by the words of its action.
WORDS: Mapping[str, tuple[str, BreakerState]] = {
    "breaker.trip.happened": ("tripped", BreakerState.TRIGGERED),
    "breaker.halt.repeated": ("halted again", BreakerState.TRIGGERED),
    "breaker.warning.began": ("passed the warning line", BreakerState.WARNING),
    "breaker.warning.ended": ("is clear of the warning line", BreakerState.ACTIVE),
    "breaker.pause.began": ("paused, reduce only", BreakerState.WARNING),
    "breaker.pause.ended": ("pause ended", BreakerState.ACTIVE),
    "breaker.arming.completed": ("armed", BreakerState.ACTIVE),
    "oms.cancel_leg.settled": ("orders of an account settled", BreakerState.ACTIVE),
    "oms.late_order.seen": ("an order came after the trip", BreakerState.WARNING),
    "oms.disobedience.seen": ("an order came after the lease", BreakerState.TRIGGERED),
    "oms.position.grown": ("a position grew since the trip", BreakerState.TRIGGERED),
    "oms.crash.started": ("simulated crash started", BreakerState.WARNING),
    "people.access.refused": ("access refused", BreakerState.WARNING),
    "ops.clock.jumped": ("the clock was moved", BreakerState.WARNING),
    "ops.process.silent": ("a process is silent", BreakerState.WARNING),
    "ops.process.restarted": ("a process was restarted", BreakerState.WARNING),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An entry of the log in a few words."""

    sequence: int
    at: datetime
    portfolio: str
    words: str
    actor: str
    shape: BreakerState
    tone: str


def event_of(entry: AuditEntry) -> Event:
    plain = " ".join(entry.action.split(".")[1:]).replace("_", " ")
    words, shape = WORDS.get(entry.action, (plain, BreakerState.DISABLED))
    return Event(
        sequence=entry.sequence,
        at=time_from(entry.at),
        portfolio=entry.portfolio,
        words=words,
        actor=entry.actor.removeprefix("user:"),
        shape=shape,
        tone=STATE_TONES[shape],
    )
