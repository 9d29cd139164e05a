"""The same engine over recorded prices: a simulated clock, the real book, the real breaker."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter

from breaker.domain.candles import Step, Tape
from breaker.domain.machine import (
    BreakerState,
    Cause,
    LossLimit,
    Observation,
    Severity,
    Timing,
    check_limits,
    decide,
    loss_ratio,
)
from breaker.domain.stakes import VENUE, Stakes
from portfolio.domain.blindness import Blindness, blind_since_after
from portfolio.domain.holdings import VenueKind
from portfolio.domain.outliers import MarkState, Status, judge
from portfolio.domain.prices import Mark, PriceBoard, PricingVenue
from portfolio.domain.quality import Health, QualityLimits, assess
from portfolio.domain.valuation import Book
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import EXACT, ZERO, money_text

_NONE = timedelta(0)
# Nothing that is reported depends on how long a warning must be clear.
_TIMING = Timing(warning_dwell=_NONE, blind_trip_after=timedelta(seconds=300))


class CannotReplay(RiskConsoleError):
    """The recorded prices never value the holdings, or leave nothing to lose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a loss is measured from, and how large it may get.

    :param capital: the reference equity; None takes the equity of the first evaluation
    :param is_data_judged: whether marks age by the bar length and outliers wait
    """

    capital: Decimal | None
    warning_ratio: Decimal
    trip_ratio: Decimal
    is_data_judged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The equity at one moment."""

    at: datetime
    equity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedTrip:
    at: datetime
    equity: Decimal
    loss_ratio: Decimal
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuality:
    """What judging the data found: marks that had to wait, evaluations that were blind."""

    held: int
    blind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What would have happened.

    :param first_at: when the first bar was known
    :param curve: the equity of every evaluation
    :param warning_at: the first time the loss was at the warning limit or beyond
    :param loss_avoided: from the trip to the lowest equity from then on; None without a trip
    """

    bars: int
    first_at: datetime
    last_at: datetime
    limit: LossLimit
    curve: tuple[Point, ...]
    lowest: Point
    warning_at: datetime | None
    trip: ReplayedTrip | None
    loss_avoided: Decimal | None
    data_quality: DataQuality | None


@dataclass(slots=True, kw_only=True)
class _Judge:
    """Ageing and outlier holds, as the console applies them to live marks."""

    limits: QualityLimits
    states: dict[str, MarkState] = field(default_factory=dict)
    blindness: Blindness = field(default_factory=Blindness)
    armed_at: datetime | None = None
    held: int = 0
    blind: int = 0

    def accepted(self, marks: Iterable[Mark]) -> list[Mark]:
        """Return the marks that count now."""
        found = []
        for mark in marks:
            before = self.states.get(mark.instrument, MarkState())
            verdict = judge(state=before, mark=mark, now=mark.received_at, usual_offset=_NONE)
            self.states[mark.instrument] = verdict.state
            self.held += verdict.status is Status.HELD
            if verdict.state.accepted is not None and verdict.state.accepted != before.accepted:
                found.append(verdict.state.accepted)
        return found

    def blind_since(self, book: Book, *, now: datetime) -> datetime | None:
        """Return since when the portfolio is blind.

        Bars are further apart than evaluations may be, so a gap between two is no blindness here.
        """
        self.armed_at = self.armed_at or now
        held = [state.held for state in self.states.values() if state.held is not None]
        found = assess(book=book, limits=self.limits, now=now, armed_at=self.armed_at, held=held)
        self.blind += found.health is Health.BLIND
        self.blindness = blind_since_after(
            before=self.blindness, health=found.health, now=now, previous_finished_at=None
        )
        return self.blindness.blind_since


@dataclass(slots=True, kw_only=True)
class _Run:
    """One replay on its way."""

    book: Book
    terms: Terms
    judge: _Judge | None
    limit: LossLimit | None = None
    state: BreakerState = BreakerState.ACTIVE
    curve: list[Point] = field(default_factory=list)
    warning_at: datetime | None = None
    trip: ReplayedTrip | None = None
    clear_since: datetime | None = None

    def take(self, marks: Iterable[Mark], *, now: datetime) -> None:
        """Apply what became known at one moment, then let the breaker decide once."""
        self.book.apply(marks if self.judge is None else self.judge.accepted(marks))
        if self.limit is None:
            if not self.book.is_complete:
                return
            self.limit = _limit(self.terms, self.book.equity)
        self.curve.append(Point(at=now, equity=self.book.equity))
        self._decide(limit=self.limit, now=now)

    def _decide(self, *, limit: LossLimit, now: datetime) -> None:
        equity = self.book.equity
        if self.warning_at is None and limit.judge(equity) is not Severity.FINE:
            self.warning_at = now
        observation = Observation(
            equity=equity,
            observed_at=now,
            blind_since=self.judge.blind_since(self.book, now=now) if self.judge else None,
            warning_clear_since=self.clear_since,
        )
        decision = decide(
            state=self.state, limits=(limit,), observation=observation, timing=_TIMING
        )
        self.state, self.clear_since = decision.after, decision.warning_clear_since
        if decision.is_trip:
            ratio = loss_ratio(reference_equity=limit.reference_equity, equity=equity)
            cause = decision.breaches[0]
            self.trip = ReplayedTrip(at=now, equity=equity, loss_ratio=ratio, cause=cause)


def replay(*, tape: Tape, stakes: Stakes, terms: Terms, steps: Iterable[Step]) -> Outcome:
    """Return what would have happened to the holdings over these bars.

    :param steps: those of the tape, perhaps on their way through a progress bar
    :raises CannotReplay: if a holding never has a price, or there is no equity to lose
    """
    _refuse_unknown(tape, stakes)
    check_limits(warning_ratio=terms.warning_ratio, trip_ratio=terms.trip_ratio)
    run = _run(tape=tape, stakes=stakes, terms=terms)
    instruments = stakes.instruments()
    for step in steps:
        run.take(_marks(step, instruments), now=step.known_at)
    return _outcome(run, tape)


def _refuse_unknown(tape: Tape, stakes: Stakes) -> None:
    for symbol in sorted(stakes.symbols - tape.symbols):
        files = ", ".join(tape.names)
        raise CannotReplay(f"{files}: {symbol} is held, but no line has a bar of it")


def _run(*, tape: Tape, stakes: Stakes, terms: Terms) -> _Run:
    venue = PricingVenue(
        slug=VENUE, kind=VenueKind.MANUAL, is_pushed=True, poll_interval=tape.bar_length
    )
    holdings = stakes.holdings(since=tape.steps[0].known_at)
    limits = QualityLimits(
        max_mark_age=tape.bar_length,
        max_snapshot_age=tape.bar_length,
        blind_trip_after=_TIMING.blind_trip_after,
    )
    return _Run(
        book=Book(holdings=holdings, board=PriceBoard.of((venue,))),
        terms=terms,
        judge=_Judge(limits=limits) if terms.is_data_judged else None,
    )


def _marks(step: Step, instruments: Mapping[str, tuple[str, ...]]) -> list[Mark]:
    at, closes = step.known_at, step.closes
    return [
        Mark(
            venue=VENUE,
            instrument=instrument,
            price=closes[symbol],
            source_at=at,
            received_at=at,
            confirmed_at=at,
        )
        for symbol, names in instruments.items()
        if symbol in closes
        for instrument in names
    ]


def _limit(terms: Terms, equity: Decimal) -> LossLimit:
    if terms.capital is None and equity <= ZERO:
        raise CannotReplay(
            f"The first equity is {money_text(equity)}, so there is nothing to lose: give --capital"
        )
    return LossLimit(
        reference_equity=equity if terms.capital is None else terms.capital,
        warning_ratio=terms.warning_ratio,
        trip_ratio=terms.trip_ratio,
    )


def _outcome(run: _Run, tape: Tape) -> Outcome:
    if run.limit is None:
        raise CannotReplay(f"{', '.join(run.book.unpriced)} never has a price that counts")
    judge = run.judge
    return Outcome(
        bars=tape.bars,
        first_at=tape.steps[0].known_at,
        last_at=tape.steps[-1].known_at,
        limit=run.limit,
        curve=tuple(run.curve),
        lowest=min(run.curve, key=attrgetter("equity")),
        warning_at=run.warning_at,
        trip=run.trip,
        loss_avoided=_loss_avoided(run.curve, run.trip),
        data_quality=DataQuality(held=judge.held, blind=judge.blind) if judge else None,
    )


def _loss_avoided(curve: Iterable[Point], trip: ReplayedTrip | None) -> Decimal | None:
    if trip is None:
        return None
    lowest = min(point.equity for point in curve if point.at >= trip.at)
    return EXACT.subtract(trip.equity, lowest)
