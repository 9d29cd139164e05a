"""What is written about a trip stays."""

from breaker.domain.approval import RequestStatus
from breaker.domain.machine import BreakerState
from breaker.triggers.conditions import BREAKER, REQUEST, TRIP, no_replace
from riskconsole.triggers import Trigger, is_changed

_TRIP_FACTS = (
    "id",
    "breaker_id",
    "version",
    "at",
    "cause",
    "reason",
    "actor",
    "equity",
    "reference_equity",
    "loss_ratio",
    "evidence",
)
TRIP_TRIGGERS = (
    Trigger(
        name="trip_facts_stay",
        table=TRIP,
        event="UPDATE",
        condition=f"{is_changed(*_TRIP_FACTS)} OR OLD.reset_at IS NOT NULL",
        message="the first cause of a trip is never overwritten",
    ),
    Trigger(
        # Its breaker has left TRIGGERED by then, which takes the request of this very trip.
        name="trip_reset_approved",
        table=TRIP,
        event="UPDATE",
        condition=f"NEW.reset_at IS NOT NULL AND (NOT EXISTS (SELECT 1 FROM {REQUEST} r"  # noqa: S608
        f" WHERE r.trip_id = NEW.id AND r.status = '{RequestStatus.EXECUTED}')"
        f" OR EXISTS (SELECT 1 FROM {BREAKER} b WHERE b.id = NEW.breaker_id"
        f" AND b.state = '{BreakerState.TRIGGERED}'))",
        reads_rows=True,
        message="only an approved reset ends a trip",
    ),
    Trigger(
        name="trip_born_open",
        table=TRIP,
        event="INSERT",
        condition="NEW.reset_at IS NOT NULL",
        message="a trip begins open",
    ),
    no_replace(
        TRIP,
        "t.breaker_id = NEW.breaker_id AND (t.version = NEW.version OR t.reset_at IS NULL)",
    ),
)
