"""What an entry of the log says on an incident's timeline, in a few words."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from breaker.domain.machine import Cause
from breaker.selectors.shell import CAUSE_WORDS
from oms.domain.cancel import LegStatus, Outcome
from oms.domain.closing import CloseStatus, IntentState
from riskconsole.audit.services import SYSTEM
from riskconsole.audit.verify_export import Row, is_hash_right
from riskconsole.kernel.numbers import loss_text

SETTLED = "oms.cancel_leg.settled"
TRIPPED = "breaker.trip.happened"
RESET = "breaker.reset.happened"

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An entry in words; deed is what a person did, to be read after the name.

    :param tone: trip, warn, ok or empty
    """

    deed: str
    detail: str
    tone: str
    icon: str


Teller = Callable[[Facts], Told]

_LEG_TOLD: Mapping[str, tuple[str, str, str]] = {
    LegStatus.EMPTY: ("confirmed without orders, twice", "ok", "ACTIVE"),
    LegStatus.PENDING: ("not confirmed yet", "warn", "clock"),
    LegStatus.NEEDS_HUMAN: ("not confirmed gone, needs a human", "trip", "hand"),
    LegStatus.NOT_CONNECTED: ("not connected: cancel there by hand", "warn", "hand"),
}
_CLOSE_TOLD: Mapping[str, tuple[str, str, str]] = {
    CloseStatus.CLOSING: ("positions not closed yet", "warn", "clock"),
    CloseStatus.FLAT: ("confirmed flat", "ok", "ACTIVE"),
    CloseStatus.RESIDUAL: ("closed, but for what no order takes", "ok", "ACTIVE"),
    CloseStatus.NEEDS_HUMAN: ("not closed, needs a human", "trip", "hand"),
}
_INTENT_TOLD: Mapping[str, tuple[str, str, str]] = {
    IntentState.FILLED: ("filled", "ok", "check"),
    IntentState.GONE: ("not filled", "warn", "cross"),
    IntentState.UNKNOWN: ("not known, is looked up again", "warn", "clock"),
}
_OUTCOME_WORDS: Mapping[str, str] = {
    Outcome.CANCELLED: "cancelled",
    Outcome.GONE: "gone before",
    Outcome.FAILED: "not cancelled",
    Outcome.UNKNOWN: "unknown",
    Outcome.KEPT: "kept",
}


def payload_of(row: Row) -> Facts:
    """Return what an entry holds; one that somebody changed may hold nothing that can be read."""
    try:
        found = json.loads(row.payload)
    except (TypeError, ValueError):
        found = None
    return defaultdict(str, found if isinstance(found, dict) else {})


def told(row: Row) -> Told:
    """Return the entry in words; what was changed after it was written is not repeated."""
    if not is_hash_right(row):
        return Told(
            deed="This entry was changed after it was written",
            detail="its hash is not that of what it says",
            tone="trip",
            icon="broken",
        )
    return _TELLERS.get(row.action, _plainly(row.action))(payload_of(row))


def who(row: Row) -> str:
    """Return who did it by name; nobody where the console did it by itself."""
    return "" if row.actor == SYSTEM else row.actor.removeprefix("user:")


def _says(deed: str, *keys: str, tone: str = "", icon: str = "log") -> Teller:
    """Return a teller that shows these facts as they are."""

    def tell(facts: Facts) -> Told:
        detail = "; ".join(str(facts[key]) for key in keys if facts[key])
        return Told(deed=deed, detail=detail, tone=tone, icon=icon)

    return tell


def _plainly(action: str) -> Teller:
    return _says(" ".join(action.split(".")[1:]).replace("_", " ").capitalize())


def _numbers(facts: Facts) -> str:
    equity, ratio = facts["equity"], facts["loss_ratio"]
    found = [f"equity {equity}" if equity else "equity not known"]
    if ratio:
        found.append(f"a loss of {loss_text(Decimal(ratio))}")
    return ", ".join(found)


def _tripped(facts: Facts) -> Told:
    detail = ". ".join(filter(None, (facts["reason"], _numbers(facts).capitalize())))
    is_halt = facts["cause"] == Cause.HALT
    deed = "halted it" if is_halt else CAUSE_WORDS.get(facts["cause"], "Tripped")
    return Told(deed=deed, detail=detail, tone="trip", icon="TRIGGERED")


def _warned(facts: Facts) -> Told:
    return Told(
        deed="Warning line passed",
        detail=_numbers(facts).capitalize(),
        tone="warn",
        icon="WARNING",
    )


def _breached(facts: Facts) -> Told:
    words = CAUSE_WORDS.get(facts["cause"], str(facts["cause"]))
    return Told(deed="Another limit was breached", detail=words, tone="trip", icon="TRIGGERED")


def _settled(facts: Facts) -> Told:
    words, tone, icon = _LEG_TOLD.get(facts["status"], (str(facts["status"]), "", "log"))
    orders = list(facts["orders"])
    counts = Counter(order["outcome"] for order in orders)
    found = [f"{number} {_OUTCOME_WORDS.get(name, name)}" for name, number in counts.items()]
    named = ", ".join(order["order"] for order in orders)
    detail = "; ".join(filter(None, (named and f"orders {named}", facts["error"])))
    deed = f"{facts['account']}: {', '.join([*found, words])}"
    return Told(deed=deed, detail=detail, tone=tone, icon=icon)


