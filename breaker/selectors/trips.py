"""A trip as its portfolio's page tells it: account by account, step by step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Min

from breaker.domain.machine import Cause
from breaker.models import Breaker, Trip, TripEventKind
from breaker.selectors.shell import CAUSE_WORDS
from oms.domain.cancel import LegStatus
from oms.selectors import LegRow, legs_of
from riskconsole.alerts.models import Alert, DeliveryStatus

STEP_ICONS = {"ok": "check", "warn": "clock", "trip": "hand"}
LEG_TONES = {
    LegStatus.EMPTY: "ok",
    LegStatus.PENDING: "warn",
    LegStatus.NEEDS_HUMAN: "trip",
    LegStatus.NOT_CONNECTED: "warn",
}
LEG_WORDS = {
    LegStatus.EMPTY: "confirmed without orders, twice",
    LegStatus.PENDING: "cancelling, not confirmed yet",
    LegStatus.NEEDS_HUMAN: "needs a human; the console goes on trying",
    LegStatus.NOT_CONNECTED: "not connected: cancel there by hand",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLeg:
    """A leg as it settles; after is how long its orders took to be confirmed gone."""

    leg: LegRow
    tone: str
    after: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that the breaker did; after is its distance from the trip."""

    words: str
    detail: str
    tone: str
    after: timedelta | None

    @property
    def icon(self) -> str:
        return STEP_ICONS[self.tone]


@dataclass(frozen=True, slots=True, kw_only=True)
class TripRow:
    """The open trip of a portfolio; lowest_equity is since then."""

    at: datetime
    cause_words: str
    reason: str
    actor: str
    lowest_equity: Decimal | None
    legs: tuple[ShownLeg, ...]
    steps: tuple[Step, ...]


def trips_between(breaker: Breaker, *, start: datetime, end: datetime) -> list[Trip]:
    return list(breaker.trips.filter(at__gte=start, at__lte=end).order_by("at"))


def open_trip_of(breaker: Breaker) -> TripRow | None:
    """Return the trip that only a reset ends, None on a breaker that has none."""
    trip = breaker.trips.filter(reset_at=None).first()
    if trip is None:
        return None
    legs = shown_legs(trip)
    return TripRow(
        at=trip.at,
        cause_words=CAUSE_WORDS[Cause(trip.cause)],
        reason=trip.reason,
        actor=trip.actor.removeprefix("user:"),
        lowest_equity=_lowest_equity(trip),
        legs=legs,
        steps=tuple(_steps(trip, legs)),
    )


def shown_legs(trip: Trip) -> tuple[ShownLeg, ...]:
    """Return the accounts of a trip with their orders, as they stand now."""
    return tuple(_shown(leg, trip=trip) for leg in legs_of(cause=f"trip:{trip.pk}"))


def _lowest_equity(trip: Trip) -> Decimal | None:
    points = trip.breaker.portfolio.equity_points.filter(at__gte=trip.at)
    found = [trip.equity, points.aggregate(lowest=Min("low"))["lowest"]]
    return min((equity for equity in found if equity is not None), default=None)


def _shown(leg: LegRow, *, trip: Trip) -> ShownLeg:
    is_empty = leg.status is LegStatus.EMPTY
    return ShownLeg(
        leg=leg, tone=LEG_TONES[leg.status], after=leg.since - trip.at if is_empty else None
    )


def _steps(trip: Trip, legs: Sequence[ShownLeg]) -> Iterable[Step]:
    """Yield what happened, in the order of a trip: the commit, the legs, who was told."""
    yield Step(
        words=CAUSE_WORDS[Cause(trip.cause)],
        detail="gate shut, evidence kept, cancels ordered: one transaction",
        tone="trip",
        after=timedelta(),
    )
    for shown in legs:
        yield Step(
            words=f"{shown.leg.account}: {shown.leg.cancelled} cancelled",
            detail=LEG_WORDS[shown.leg.status],
            tone=shown.tone,
            after=shown.after,
        )
    yield from _alert_steps(trip)
    for event in trip.events.order_by("pk"):
        yield Step(
            words="Halted again"
            if event.kind == TripEventKind.HALT
            else "Another limit was breached",
            detail=" ".join(filter(None, (event.actor.removeprefix("user:"), event.reason))),
            tone="trip",
            after=event.at - trip.at,
        )


def _alert_steps(trip: Trip) -> Iterable[Step]:
    alerts = Alert.objects.filter(cause=f"trip:{trip.pk}").prefetch_related("deliveries")
    deliveries = [one for alert in alerts.order_by("pk") for one in alert.deliveries.all()]
    if not deliveries:
        yield Step(words="Nobody told", detail="no alert route is set", tone="warn", after=None)
    for delivery in deliveries:
        is_delivered = delivery.status == DeliveryStatus.DELIVERED
        yield Step(
            words=f"Told over {delivery.route}"
            if is_delivered
            else f"Telling over {delivery.route}",
            detail="delivered" if is_delivered else f"attempt {delivery.attempts}, tried again",
            tone="ok" if is_delivered else "warn",
            after=delivery.delivered_at - trip.at if delivery.delivered_at else None,
        )
