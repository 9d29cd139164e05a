"""What happened, in a few words: the feed of the overview. The log itself has everything."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from breaker.domain.approval import KIND_WORDS, Reference, RequestKind
from breaker.domain.machine import BreakerState, Cause
from oms.domain.cancel import LegStatus, Outcome
from oms.domain.closing import CloseStatus
from riskconsole.audit.models import AuditEntry
from riskconsole.kernel.clock import time_from
from riskconsole.kernel.numbers import loss_text

FEED_LENGTH = 12
# A trip leaves a few entries for each account, and the feed shows one.
FEED_READS = 4 * FEED_LENGTH
NARROW = "\N{NARROW NO-BREAK SPACE}"
SETTLED = "oms.cancel_leg.settled"
CLOSED = "oms.close_leg.settled"

STATE_TONES: Mapping[BreakerState, str] = {
    BreakerState.TRIGGERED: "t-trip",
    BreakerState.WARNING: "t-warn",
    BreakerState.ACTIVE: "t-ok",
    BreakerState.DISABLED: "t-off",
}
LEG_SHAPES: Mapping[LegStatus, BreakerState] = {
    LegStatus.EMPTY: BreakerState.ACTIVE,
    LegStatus.PENDING: BreakerState.WARNING,
    LegStatus.NEEDS_HUMAN: BreakerState.TRIGGERED,
    LegStatus.NOT_CONNECTED: BreakerState.WARNING,
}
LEG_WORDS: Mapping[LegStatus, str] = {
    LegStatus.EMPTY: "confirmed empty",
    LegStatus.PENDING: "not confirmed yet",
    LegStatus.NEEDS_HUMAN: "not confirmed gone, needs a human",
    LegStatus.NOT_CONNECTED: "not connected, cancel there by hand",
}
CLOSE_SHAPES: Mapping[CloseStatus, BreakerState] = {
    CloseStatus.CLOSING: BreakerState.WARNING,
    CloseStatus.FLAT: BreakerState.ACTIVE,
    CloseStatus.RESIDUAL: BreakerState.ACTIVE,
    CloseStatus.NEEDS_HUMAN: BreakerState.TRIGGERED,
}
CLOSE_WORDS: Mapping[CloseStatus, str] = {
    CloseStatus.CLOSING: "being closed",
    CloseStatus.FLAT: "flat",
    CloseStatus.RESIDUAL: "closed, but for what no order takes",
    CloseStatus.NEEDS_HUMAN: "not closed, needs a human",
}

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An entry of the log in a few words; name is the portfolio's."""

    sequence: int
    at: datetime
    name: str
    words: str
    actor: str
    shape: BreakerState
    tone: str


def _at_loss(words: str) -> Callable[[Facts], str]:
    def told(facts: Facts) -> str:
        ratio = facts.get("loss_ratio")
        if ratio is None:
            return words
        loss = loss_text(Decimal(ratio)).replace(" ", NARROW)
        return f"{words} at a loss of {loss}"

    return told


def _tripped(facts: Facts) -> str:
    cause = Cause(facts["cause"])
    if cause is Cause.HALT:
        return _with_reason("halted")(facts)
    if cause is Cause.BLIND:
        return "tripped: blind for too long"
    return _at_loss("tripped")(facts)


def _with_reason(words: str) -> Callable[[Facts], str]:
    return lambda facts: f"{words}: {facts['reason']}" if facts["reason"] else words


def _on_account(words: str) -> Callable[[Facts], str]:
    return lambda facts: f"{facts['account']}: {words}"


def _on_subject(words: str) -> Callable[[Facts], str]:
    return lambda facts: f"{facts['subject']} {words}"


def _asked(facts: Facts) -> str:
    return f"asked to {KIND_WORDS[RequestKind(facts['kind'])]}"


def _reset(facts: Facts) -> str:
    return "reset, re-based" if facts["reference"] == Reference.REBASE else "reset, reference kept"


def _plain(words: str) -> Callable[[Facts], str]:
    return lambda _facts: words


def _settled(facts: Facts) -> str:
    count = Counter(facts["outcomes"].values())
    told = [
        f"{number} order{'s' if number != 1 else ''} {words}"
        for outcome, words in ((Outcome.CANCELLED, "cancelled"), (Outcome.KEPT, "kept"))
        if (number := count[outcome])
    ]
    return f"{facts['account']}: {', '.join([*told, LEG_WORDS[LegStatus(facts['status'])]])}"


def _closed(facts: Facts) -> str:
    return f"{facts['account']}: {CLOSE_WORDS[CloseStatus(facts['status'])]}"


