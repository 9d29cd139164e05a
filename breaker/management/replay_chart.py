"""The picture of a replay: its equity, the two limits and the trip, as one SVG file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from django.template.loader import render_to_string

from breaker.domain.replay import Outcome, Point
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import EXACT, ROUNDED, money_text, plain_text

WIDTH, HEIGHT = 860, 340
_MARGIN = Decimal("0.06")
_PLACE_STEP = Decimal("0.1")
_MICROSECOND = timedelta(microseconds=1)
_LEAST_SPAN = Decimal("0.01")


class CannotDraw(RiskConsoleError):
    """The file for the picture cannot be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """From times and equities to places in the picture."""

    first_at: datetime
    last_at: datetime
    low: Decimal
    high: Decimal

    def x(self, at: datetime) -> Decimal:
        elapsed = Decimal((at - self.first_at) // _MICROSECOND)
        whole = Decimal((self.last_at - self.first_at) // _MICROSECOND)
        return _place(elapsed, whole or Decimal(1), WIDTH)

    def y(self, equity: Decimal) -> Decimal:
        span = EXACT.subtract(self.high, self.low)
        return _place(EXACT.subtract(self.high, equity), span, HEIGHT)


def write_chart(outcome: Outcome, *, path: Path, currency: str) -> None:
    """Draw what would have happened.

    :raises CannotDraw: if the file cannot be written
    """
    picture = render_to_string("breaker/replay.svg", _picture(outcome, currency))
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise CannotDraw(f"--chart {path}: cannot be written: {error.strerror}") from error


def _picture(outcome: Outcome, currency: str) -> dict[str, object]:
    scale = _scale(outcome)
    trip, limit = outcome.trip, outcome.limit
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "points": " ".join(f"{scale.x(p.at)},{scale.y(p.equity)}" for p in _drawn(outcome, scale)),
        "lines": [
            _line("Reference", limit.reference_equity, scale, tone="#5c6776"),
            _line(
                _named("Warning", limit.warning_ratio), limit.warning_equity, scale, tone="#8a5c00"
            ),
            _line(_named("Trip", limit.trip_ratio), limit.trip_equity, scale, tone="#9b0c22"),
        ],
        "trip": trip
        and {
            "x": scale.x(trip.at),
            "y": scale.y(trip.equity),
            "anchor": "end" if scale.x(trip.at) > WIDTH // 2 else "start",
            "label": f"Trip {time_text(trip.at)} at {money_text(trip.equity)} {currency}",
        },
        "verdict": "The breaker trips" if trip else "The breaker never trips",
        "first_at": time_text(scale.first_at),
        "last_at": time_text(scale.last_at),
        "currency": currency,
    }


def _scale(outcome: Outcome) -> _Scale:
    limit = outcome.limit
    shown = [point.equity for point in outcome.curve]
    shown += [limit.reference_equity, limit.warning_equity, limit.trip_equity]
    low, high = min(shown), max(shown)
    margin = max(EXACT.multiply(EXACT.subtract(high, low), _MARGIN), _LEAST_SPAN)
    return _Scale(
        first_at=outcome.curve[0].at,
        last_at=outcome.curve[-1].at,
        low=EXACT.subtract(low, margin),
        high=EXACT.add(high, margin),
    )


def _drawn(outcome: Outcome, scale: _Scale) -> Iterator[Point]:
    """Yield the lowest and highest point of each column, so that no spike is lost."""
    for _, column in groupby(outcome.curve, key=lambda point: int(scale.x(point.at))):
        points: Sequence[Point] = list(column)
        by_equity = attrgetter("equity")
        ends = {min(points, key=by_equity), max(points, key=by_equity), points[-1]}
        yield from sorted(ends, key=attrgetter("at"))


def _line(name: str, equity: Decimal, scale: _Scale, *, tone: str) -> dict[str, object]:
    return {"label": f"{name} {money_text(equity)}", "y": scale.y(equity), "tone": tone}


def _named(name: str, ratio: Decimal) -> str:
    return f"{name} {plain_text(ratio * 100)} %"


def _place(part: Decimal, whole: Decimal, length: int) -> Decimal:
    return ROUNDED.divide(part * length, whole).quantize(_PLACE_STEP)
