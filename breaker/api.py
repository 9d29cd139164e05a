"""Portfolios, snapshots, the gate, halts and trips over HTTP."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from ninja import Body, Query, Router
from pydantic import Field, StrictBool
from typing_extensions import TypedDict

from breaker.facts import (
    GateFacts,
    PortfolioFacts,
    TripFacts,
    gate_facts,
    portfolio_facts,
    trip_facts,
)
from breaker.models import Trip
from breaker.services.gate import gate_of, pause
from breaker.services.monitoring import evaluate
from breaker.services.tripping import halt
from portfolio.api import Instrument, portfolios_of, refuse_bad_instruments, visible_portfolio
from portfolio.domain.holdings import Side, VenueKind, symbol_of
from portfolio.models import VenueAccount
from portfolio.services import snapshots
from riskconsole.addresses import address_of
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import ONE
from riskconsole.people.api import BearerToken, TokenRequest
from riskconsole.people.models import Scope
from riskconsole.wire import Moment, Number, PositiveNumber, WireModel, Word, WrongFields, answers

router = Router(tags=["breaker"])
MAX_ITEMS = 500
MAX_ID = 2**63 - 1
MAX_LINES = 5_000
MAX_REASON = 500

Asset = Annotated[Word, Field(max_length=32)]
Limit = Annotated[int, Query(ge=1, le=MAX_ITEMS)]


class PortfolioPage(TypedDict):
    items: list[PortfolioFacts]
    next: str | None


class TripPage(TypedDict):
    items: list[TripFacts]
    next: str | None


class NotManual(RiskConsoleError):
    """Only a manual account takes snapshots from outside."""


class PositionIn(WireModel):
    instrument: Instrument
    side: Side
    quantity: PositiveNumber
    entry_price: PositiveNumber
    contract_size: PositiveNumber = ONE
    is_inverse: StrictBool = False


class SnapshotIn(WireModel):
    balances: Annotated[dict[Asset, Number], Field(max_length=MAX_LINES)] = {}
    positions: Annotated[list[PositionIn], Field(max_length=MAX_LINES)] = []
    as_of: Moment | None = None


class HaltIn(WireModel):
    reason: str = ""


@router.get("portfolios", auth=BearerToken(Scope.READ), response=answers(PortfolioPage))
def portfolios(request: TokenRequest, after: str = "", limit: Limit = 100) -> PortfolioPage:
    """Return the portfolios that the token may see, by slug."""
    found = list(portfolios_of(request.auth).filter(slug__gt=after)[: limit + 1])
    items, now = found[:limit], timezone.now()
    return {
        "items": [portfolio_facts(portfolio, now) for portfolio in items],
        "next": items[-1].slug if len(found) > limit else None,
    }


@router.get(
    "portfolios/{slug:slug}", auth=BearerToken(Scope.READ), response=answers(PortfolioFacts)
)
def portfolio(request: TokenRequest, slug: str) -> PortfolioFacts:
    """Return one portfolio with its state and the gate's answer."""
    return portfolio_facts(visible_portfolio(request, slug), timezone.now())


@router.put(
    "portfolios/{slug:slug}/accounts/{slug:account_slug}/snapshot",
    auth=BearerToken(Scope.FEED),
    response=answers(PortfolioFacts),
)
def snapshot(
    request: TokenRequest, slug: str, account_slug: str, body: Annotated[SnapshotIn, Body()]
) -> PortfolioFacts:
    """Replace what a manual account holds, and evaluate its portfolio before the answer."""
    owner, now = visible_portfolio(request, slug), timezone.now()
    account = owner.accounts.select_related("venue").filter(slug=account_slug).first()
    if account is None:
        raise Http404
    if account.venue.kind != VenueKind.MANUAL:
        raise NotManual(f"Account {account_slug} is fed by {account.venue.slug}")
    _refuse_bad_positions(body.positions)
    _apply(account, body, now=now)
    evaluate(portfolio_ids=[owner.pk], now=now)
    owner.refresh_from_db()
    return portfolio_facts(owner, now)


@router.get(
    "portfolios/{slug:slug}/gate", auth=BearerToken(Scope.GATE), response=answers(GateFacts)
)
def gate(request: TokenRequest, slug: str) -> GateFacts:
    """Return whether a bot may trade, good for lease_seconds from when it asked."""
    owner = visible_portfolio(request, slug)
    return gate_facts(gate_of(portfolio_id=owner.pk, now=timezone.now()))


