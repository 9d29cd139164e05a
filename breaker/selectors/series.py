"""The equity chart: at most 2,000 points, the two lines, and what happened meanwhile."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from breaker.domain.machine import Cause
from breaker.models import Breaker
from breaker.selectors.overview import change_percent
from breaker.selectors.rows import warning_equity_of
from breaker.selectors.shell import CAUSE_WORDS
from breaker.selectors.trips import trips_between
from portfolio.selectors import SeriesPoint, equity_series
from riskconsole.kernel.numbers import money_text

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

Facts = dict[str, object]


def chart_facts(breaker: Breaker, *, start: datetime, end: datetime) -> Facts:
    """Return the chart's points and lines; points are seconds, percent, equity.

    A bucket may need three of them, for its last, lowest and highest value.
    """
    reference = breaker.portfolio.reference_equity
    points = equity_series(
        portfolio=breaker.portfolio, start=start, end=end, points=MOST_POINTS // 3
    )
    return {
        "points": [] if reference is None else _drawn(points, reference),
        "lines": _lines(breaker),
        "marks": [
            {
                "at": int(trip.at.timestamp()),
                "text": f"{CAUSE_WORDS[Cause(trip.cause)]} {trip.at:%H:%M:%S}.{trip.at.microsecond // 1000:03}",
            }
            for trip in trips_between(breaker, start=start, end=end)
        ],
    }


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


def _lines(breaker: Breaker) -> Facts:
    """Return the two lines in percent of the reference, with their equity."""
    reference, warning = breaker.portfolio.reference_equity, warning_equity_of(breaker)
    if reference is None or warning is None:
        return {}
    trip = max(limit.trip_equity for limit in breaker.limits)
    return {
        name: [f"{change_percent(equity, reference):.4f}", money_text(equity)]
        for name, equity in (("warning", warning), ("trip", trip))
    }


def _drawn(points: list[SeriesPoint], reference: Decimal) -> list[list[int | str]]:
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
        [second, f"{change_percent(value, reference):.4f}", money_text(value)]
        for second, value in drawn.items()
    ]
