"""One incident as its page and its report show it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from breaker.domain.incident import (
    LegTimes,
    Measure,
    price_to_trip,
    trip_to_all_empty,
    trip_to_first_alert,
    trip_to_first_cancel,
)
from breaker.domain.machine import BreakerState, Cause
from breaker.models import Acknowledgement, Trip, TripNote
from breaker.selectors.entry_words import SETTLED, payload_of
from breaker.selectors.evidence import Evidence, evidence_of
from breaker.selectors.exposure import Exposure, exposure_of
from breaker.selectors.incidents import acknowledgement_of, approvers_of, resets_of
from breaker.selectors.shell import CAUSE_WORDS
from breaker.selectors.timeline import (
    Line,
    Show,
    Timeline,
    entries_of,
    lines_of,
    time_of,
    timeline_of,
    trip_entry,
)
from breaker.selectors.trips import ShownLeg, shown_legs
from oms.domain.cancel import LegStatus
from oms.models import LegOrder
from riskconsole.alerts.models import Alert, Delivery, DeliveryStatus, Level
from riskconsole.audit.verify_export import Row
from riskconsole.kernel.numbers import EXACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    words: str
    after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with what they did, in the order of time."""

    name: str
    deeds: tuple[Deed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRoute:
    """One alert over one route; after is from the trip until it was delivered."""

    route: str
    level: str
    subject: str
    attempts: int
    delivered_at: datetime | None
    after: timedelta | None
    next_attempt_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentPage:
    """:param exposure: only while it is open; what is open later is no matter of this trip"""

    trip: Trip
    slug: str
    name: str
    currency: str
    state: BreakerState
    cause_words: str
    lasts: timedelta
    measures: tuple[Measure, ...]
    exposure: Exposure | None
    moved_since: Decimal | None
    timeline: Timeline
    legs: tuple[ShownLeg, ...]
    evidence: Evidence
    routes: tuple[ToldRoute, ...]
    people: tuple[Person, ...]
    notes: tuple[TripNote, ...]
    acknowledged: Acknowledgement | None
    reset_by: str
    entries: tuple[Row, ...]

    @property
    def is_open(self) -> bool:
        return self.trip.reset_at is None

    @property
    def at(self) -> datetime:
        return self.trip.at

    @property
    def actor(self) -> str:
        """The person who halted, as the table of orders names them."""
        return self.trip.actor.removeprefix("user:")


def incident_page(trip: Trip, *, show: Show = Show.ALL, now: datetime) -> IncidentPage:
    entries = entries_of(trip)
    evidence = evidence_of(trip, entry=trip_entry(entries))
    lines = lines_of(trip, entries=entries, evidence=evidence.rows)
    legs, routes = shown_legs(trip), _routes_of(trip)
    portfolio, reset = trip.breaker.portfolio, resets_of([trip]).get(trip.pk)
    exposure = None
    if trip.reset_at is None:
        exposure = exposure_of(trip, legs=[shown.leg for shown in legs])
    return IncidentPage(
        trip=trip,
        slug=portfolio.slug,
        name=portfolio.name,
        currency=portfolio.reference_currency,
        state=BreakerState(trip.breaker.state),
        cause_words=CAUSE_WORDS[Cause(trip.cause)],
        lasts=(trip.reset_at or now) - trip.at,
        measures=_measures(trip, evidence=evidence, legs=legs, routes=routes, entries=entries),
        exposure=exposure,
        moved_since=_moved_since(trip),
        timeline=timeline_of(lines, tripped_at=trip.at, show=show),
        legs=legs,
        evidence=evidence,
        routes=routes,
        people=_people(lines, trip=trip),
        notes=tuple(trip.notes.select_related("author").order_by("pk")),
        acknowledged=acknowledgement_of(trip),
        reset_by=approvers_of(reset) if reset else "",
        entries=tuple(entries),
    )


def _moved_since(trip: Trip) -> Decimal | None:
    equity = trip.breaker.portfolio.evaluation.equity
    if trip.reset_at is not None or trip.equity is None or equity is None:
        return None
    return EXACT.subtract(equity, trip.equity)


def _measures(
    trip: Trip,
    *,
    evidence: Evidence,
    legs: Sequence[ShownLeg],
    routes: Sequence[ToldRoute],
    entries: Iterable[Row],
) -> tuple[Measure, ...]:
    times = _leg_times(trip, legs=legs, entries=entries)
    told = [route for route in routes if route.level == Level.TRIP]
    return (
        price_to_trip(
            cause=Cause(trip.cause),
            tripped_at=trip.at,
            confirmed_at=[row.confirmed_at for row in evidence.rows],
        ),
        trip_to_first_cancel(tripped_at=trip.at, legs=times),
        trip_to_all_empty(tripped_at=trip.at, legs=times),
        trip_to_first_alert(
            tripped_at=trip.at,
            routes=len(told),
            delivered=[(one.delivered_at, one.route) for one in told if one.delivered_at],
        ),
    )


def _leg_times(
    trip: Trip, *, legs: Iterable[ShownLeg], entries: Iterable[Row]
) -> tuple[LegTimes, ...]:
    asked = LegOrder.objects.filter(leg__run__cause=f"trip:{trip.pk}", was_asked=True)
    asked_at: dict[str, datetime] = {}
    for account, at in asked.order_by("first_seen_at").values_list(
        "leg__account__slug", "first_seen_at"
    ):
        asked_at.setdefault(account, at)
    empty_at = _empty_at(entries)
    return tuple(
        LegTimes(
            is_connected=shown.leg.status is not LegStatus.NOT_CONNECTED,
            asked_at=asked_at.get(shown.leg.account),
            empty_at=empty_at.get(shown.leg.account),
        )
        for shown in legs
    )


def _empty_at(entries: Iterable[Row]) -> dict[str, datetime]:
    """Return when each account was first confirmed without orders, as the log says."""
    found: dict[str, datetime] = {}
    for row in entries:
        facts = payload_of(row) if row.action == SETTLED else {}
        at = time_of(row)
        if facts and facts["status"] == LegStatus.EMPTY and at is not None:
            found.setdefault(str(facts["account"]), at)
    return found


def _routes_of(trip: Trip) -> tuple[ToldRoute, ...]:
    alerts = Alert.objects.filter(cause=f"trip:{trip.pk}").prefetch_related("deliveries")
    return tuple(
        _told_route(delivery, alert=alert, tripped_at=trip.at)
        for alert in alerts.order_by("pk")
        for delivery in alert.deliveries.all()
    )


def _told_route(delivery: Delivery, *, alert: Alert, tripped_at: datetime) -> ToldRoute:
    is_told = delivery.status == DeliveryStatus.DELIVERED
    at = delivery.delivered_at if is_told else None
    return ToldRoute(
        route=delivery.route,
        level=alert.level,
        subject=alert.subject,
        attempts=delivery.attempts,
        delivered_at=at,
        after=None if at is None else at - tripped_at,
        next_attempt_at=delivery.next_attempt_at,
    )


def _people(lines: Iterable[Line], *, trip: Trip) -> tuple[Person, ...]:
    deeds: dict[str, list[Deed]] = {}
    for line in lines:
        if line.person:
            words = line.title.removeprefix(f"{line.person} ")
            deeds.setdefault(line.person, []).append(Deed(words=words, after=line.at - trip.at))
    return tuple(Person(name=name, deeds=tuple(found)) for name, found in deeds.items())