def _ordered(words: str, *, tone: str, icon: str) -> Teller:
    def tell(facts: Facts) -> Told:
        size = f"{facts['side']} {facts['quantity']} {facts['instrument']} at {facts['price']}"
        detail = f"{size}, order {facts['order']}"
        return Told(deed=f"{facts['account']}: {words}", detail=detail, tone=tone, icon=icon)

    return tell


def _grown(facts: Facts) -> Told:
    lines = [f"{line['side']} {line['instrument']} is {line['held']}" for line in facts["grown"]]
    return Told(
        deed=f"{facts['account']}: a position grew since the trip, somebody is trading",
        detail=", ".join(lines),
        tone="trip",
        icon="hand",
    )


def _close_sent(facts: Facts) -> Told:
    size = f"{facts['side']} {facts['quantity']} {facts['instrument']}"
    return Told(
        deed=f"{facts['account']}: {size} to reduce",
        detail=f"limit {facts['limit_price']}, of {facts['held']}, order {facts['client_id']}",
        tone="",
        icon="log",
    )


def _close_answered(facts: Facts) -> Told:
    words, tone, icon = _INTENT_TOLD.get(facts["state"], (str(facts["state"]), "", "log"))
    detail = "; ".join(filter(None, (f"order {facts['client_id']}", facts["error"])))
    deed = f"{facts['account']}: {facts['instrument']} {words}"
    if facts["state"] == IntentState.FILLED:
        deed = f"{deed}, {facts['filled']}"
    return Told(deed=deed, detail=detail, tone=tone, icon=icon)


def _closed(facts: Facts) -> Told:
    words, tone, icon = _CLOSE_TOLD.get(facts["status"], (str(facts["status"]), "", "log"))
    left = [
        f"{row['side']} {row['quantity']} {row['name']} ({row['reason']})"
        for row in facts["residuals"] or ()
    ]
    detail = "; ".join(filter(None, (", ".join(left), facts["error"])))
    return Told(deed=f"{facts['account']}: {words}", detail=detail, tone=tone, icon=icon)


def _asked(facts: Facts) -> Told:
    asks = facts["asks"] or {}
    choice = asks.get("reference", "")
    detail = "; ".join(filter(None, (facts["reason"], choice and f"reference: {choice}")))
    return Told(
        deed=f"asked for a {str(facts['kind']).lower()}", detail=detail, tone="", icon="people"
    )


def _voted(deed: str, *, tone: str, icon: str) -> Teller:
    def tell(facts: Facts) -> Told:
        detail = "; ".join(filter(None, (facts["note"], *(facts["exceptions"] or ()))))
        return Told(deed=deed, detail=detail, tone=tone, icon=icon)

    return tell


def _was_reset(facts: Facts) -> Told:
    change = f"{facts['reference_before']} to {facts['reference_after']}"
    detail = f"Reference: {facts['reference']}, {change}; equity {facts['equity']}"
    return Told(deed="reset the breaker", detail=detail, tone="ok", icon="ACTIVE")


_TELLERS: Mapping[str, Teller] = {
    "breaker.warning.began": _warned,
    TRIPPED: _tripped,
    "breaker.breach.appended": _breached,
    "breaker.halt.repeated": _says("halted again", "reason", tone="trip", icon="hand"),
    SETTLED: _settled,
    "oms.late_order.seen": _ordered("an order came after the trip", tone="warn", icon="WARNING"),
    "oms.disobedience.seen": _ordered(
        "an order came after the lease, somebody is trading", tone="trip", icon="hand"
    ),
    "oms.position.grown": _grown,
    "breaker.flatten.began": _says(
        "closes positions by hand", "account", "instrument", icon="hand"
    ),
    "oms.close_intent.sent": _close_sent,
    "oms.close_intent.settled": _close_answered,
    "oms.close_leg.settled": _closed,
    "breaker.request.made": _asked,
    "breaker.request.approved": _voted("approved, others must too", tone="", icon="check"),
    "breaker.request.executed": _voted("approved the reset", tone="ok", icon="check"),
    "breaker.request.refused": _voted("refused the reset", tone="warn", icon="cross"),
    "breaker.request.withdrawn": _says("took the request back", icon="cross"),
    "breaker.request.void": _says("The request is void", "why", icon="cross"),
    "breaker.request.expired": _says("The request expired", "why", icon="clock"),
    "breaker.approval.refused": _says("could not approve", "why", tone="warn", icon="lock"),
    RESET: _was_reset,
    "breaker.incident.noted": _says("noted", "text", icon="book"),
    "breaker.incident.acknowledged": _says("acknowledged it", tone="ok", icon="check"),
    "breaker.incident.escalated": _says(
        "Nobody had acknowledged it: people were told again", tone="trip", icon="bell"
    ),
    "breaker.incident.exported": _says("took a copy", "file", icon="save"),
    "people.access.refused": _says("was refused", "method", "path", tone="warn", icon="lock"),
}
