from breaker.models.breaker import Breaker
from breaker.models.request import ChangeRequest, Vote
from breaker.models.trip import Trip, TripEvent, TripEventKind

__all__ = [
    "Breaker",
    "ChangeRequest",
    "Trip",
    "TripEvent",
    "TripEventKind",
    "Vote",
]
