"""What people add to an incident: notes, and that somebody has taken notice."""

from datetime import datetime

from django.db import transaction

from breaker.domain.machine import BreakerState
from breaker.models import Acknowledgement, Breaker, Trip, TripNote
from riskconsole.audit.chain import Payload
from riskconsole.audit.services import record
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.people.models import User

CALLING = frozenset({BreakerState.WARNING, BreakerState.TRIGGERED})


class NothingToAcknowledge(RiskConsoleError):
    """The breaker is not in the trip or warning that somebody wants to acknowledge, or no more."""


@transaction.atomic
def add_note(*, trip: Trip, author: User, text: str, address: str, now: datetime) -> TripNote:
    """Add what somebody writes about a trip; it stays as it is."""
    note = TripNote.objects.create(trip=trip, author=author, text=text, at=now)
    _record(
        trip,
        action="breaker.incident.noted",
        payload={"note": note.pk, "text": text},
        author=author,
        address=address,
        now=now,
    )
    return note


def acknowledge(
    *, breaker: Breaker, since: datetime, user: User, address: str, now: datetime
) -> None:
    """Note that somebody has taken notice of the trip or warning since a time; once.

    :raises NothingToAcknowledge: if it is over, or somebody was first: the sentence says who
    """
    with transaction.atomic():
        calling = Breaker.objects.filter(pk=breaker.pk, state__in=CALLING, state_since=since)
        state = calling.select_for_update().values_list("state", flat=True).first()
        if state is None:
            raise NothingToAcknowledge("There is nothing to acknowledge any more")
        first = _acknowledgement_of(breaker, since)
        if first is not None:
            when = f"{first.at:%Y-%m-%d %H:%M:%S}"
            raise NothingToAcknowledge(f"{first.by.username} acknowledged it at {when} UTC")
        Acknowledgement.objects.create(breaker=breaker, since=since, by=user, at=now)
        record(
            action="breaker.incident.acknowledged",
            subject=subject_of(breaker, state=BreakerState(state)),
            portfolio=breaker.portfolio.slug,
            actor=f"user:{user.username}",
            address=address,
            payload={"state": state, "since": time_text(since)},
            now=now,
        )


@transaction.atomic
def note_export(
    *, trip: Trip, author: User, name: str, sha256: str, address: str, now: datetime
) -> None:
    """Note that somebody took a copy of the incident, and which one."""
    _record(
        trip,
        action="breaker.incident.exported",
        payload={"file": name, "sha256": sha256},
        author=author,
        address=address,
        now=now,
    )


def subject_of(breaker: Breaker, *, state: BreakerState) -> str:
    """Return how the log names what a breaker calls for: its open trip, or the portfolio."""
    if state is BreakerState.TRIGGERED:
        trip_id = breaker.trips.filter(reset_at=None).values_list("pk", flat=True).get()
        return f"trip:{trip_id}"
    return f"portfolio:{breaker.portfolio.slug}"


def _acknowledgement_of(breaker: Breaker, since: datetime) -> Acknowledgement | None:
    found = Acknowledgement.objects.filter(breaker=breaker, since=since)
    return found.select_related("by").first()


def _record(
    trip: Trip, *, action: str, payload: Payload, author: User, address: str, now: datetime
) -> None:
    record(
        action=action,
        subject=f"trip:{trip.pk}",
        portfolio=trip.breaker.portfolio.slug,
        actor=f"user:{author.username}",
        address=address,
        payload=payload,
        now=now,
    )