@router.post(
    "portfolios/{slug:slug}/trip", auth=BearerToken(Scope.HALT), response=answers(TripFacts)
)
def trip_now(
    request: TokenRequest, slug: str, body: Annotated[HaltIn | None, Body()] = None
) -> TripFacts:
    """Halt: trip at once, or append to the open trip."""
    owner = visible_portfolio(request, slug)
    trip = halt(
        portfolio_id=owner.pk,
        reason=one_line(body.reason if body else ""),
        actor=request.auth.actor,
        address=address_of(request),
        now=timezone.now(),
    )
    return trip_facts(trip)


@router.post(
    "portfolios/{slug:slug}/pause", auth=BearerToken(Scope.HALT), response=answers(GateFacts)
)
def pause_now(request: TokenRequest, slug: str) -> GateFacts:
    """Let bots only reduce, until somebody ends it in the browser."""
    owner, now = visible_portfolio(request, slug), timezone.now()
    pause(portfolio_id=owner.pk, actor=request.auth.actor, address=address_of(request), now=now)
    return gate_facts(gate_of(portfolio_id=owner.pk, now=now))


@router.get("trips", auth=BearerToken(Scope.READ), response=answers(TripPage))
def trips(
    request: TokenRequest,
    after: Annotated[int, Query(ge=1, le=MAX_ID)] = MAX_ID,
    limit: Limit = 100,
) -> TripPage:
    """Return trips, the newest first."""
    rows = _trips_of(request).filter(pk__lt=after).order_by("-pk")
    found = list(rows[: limit + 1])
    items = found[:limit]
    return {
        "items": [trip_facts(trip) for trip in items],
        "next": str(items[-1].pk) if len(found) > limit else None,
    }


@router.get("trips/{int:trip_id}", auth=BearerToken(Scope.READ), response=answers(TripFacts))
def one_trip(request: TokenRequest, trip_id: int) -> TripFacts:
    """Return one trip with its evidence, legs and alerts."""
    trip = Trip.objects.select_related("breaker__portfolio").filter(pk=trip_id).first()
    if trip is None:
        raise Http404
    visible_portfolio(request, trip.breaker.portfolio.slug)
    return trip_facts(trip)


def one_line(reason: str) -> str:
    """Return a reason without control characters and of bounded length.

    A halt is never refused for how its reason is written.
    """
    printable = "".join(char if char.isprintable() else " " for char in reason)
    return printable[:MAX_REASON].strip()


def _trips_of(request: TokenRequest) -> QuerySet[Trip]:
    visible = portfolios_of(request.auth)
    return Trip.objects.select_related("breaker__portfolio").filter(breaker__portfolio__in=visible)


def _apply(account: VenueAccount, body: SnapshotIn, *, now: datetime) -> None:
    try:
        snapshots.apply_snapshot(
            account_id=account.pk,
            balances=body.balances,
            positions=[snapshots.PositionLine(**dict(line)) for line in body.positions],
            as_of=body.as_of,
            now=now,
        )
    except snapshots.FutureSnapshot as error:
        raise WrongFields({"as_of": str(error)}) from error
    except snapshots.PositionsOnSpot as error:
        raise WrongFields({"positions": str(error)}) from error


def _refuse_bad_positions(positions: Sequence[PositionIn]) -> None:
    refuse_bad_instruments([line.instrument for line in positions], place="positions.{}.instrument")
    mistaken = {
        f"positions.{place}.is_inverse": f"does not fit how {line.instrument} settles"
        for place, line in enumerate(positions)
        if line.is_inverse != _settles_in_base(line.instrument)
    }
    if mistaken:
        raise WrongFields(mistaken)
    lines = Counter((line.instrument, line.side) for line in positions)
    twice = {
        f"positions.{place}": "is given twice"
        for place, line in enumerate(positions)
        if lines[line.instrument, line.side] > 1
    }
    if twice:
        raise WrongFields(twice)


def _settles_in_base(instrument: str) -> bool:
    """Return whether the contract is inverse: BTC/USD:BTC. A wrong guess is worth a fortune."""
    symbol = symbol_of(instrument)
    return symbol.settle == symbol.base
