"""Holdings, equity over time and pushed marks over HTTP."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, cast

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from ninja import Body, Query, Router
from pydantic import Field, RootModel
from typing_extensions import TypedDict

from portfolio import marks, selectors
from portfolio.domain.holdings import MalformedInstrument, symbol_of
from portfolio.domain.lines import Line, LineKind
from portfolio.domain.outliers import Status
from portfolio.domain.valuation import Book
from portfolio.models import MarkSource, Portfolio, Venue
from portfolio.services.needs import books_without_prices
from riskconsole.addresses import address_of
from riskconsole.audit.services import record
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import money_text
from riskconsole.people.api import BearerToken, TokenRequest
from riskconsole.people.models import ApiToken, Scope
from riskconsole.wire import Moment, PositiveNumber, WireModel, Word, WrongFields, answers

router = Router(tags=["portfolios"])
MAX_MARKS = 5_000
MAX_POINTS = 2_000
DEFAULT_WINDOW = timedelta(hours=24)

Instrument = Annotated[Word, Field(max_length=64)]


class NotFedByPush(RiskConsoleError):
    """The marks of this venue come from the venue itself."""


class MarkIn(WireModel):
    venue: Word
    instrument: Instrument
    price: PositiveNumber
    source_at: Moment | None = None


class LineFacts(TypedDict):
    """One line of the valuation; asset or instrument is null."""

    account: str
    kind: str
    asset: str | None
    instrument: str | None
    side: str | None
    quantity: str
    price: str | None
    path: list[str]
    source: str
    source_at: str | None
    confirmed_at: str | None
    age_seconds: int | None
    value: str | None
    pnl: str | None
    flags: list[str]


class HoldingsPage(TypedDict):
    items: list[LineFacts]
    next: str | None


class PointFacts(TypedDict):
    """Equity over one bucket: the last, the lowest, the highest."""

    at: str
    equity: str
    low: str
    high: str


class EquityPage(TypedDict):
    items: list[PointFacts]
    next: str | None


class MarkFacts(TypedDict):
    venue: str
    instrument: str
    status: str
    reason: str | None


class MarkResults(TypedDict):
    results: list[MarkFacts]


class MarkBatch(RootModel[Annotated[list[MarkIn], Field(max_length=MAX_MARKS)]]):
    """Marks in the order in which they are judged."""


@router.get(
    "portfolios/{slug:slug}/holdings", auth=BearerToken(Scope.READ), response=answers(HoldingsPage)
)
def holdings(request: TokenRequest, slug: str) -> HoldingsPage:
    """Return every line of the valuation."""
    portfolio, now = visible_portfolio(request, slug), timezone.now()
    lines = selectors.live_book_of(portfolio.pk).lines()
    return {"items": [line_facts(line, now=now) for line in lines], "next": None}


@router.get(
    "portfolios/{slug:slug}/equity", auth=BearerToken(Scope.READ), response=answers(EquityPage)
)
def equity(
    request: TokenRequest,
    slug: str,
    start: Annotated[Moment | None, Query(alias="from")] = None,
    end: Annotated[Moment | None, Query(alias="to")] = None,
    points: Annotated[int, Query(ge=1, le=MAX_POINTS)] = MAX_POINTS,
) -> EquityPage:
    """Return equity over time: at most 2,000 points, lowest and highest kept."""
    portfolio, now = visible_portfolio(request, slug), timezone.now()
    end = end or now
    start = start or end - DEFAULT_WINDOW
    if start >= end:
        raise WrongFields({"from": "is not before to"})
    series = selectors.equity_series(portfolio=portfolio, start=start, end=end, points=points)
    return {"items": [point_facts(point) for point in series], "next": None}


@router.post(
    "marks", auth=BearerToken(Scope.FEED, is_site_wide=True), response=answers(MarkResults)
)
def push_marks(request: TokenRequest, batch: Annotated[MarkBatch, Body()]) -> MarkResults:
    """Judge pushed marks in order; one that is not a valid mark refuses all."""
    refuse_bad_instruments([mark.instrument for mark in batch.root], place="{}.instrument")
    _refuse_fed_venues(batch.root)
    return {"results": _accept(batch.root, now=timezone.now())}


def portfolios_of(token: ApiToken) -> QuerySet[Portfolio]:
    """Return the portfolios that a token may see."""
    found = Portfolio.objects.order_by("slug")
    return found.filter(slug__in=token.portfolios) if token.is_limited else found


def visible_portfolio(request: TokenRequest, slug: str) -> Portfolio:
    """Return the portfolio; one that the token may not see is as unknown as one that is not.

    :raises Http404: for both; reaching for a hidden one is put into the log
    """
    portfolio = Portfolio.objects.filter(slug=slug).first()
    if portfolio is None:
        raise Http404
    if not request.auth.may_see(slug):
        _record_reach(request, slug)
        raise Http404
    return portfolio


def line_facts(line: Line, *, now: datetime) -> LineFacts:
    """Return one line of a valuation as GET holdings shows it."""
    facts = selectors.line_facts(line, now=now)
    name = facts.pop("name")
    is_position = line.kind is LineKind.POSITION
    more = {
        "asset": None if is_position else name,
        "instrument": name if is_position else None,
        "pnl": None if line.pnl is None else money_text(line.pnl),
    }
    return cast("LineFacts", facts | more)


def point_facts(point: selectors.SeriesPoint) -> PointFacts:
    """Return one bucket of equity as GET equity shows it."""
    return {
        "at": time_text(point.at),
        "equity": money_text(point.equity),
        "low": money_text(point.low),
        "high": money_text(point.high),
    }


def refuse_bad_instruments(instruments: Sequence[str], *, place: str) -> None:
    """Return if each is an instrument.

    :param place: where one stands, with {} for its index
    :raises WrongFields: naming each that is not
    """
    wrong = {}
    for index, instrument in enumerate(instruments):
        try:
            symbol_of(instrument)
        except MalformedInstrument as error:
            wrong[place.format(index)] = str(error)
    if wrong:
        raise WrongFields(wrong)


def _refuse_fed_venues(batch: Sequence[MarkIn]) -> None:
    venues = {venue.slug: venue for venue in Venue.objects.all()}
    unknown = {
        f"{place}.venue": f"there is no venue {mark.venue!r}"
        for place, mark in enumerate(batch)
        if mark.venue not in venues
    }
    if unknown:
        raise WrongFields(unknown)
    for slug in dict.fromkeys(mark.venue for mark in batch):
        if venues[slug].source != MarkSource.PUSH:
            raise NotFedByPush(f"The marks of {slug} come from the venue itself")


def _accept(batch: Sequence[MarkIn], *, now: datetime) -> list[MarkFacts]:
    """Hand each venue its marks in order, and return the results in the order of the batch."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, mark in enumerate(batch):
        places[mark.venue].append(place)
    books = books_without_prices()
    results: dict[int, MarkFacts] = {}
    for venue, of_venue in places.items():
        new = [_new_mark(batch[place]) for place in of_venue]
        found = marks.accept(venue=venue, marks=new, now=now)
        for place, result in zip(of_venue, found, strict=True):
            results[place] = _result_facts(venue, result, books)
    return [results[place] for place in range(len(batch))]


def _result_facts(venue: str, result: marks.MarkResult, books: Sequence[Book]) -> MarkFacts:
    status, reason = result.status.value, result.reason and result.reason.value
    is_needed = any(book.needs(venue=venue, instrument=result.instrument) for book in books)
    if result.status is Status.ACCEPTED and not is_needed:
        status, reason = Status.IGNORED.value, "not_needed"
    return {
        "venue": venue,
        "instrument": result.instrument,
        "status": status,
        "reason": reason,
    }


def _new_mark(mark: MarkIn) -> marks.NewMark:
    return marks.NewMark(instrument=mark.instrument, price=mark.price, source_at=mark.source_at)


def _record_reach(request: TokenRequest, slug: str) -> None:
    with transaction.atomic():
        record(
            action="people.access.refused",
            subject=f"portfolio:{slug}",
            portfolio=slug,
            payload={"method": request.method or "", "path": request.path[:200]},
            now=timezone.now(),
            actor=request.auth.actor,
            address=address_of(request),
        )
