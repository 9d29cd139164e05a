"""The database's own refusal of what a breaker must never do, whoever asks."""

from breaker.domain.machine import ALLOWED, BreakerState
from riskconsole.triggers import Trigger

_BREAKER = "breaker_breaker"
_TRIP = "breaker_trip"
_EVENT = "breaker_tripevent"

_ALLOWED = " OR ".join(
    f"(OLD.state = '{before}' AND NEW.state = '{after}')" for before, after in sorted(ALLOWED)
)
_FACTS = ("breaker_id", "version", "at", "cause", "reason", "actor", "evidence")

TRIGGERS = (
    Trigger(
        name="breaker_transition",
        table=_BREAKER,
        event="UPDATE",
        condition=f"OLD.state <> NEW.state AND NOT ({_ALLOWED})",
        message="this breaker transition is forbidden",
    ),
    Trigger(
        name="breaker_born_active",
        table=_BREAKER,
        event="INSERT",
        condition=f"NEW.state <> '{BreakerState.ACTIVE}'",
        message="a breaker begins ACTIVE",
    ),
    Trigger(
        name="breaker_version_grows",
        table=_BREAKER,
        event="UPDATE",
        condition="NEW.version < OLD.version",
        message="a breaker version never falls",
    ),
    Trigger(
        name="trip_facts_stay",
        table=_TRIP,
        event="UPDATE",
        condition=" OR ".join(f"OLD.{name} <> NEW.{name}" for name in _FACTS)
        + " OR OLD.reset_at IS NOT NULL",
        message="the first cause of a trip is never overwritten",
    ),
    *(
        Trigger(
            name=f"{table}_no_{event.lower()}",
            table=table,
            event=event,
            message="breakers and trips are never removed",
        )
        for table in (_BREAKER, _TRIP, _EVENT)
        for event in ("DELETE", "TRUNCATE")
    ),
)
