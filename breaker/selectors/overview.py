"""The overview: every portfolio that a person may see, the nearest to its trip line first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from breaker.domain.machine import BreakerState
from breaker.selectors.drawing import (
    Curves,
    LimitLine,
    Point,
    Series,
    Window,
    curves_of,
    window_of,
)
from breaker.selectors.events import STATE_TONES, Event, feed_of
from breaker.selectors.recent import CURVES_SPAN, curve_points
from breaker.selectors.references import References, change_percent, references_of
from breaker.selectors.rows import PortfolioRow, trip_equity_of, warning_equity_of
from riskconsole.audit.models import AuditEntry
from riskconsole.kernel.numbers import EXACT, ONE, ZERO

MOST_CURVES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What all portfolios of one reference currency come to."""

    currency: str
    equity: Decimal
    against_reference: Decimal
    gross: Decimal
    net: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCount:
    state: BreakerState
    number: int
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    rows: tuple[PortfolioRow, ...]
    totals: tuple[Total, ...]
    counts: tuple[StateCount, ...]
    closest: PortfolioRow | None
    on_guard: int
    stale_lines: int
    stale_names: str
    curves: Curves | None
    sparks: Window
    feed: tuple[Event, ...]


def overview_of(
    rows: Sequence[PortfolioRow],
    *,
    sparks: Window,
    entries: Iterable[AuditEntry],
    now: datetime,
) -> Overview:
    """Return the page; what is triggered stands first, then what has the least room.

    :param sparks: the window over which the rows were drawn
    """
    ordered = tuple(sorted(rows, key=_urgency))
    watched = [row for row in ordered if row.is_watched and row.runway]
    stale = [name for row in ordered for name in row.stale]
    return Overview(
        rows=ordered,
        totals=_totals(ordered),
        counts=_counts(ordered),
        closest=watched[0] if watched else None,
        on_guard=sum(row.is_on_guard for row in ordered),
        stale_lines=len(stale),
        stale_names=_names(stale),
        curves=_curves(ordered, now=now),
        sparks=sparks,
        feed=feed_of(entries, names={row.slug: row.name for row in rows}),
    )


def _names(stale: Sequence[str]) -> str:
    """Return the first and how many more there are; each portfolio's own page names them all."""
    more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
    return stale[0] + more if stale else ""


def _urgency(row: PortfolioRow) -> tuple[bool, bool, Decimal, str]:
    room = row.runway.room_ratio if row.runway else ZERO
    return row.state is not BreakerState.TRIGGERED, row.runway is None, room, row.name


def _totals(rows: Sequence[PortfolioRow]) -> tuple[Total, ...]:
    armed = [row for row in rows if row.equity is not None]
    currencies = sorted({row.currency for row in armed})
    return tuple(_total([row for row in armed if row.currency == one], one) for one in currencies)


def _total(rows: Sequence[PortfolioRow], currency: str) -> Total:
    return Total(
        currency=currency,
        equity=_sum(row.equity for row in rows),
        against_reference=_sum(row.against_reference for row in rows),
        gross=_sum(row.gross for row in rows),
        net=_sum(row.net for row in rows),
    )


def _sum(values: Iterable[Decimal | None]) -> Decimal:
    total = ZERO
    for value in values:
        total = EXACT.add(total, value or ZERO)
    return total


def _counts(rows: Sequence[PortfolioRow]) -> tuple[StateCount, ...]:
    return tuple(
        StateCount(state=state, number=sum(row.state is state for row in rows), tone=tone)
        for state, tone in STATE_TONES.items()
    )


def _curves(rows: Sequence[PortfolioRow], *, now: datetime) -> Curves | None:
    """Return the curves of the portfolios with the least room."""
    drawn = [row for row in rows if row.is_protected][:MOST_CURVES]
    points = curve_points([row.portfolio.pk for row in drawn], now=now)
    window = window_of(points.values(), span=CURVES_SPAN, now=now)
    references = references_of([row.breaker for row in drawn], since=window.start)
    series = [_series(row, points[row.portfolio.pk], references[row.portfolio.pk]) for row in drawn]
    return curves_of(series, window=window, limits=_shared_limits(drawn))


def _shared_limits(rows: Sequence[PortfolioRow]) -> tuple[LimitLine, ...]:
    """Return the two lines where they are the same for all these portfolios, else none."""
    shared = {_limits_percent(row) for row in rows}
    if len(shared) != 1:
        return ()
    warning, trip = shared.pop()
    return (
        LimitLine(name="Warning", tone="warn", percent=warning),
        LimitLine(name="Trip", tone="trip", percent=trip),
    )


def _limits_percent(row: PortfolioRow) -> tuple[Decimal, Decimal]:
    reference = row.reference_equity or ONE
    warning = warning_equity_of(row.breaker) or reference
    trip = trip_equity_of(row.breaker) or reference
    return change_percent(warning, reference), change_percent(trip, reference)


def _series(row: PortfolioRow, points: Sequence[Point], references: References) -> Series:
    return Series(
        name=row.name,
        tone=row.tone or "calm",
        points=[(at, references.change_percent(equity, at=at)) for at, equity in points],
    )
