"""What people add to a trip is only ever added to."""

from breaker.triggers.conditions import EVENT
from riskconsole.triggers import append_only

_TABLES = (
    ("trip_event", EVENT, (("id",),)),
    ("trip_note", "breaker_tripnote", (("id",),)),
    ("acknowledgement", "breaker_acknowledgement", (("id",), ("breaker_id", "since"))),
    ("escalation", "breaker_escalation", (("id",), ("breaker_id", "since", "at"))),
)
INCIDENT_TRIGGERS = tuple(
    trigger
    for prefix, table, keys in _TABLES
    for trigger in append_only(
        prefix=prefix,
        table=table,
        keys=keys,
        message="what was added to an incident is never changed and never removed",
    )
)