# The feed shows these actions and no other; the leg's shape is that of its status.
TELLERS: Mapping[str, tuple[BreakerState, Callable[[Facts], str]]] = {
    "breaker.trip.happened": (BreakerState.TRIGGERED, _tripped),
    "breaker.halt.repeated": (BreakerState.TRIGGERED, _with_reason("halted again")),
    "breaker.warning.began": (BreakerState.WARNING, _at_loss("passed the warning line")),
    "breaker.warning.ended": (BreakerState.ACTIVE, _plain("is clear of the warning line")),
    "breaker.pause.began": (BreakerState.WARNING, _plain("paused, reduce only")),
    "breaker.pause.ended": (BreakerState.ACTIVE, _plain("pause ended")),
    "breaker.arming.completed": (BreakerState.ACTIVE, _plain("armed")),
    "breaker.limits.changed": (BreakerState.DISABLED, _plain("limits changed")),
    "breaker.request.made": (BreakerState.DISABLED, _asked),
    "breaker.request.refused": (BreakerState.DISABLED, _plain("request refused")),
    "breaker.request.withdrawn": (BreakerState.DISABLED, _plain("request withdrawn")),
    "breaker.request.expired": (BreakerState.DISABLED, _plain("request expired undecided")),
    "breaker.reset.happened": (BreakerState.ACTIVE, _reset),
    "breaker.flatten.began": (BreakerState.WARNING, _plain("positions are closed by hand")),
    "breaker.disable.began": (BreakerState.DISABLED, _plain("disabled by approval")),
    "breaker.disable.ended": (BreakerState.ACTIVE, _plain("guarded again")),
    "breaker.restore.confirmed": (BreakerState.ACTIVE, _plain("goes on after the restore")),
    "portfolio.account.joined": (BreakerState.ACTIVE, _on_account("counts from now on")),
    "portfolio.account.removed": (BreakerState.DISABLED, _on_account("removed")),
    "breaker.restore.noticed": (BreakerState.WARNING, _plain("The database was restored")),
    SETTLED: (BreakerState.ACTIVE, _settled),
    "oms.late_order.seen": (
        BreakerState.WARNING,
        _on_account("an order came after the trip"),
    ),
    "oms.disobedience.seen": (
        BreakerState.TRIGGERED,
        _on_account("an order came after the lease"),
    ),
    "oms.position.grown": (
        BreakerState.TRIGGERED,
        _on_account("a position grew since the trip"),
    ),
    CLOSED: (BreakerState.ACTIVE, _closed),
    "oms.crash.started": (BreakerState.WARNING, _plain("simulated crash started")),
    "people.access.refused": (BreakerState.WARNING, _plain("access refused")),
    "ops.clock.jumped": (BreakerState.WARNING, _plain("The clock was moved")),
    "ops.process.silent": (BreakerState.WARNING, _on_subject("is silent")),
    "ops.process.restarted": (BreakerState.WARNING, _on_subject("was restarted")),
}
FEED_ACTIONS = frozenset(TELLERS)


def feed_of(entries: Iterable[AuditEntry], *, names: Mapping[str, str]) -> tuple[Event, ...]:
    """Return the newest events of these entries, which come newest first.

    What the log says about one account of one trip is told once, where it was said last.

    :param names: of portfolios, by slug
    """
    shown: list[tuple[AuditEntry, dict[str, Any]]] = []
    legs: dict[tuple[str, str], dict[str, str]] = {}
    for entry in entries:
        facts = {"subject": entry.subject} | json.loads(entry.payload)
        if entry.action == SETTLED:
            leg = entry.subject, facts["account"]
            is_told = leg in legs
            facts["outcomes"] = legs.setdefault(leg, {})
            for order in facts["orders"]:
                facts["outcomes"].setdefault(order["order"], order["outcome"])
            if is_told:
                continue
        shown.append((entry, facts))
    return tuple(_event(entry, facts, names=names) for entry, facts in shown[:FEED_LENGTH])


def _event(entry: AuditEntry, facts: Facts, *, names: Mapping[str, str]) -> Event:
    shape, tell = TELLERS[entry.action]
    if entry.action == SETTLED:
        shape = LEG_SHAPES[LegStatus(facts["status"])]
    elif entry.action == CLOSED:
        shape = CLOSE_SHAPES[CloseStatus(facts["status"])]
    return Event(
        sequence=entry.sequence,
        at=time_from(entry.at),
        name=names.get(entry.portfolio, entry.portfolio),
        words=tell(facts),
        actor=entry.actor.removeprefix("user:"),
        shape=shape,
        tone=STATE_TONES[shape],
    )
