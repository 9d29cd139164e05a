"""The list of incidents, the newest first, and the warnings that call for somebody now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Exists, OuterRef, QuerySet

from breaker.domain.approval import RequestStatus, Verdict
from breaker.domain.machine import BreakerState, Cause
from breaker.models import Acknowledgement, Breaker, ChangeRequest, Trip
from breaker.selectors.shell import CAUSE_WORDS
from oms.selectors import LegCounts, leg_counts
from portfolio.models import Portfolio

PAGE_LENGTH = 50
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRow:
    """One trip of the list; acknowledged_by and reset_by are empty where nobody has."""

    pk: int
    slug: str
    name: str
    currency: str
    at: datetime
    cause_words: str
    reason: str
    equity: Decimal | None
    loss_ratio: Decimal | None
    legs: LegCounts
    acknowledged_by: str
    acknowledged_at: datetime | None
    reset_by: str
    reset_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.reset_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentList:
    """:param older: the id that the next page begins before; None on the last one"""

    rows: tuple[IncidentRow, ...]
    older: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningRow:
    """A portfolio past its warning limit that nobody has acknowledged."""

    slug: str
    name: str
    since: datetime
    lasts: timedelta
    loss_ratio: Decimal | None
    may_acknowledge: bool


def incident_list(
    portfolios: QuerySet[Portfolio], *, slug: str = "", before: int | None = None
) -> IncidentList:
    """Return a page of the trips of these portfolios, or of one of them."""
    trips = Trip.objects.filter(breaker__portfolio__in=portfolios)
    if slug:
        trips = trips.filter(breaker__portfolio__slug=slug)
    if before is not None:
        trips = trips.filter(pk__lt=before)
    found = list(
        trips.select_related("breaker__portfolio")
        .defer("evidence")
        .order_by("-pk")[: PAGE_LENGTH + 1]
    )
    shown = found[:PAGE_LENGTH]
    older = shown[-1].pk if len(found) > PAGE_LENGTH else None
    return IncidentList(rows=_rows(shown), older=older)


def unacknowledged_warnings(
    portfolios: QuerySet[Portfolio], *, operated: frozenset[int], now: datetime
) -> tuple[WarningRow, ...]:
    """Return the warnings of these portfolios that call for somebody.

    :param operated: the portfolios that the reader may halt
    """
    acknowledged = Acknowledgement.objects.filter(
        breaker=OuterRef("pk"), since=OuterRef("state_since")
    )
    calling = Breaker.objects.filter(
        ~Exists(acknowledged),
        portfolio__in=portfolios,
        state=BreakerState.WARNING,
        state_since__isnull=False,
    )
    return tuple(
        WarningRow(
            slug=breaker.portfolio.slug,
            name=breaker.portfolio.name,
            since=breaker.state_since,
            lasts=now - breaker.state_since,
            loss_ratio=breaker.portfolio.evaluation.loss_ratio,
            may_acknowledge=breaker.portfolio_id in operated,
        )
        for breaker in calling.select_related("portfolio__evaluation").order_by("state_since")
        if breaker.state_since is not None
    )


def acknowledgement_of(trip: Trip) -> Acknowledgement | None:
    """Return who has taken notice of a trip; it is since then that its breaker calls."""
    found = Acknowledgement.objects.filter(breaker=trip.breaker_id, since=trip.at)
    return found.select_related("by").first()


def resets_of(trips: Iterable[Trip]) -> dict[int, ChangeRequest]:
    """Return the request that ended each of these trips, by the trip's id."""
    executed = ChangeRequest.objects.filter(trip__in=list(trips), status=RequestStatus.EXECUTED)
    found = executed.select_related("requester").prefetch_related("votes__approver")
    return {request.trip_id: request for request in found if request.trip_id is not None}


def approvers_of(request: ChangeRequest) -> str:
    votes = [vote for vote in request.votes.all() if vote.verdict == Verdict.APPROVED]
    return ", ".join(vote.approver.username for vote in votes)


def _rows(trips: Sequence[Trip]) -> tuple[IncidentRow, ...]:
    legs = leg_counts([f"trip:{trip.pk}" for trip in trips])
    noticed = _acknowledgements(trips)
    resets = resets_of(trips)
    return tuple(
        _row(
            trip,
            legs=legs[f"trip:{trip.pk}"],
            noticed=noticed.get((trip.breaker_id, trip.at)),
            reset=resets.get(trip.pk),
        )
        for trip in trips
    )


def _acknowledgements(trips: Iterable[Trip]) -> Mapping[tuple[int, datetime], Acknowledgement]:
    times = {trip.at for trip in trips}
    found = Acknowledgement.objects.filter(since__in=times).select_related("by")
    return {(row.breaker_id, row.since): row for row in found}


def _row(
    trip: Trip, *, legs: LegCounts, noticed: Acknowledgement | None, reset: ChangeRequest | None
) -> IncidentRow:
    portfolio = trip.breaker.portfolio
    return IncidentRow(
        pk=trip.pk,
        slug=portfolio.slug,
        name=portfolio.name,
        currency=portfolio.reference_currency,
        at=trip.at,
        cause_words=CAUSE_WORDS[Cause(trip.cause)],
        reason=trip.reason,
        equity=trip.equity,
        loss_ratio=trip.loss_ratio,
        legs=legs,
        acknowledged_by=noticed.by.username if noticed else "",
        acknowledged_at=noticed.at if noticed else None,
        reset_by=approvers_of(reset) if reset else "",
        reset_at=trip.reset_at,
    )
