from breaker.models.breaker import Breaker
from breaker.models.incident import Acknowledgement, Escalation, TripNote
from breaker.models.request import ChangeRequest, Vote
from breaker.models.trip import Trip, TripEvent, TripEventKind

__all__ = [
    "Acknowledgement",
    "Breaker",
    "ChangeRequest",
    "Escalation",
    "Trip",
    "TripEvent",
    "TripEventKind",
    "TripNote",
    "Vote",
]
