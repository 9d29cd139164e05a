"""The equity chart: at most 2,000 points, the two lines, and what happened meanwhile."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from breaker.domain.machine import Cause
from breaker.models import Breaker, Trip
from breaker.selectors.references import References, change_percent, references_of
from breaker.selectors.rows import warning_equity_of
from breaker.selectors.shell import CAUSE_WORDS
from breaker.selectors.trips import trips_between
from portfolio.selectors import SeriesPoint, equity_series
from riskconsole.kernel.numbers import EXACT, ONE, money_text, told_money

MOST_POINTS = 2_000
TABLE_POINTS = 60
RANGES: Mapping[str, timedelta | None] = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "all": None,
}
DEFAULT_RANGE = "6h"
# Before and behind a trip; every second of the widest is kept.
AROUND: Mapping[str, tuple[timedelta, timedelta]] = {
    "15m": (timedelta(minutes=10), timedelta(minutes=5)),
    "1h": (timedelta(minutes=30), timedelta(minutes=30)),
    "4h": (timedelta(hours=2), timedelta(hours=2)),
}
DEFAULT_AROUND = "15m"

Facts = dict[str, object]


def chart_facts(breaker: Breaker, *, start: datetime, end: datetime) -> Facts:
    """Return the chart's points and lines; points are seconds, percent, equity.

    A bucket may need three of them, for its last, lowest and highest value.
    """
    references = references_of([breaker], since=start).get(breaker.portfolio_id)
    points = equity_series(
        portfolio=breaker.portfolio, start=start, end=end, points=MOST_POINTS // 3
    )
    return {
        "points": [] if references is None else _drawn(points, references),
        "lines": _lines(breaker),
        "marks": _marks(breaker, start=start, end=end),
    }


def incident_chart(trip: Trip, *, start: datetime, end: datetime) -> Facts:
    """Return the chart of a trip, with reference and limits as they were at it."""
    breaker, reference = trip.breaker, trip.reference_equity
    points = equity_series(
        portfolio=breaker.portfolio, start=start, end=end, points=MOST_POINTS // 3
    )
    return {
        "points": [] if reference is None else _drawn(points, _only(reference)),
        "lines": {} if reference is None else _lines_at(trip, reference),
        "marks": _marks(breaker, start=start, end=end),
    }


def around(trip: Trip, name: str, *, now: datetime) -> tuple[datetime, datetime]:
    """Return a window around a trip; it ends with what there is."""
    before, behind = AROUND[name]
    return trip.at - before, min(now, trip.at + behind)


def table_points(breaker: Breaker, *, start: datetime, end: datetime) -> list[SeriesPoint]:
    """Return the same view in a few rows, the newest first."""
    points = equity_series(portfolio=breaker.portfolio, start=start, end=end, points=TABLE_POINTS)
    return points[::-1]


def start_of(name: str, *, now: datetime, breaker: Breaker) -> datetime:
    """Return where a range begins; all of it begins with the first point."""
    span = RANGES[name]
    if span is not None:
        return now - span
    first = breaker.portfolio.equity_points.order_by("at").values_list("at", flat=True).first()
    return first or now


def _marks(breaker: Breaker, *, start: datetime, end: datetime) -> list[Facts]:
    return [
        {
            "at": int(trip.at.timestamp()),
            "text": f"{CAUSE_WORDS[Cause(trip.cause)]} {trip.at:%H:%M:%S}.{trip.at.microsecond // 1000:03}",
        }
        for trip in trips_between(breaker, start=start, end=end)
    ]


def _lines(breaker: Breaker) -> Facts:
    """Return the two lines in percent of the reference, with their equity."""
    reference, warning = breaker.portfolio.reference_equity, warning_equity_of(breaker)
    if reference is None or warning is None:
        return {}
    trip = max(limit.trip_equity for limit in breaker.limits)
    return _placed({"warning": warning, "trip": trip}, reference)


def _lines_at(trip: Trip, reference: Decimal) -> Facts:
    """Return the same as the evidence has them; that of a halt has none."""
    limits = trip.evidence.get("limits")
    if limits is None:
        return {}
    warning = EXACT.multiply(reference, EXACT.subtract(ONE, Decimal(limits["warning_ratio"])))
    return _placed(
        {"warning": warning, "trip": max(map(Decimal, limits["trip_equity"]))}, reference
    )


def _placed(lines: Mapping[str, Decimal], reference: Decimal) -> Facts:
    return {
        name: [f"{change_percent(equity, reference):.4f}", told_money(equity)]
        for name, equity in lines.items()
    }


def _only(reference: Decimal) -> References:
    return References(resets=(), former=(), present=reference)


def _drawn(points: list[SeriesPoint], references: References) -> list[list[int | str]]:
    """Return points of whole seconds that rise, as the chart demands.

    The highest and the lowest value of a bucket stand in its last seconds before its end; a
    bucket that is too short for both keeps the lowest.
    """
    drawn: dict[int, Decimal] = {}
    for point in points:
        second = int(point.at.timestamp())
        free = second - next(reversed(drawn), 0) - 1
        hidden = [value for value in (point.low, point.high) if value != point.equity][:free]
        for place, value in enumerate(hidden):
            drawn[second - len(hidden) + place] = value
        drawn[second] = point.equity
    return [
        [second, f"{_percent_at(second, value, references):.4f}", money_text(value)]
        for second, value in drawn.items()
    ]


def _percent_at(second: int, equity: Decimal, references: References) -> Decimal:
    return references.change_percent(equity, at=datetime.fromtimestamp(second, UTC))
