"""Where things stand on a drawing: percent and pixels as text, made from exact values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from riskconsole.kernel.numbers import EXACT, ONE, ROUNDED, ZERO

# The runway ends this far above the trip line, in lengths from the line to the reference.
RUNWAY_LENGTH = Decimal("1.4")
_HUNDRED = Decimal(100)

SPARK_WIDTH, SPARK_TOP, SPARK_BOTTOM = Decimal(69), Decimal(3), Decimal(23)

CURVES_WIDTH, CURVES_TOP, CURVES_FLOOR = Decimal(772), Decimal(6), Decimal(134)
LABEL_GAP = Decimal(13)
TICK_STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
MOST_TICKS = 8

SHORTEST_WINDOW = timedelta(minutes=1)

Point = tuple[datetime, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runway:
    """What is left to the trip line.

    :param room: in the reference currency; below zero once past the line
    :param room_ratio: as a share of the reference equity
    :param bar: and the others: percent of the width, as text
    """

    room: Decimal
    room_ratio: Decimal
    bar: str
    warning: str
    reference: str
    is_on_guard: bool
    tone: str

    @property
    def is_past(self) -> bool:
        return self.room < ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    points: str
    last_x: str
    last_y: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What a curve is drawn from: change from the reference in percent, over time."""

    name: str
    tone: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    name: str
    tone: str
    points: str
    label_y: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    x: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    start: datetime
    lines: tuple[Curve, ...]
    ticks: tuple[Tick, ...]
    zero: str
    floor: str = "134"
    foot: str = "152"
    height: str = "158"


def runway_of(
    *,
    equity: Decimal,
    reference_equity: Decimal,
    warning_equity: Decimal,
    trip_equity: Decimal,
    is_on_guard: bool,
    tone: str,
) -> Runway:
    """Return the runway of an equity; the bar grows from the trip line."""
    length = EXACT.multiply(RUNWAY_LENGTH, EXACT.subtract(reference_equity, trip_equity))

    def place(value: Decimal) -> str:
        share = ROUNDED.divide(EXACT.subtract(value, trip_equity), length)
        return _number(min(max(share, ZERO), ONE) * _HUNDRED)

    room = EXACT.subtract(equity, trip_equity)
    return Runway(
        room=room,
        room_ratio=ROUNDED.divide(room, reference_equity),
        bar=place(equity),
        warning=place(warning_equity),
        reference=place(reference_equity),
        is_on_guard=is_on_guard,
        tone=tone,
    )


def window_of(
    series: Iterable[Sequence[Point]], *, span: timedelta, now: datetime
) -> tuple[datetime, datetime]:
    """Return the window to draw: the whole span, or from the first point of a young console."""
    first = min((points[0][0] for points in series if points), default=now)
    return min(max(first, now - span), now - SHORTEST_WINDOW), now


def spark_of(points: Sequence[Point], *, start: datetime, end: datetime) -> Spark | None:
    """Return a line through the points of one window, or None where there are fewer than two."""
    if len(points) < 2:
        return None
    values = [value for _, value in points]
    lowest, spread = min(values), max(values) - min(values)

    def x(at: datetime) -> str:
        return _number(SPARK_WIDTH * _share(at, start=start, end=end))

    def y(value: Decimal) -> str:
        share = ROUNDED.divide(value - lowest, spread) if spread else ONE / 2
        return _number(SPARK_BOTTOM - share * (SPARK_BOTTOM - SPARK_TOP))

    drawn = [(x(at), y(value)) for at, value in points]
    last_x, last_y = drawn[-1]
    return Spark(points=_polyline(drawn), last_x=last_x, last_y=last_y)


def curves_of(series: Sequence[Series], *, start: datetime, end: datetime) -> Curves | None:
    """Return the curves over one window on one scale that has zero in it."""
    values = [value for one in series for _, value in one.points]
    if not values:
        return None
    highest, lowest = max(*values, ONE / 2), min(*values, -ONE / 2)
    height = CURVES_FLOOR - CURVES_TOP

    def y(value: Decimal) -> Decimal:
        return CURVES_TOP + ROUNDED.divide(highest - value, highest - lowest) * height

    def x(at: datetime) -> Decimal:
        return CURVES_WIDTH * _share(at, start=start, end=end)

    drawn = [one for one in series if one.points]
    labels = _spread([y(one.points[-1][1]) for one in drawn])
    return Curves(
        start=start,
        lines=tuple(
            Curve(
                name=one.name,
                tone=one.tone,
                points=_polyline((_number(x(at)), _number(y(value))) for at, value in one.points),
                label_y=_number(label),
            )
            for one, label in zip(drawn, labels, strict=True)
        ),
        ticks=tuple(Tick(x=_number(x(at)), label=f"{at:%H:%M}") for at in _ticks(start, end)),
        zero=_number(y(ZERO)),
    )


def _spread(places: Sequence[Decimal]) -> list[Decimal]:
    """Return the places moved down as far as labels need to be apart, in the given order."""
    moved = list(places)
    last = CURVES_TOP - LABEL_GAP / 2
    for place in sorted(range(len(places)), key=places.__getitem__):
        last = max(places[place], last + LABEL_GAP)
        moved[place] = last
    return moved


def _share(at: datetime, *, start: datetime, end: datetime) -> Decimal:
    return Decimal((at - start).total_seconds()) / Decimal((end - start).total_seconds())


def _ticks(start: datetime, end: datetime) -> Iterable[datetime]:
    """Yield full minutes or hours, as many as have room for their labels."""
    step = next((step for step in TICK_STEPS if (end - start) / step <= MOST_TICKS), TICK_STEPS[-1])
    at = start.replace(minute=0, second=0, microsecond=0)
    while at < end:
        if at > start:
            yield at
        at += step


def _polyline(points: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _number(value: Decimal) -> str:
    return f"{value:.1f}"
