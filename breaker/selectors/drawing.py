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

CURVES_WIDTH, CURVES_TOP, CURVES_FLOOR = Decimal(772), Decimal(6), Decimal(150)
LABEL_GAP, LABEL_LIFT = Decimal(13), Decimal(5)
BELOW_LIMITS = Decimal("1.1")
TICK_STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
MOST_TICKS = 8

SHORTEST_WINDOW = timedelta(minutes=1)
# Buckets of up to five minutes begin a span; one that is this much shorter is still whole.
WHOLE_UP_TO = timedelta(minutes=5)

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
class Window:
    """What part of time is drawn; not whole where a young console has less than it could show."""

    start: datetime
    end: datetime
    is_whole: bool


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
class LimitLine:
    """A line that all curves share: change from the reference in percent."""

    name: str
    tone: str
    percent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLimit:
    name: str
    tone: str
    loss_ratio: Decimal
    y: str
    label_y: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    window: Window
    lines: tuple[Curve, ...]
    limits: tuple[DrawnLimit, ...]
    ticks: tuple[Tick, ...]
    zero: str
    floor: str = "150"
    foot: str = "168"
    height: str = "174"


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


def window_of(series: Iterable[Sequence[Point]], *, span: timedelta, now: datetime) -> Window:
    """Return the window to draw: the whole span, or from the first point of a young console."""
    first = min((points[0][0] for points in series if points), default=now)
    start = max(first, now - span)
    is_whole = now - start >= span - WHOLE_UP_TO
    return Window(start=start, end=max(now, start + SHORTEST_WINDOW), is_whole=is_whole)


def spark_of(points: Sequence[Point], *, window: Window) -> Spark | None:
    """Return a line through the points of one window, or None where there are fewer than two."""
    if len(points) < 2:
        return None
    values = [value for _, value in points]
    lowest, spread = min(values), max(values) - min(values)

    def x(at: datetime) -> str:
        return _number(SPARK_WIDTH * _share(at, window))

    def y(value: Decimal) -> str:
        share = ROUNDED.divide(value - lowest, spread) if spread else ONE / 2
        return _number(SPARK_BOTTOM - share * (SPARK_BOTTOM - SPARK_TOP))

    drawn = [(x(at), y(value)) for at, value in points]
    last_x, last_y = drawn[-1]
    return Spark(points=_polyline(drawn), last_x=last_x, last_y=last_y)


def curves_of(
    series: Sequence[Series], *, window: Window, limits: Sequence[LimitLine] = ()
) -> Curves | None:
    """Return the curves over one window on one scale that has zero and the limits in it."""
    values = [value for one in series for _, value in one.points]
    if not values:
        return None
    deepest = min((limit.percent for limit in limits), default=-ONE / 2)
    highest, lowest = max(*values, ONE / 2), min(*values, deepest * BELOW_LIMITS)
    height = CURVES_FLOOR - CURVES_TOP

    def y(value: Decimal) -> Decimal:
        return CURVES_TOP + ROUNDED.divide(highest - value, highest - lowest) * height

    def x(at: datetime) -> Decimal:
        return CURVES_WIDTH * _share(at, window)

    drawn = [one for one in series if one.points]
    labels = _spread([y(one.points[-1][1]) for one in drawn])
    return Curves(
        window=window,
        lines=tuple(
            Curve(
                name=one.name,
                tone=one.tone,
                points=_polyline((_number(x(at)), _number(y(value))) for at, value in one.points),
                label_y=_number(label),
            )
            for one, label in zip(drawn, labels, strict=True)
        ),
        limits=tuple(_drawn_limit(limit, y=y(limit.percent)) for limit in limits),
        ticks=tuple(Tick(x=_number(x(at)), label=f"{at:%H:%M}") for at in _ticks(window)),
        zero=_number(y(ZERO)),
    )


def _drawn_limit(limit: LimitLine, *, y: Decimal) -> DrawnLimit:
    return DrawnLimit(
        name=limit.name,
        tone=limit.tone,
        loss_ratio=ROUNDED.divide(-limit.percent, _HUNDRED),
        y=_number(y),
        label_y=_number(y - LABEL_LIFT),
    )


def _spread(places: Sequence[Decimal]) -> list[Decimal]:
    """Return the places moved down as far as labels need to be apart, in the given order."""
    moved = list(places)
    last = CURVES_TOP - LABEL_GAP / 2
    for place in sorted(range(len(places)), key=places.__getitem__):
        last = max(places[place], last + LABEL_GAP)
        moved[place] = last
    return moved


def _share(at: datetime, window: Window) -> Decimal:
    whole = (window.end - window.start).total_seconds()
    return Decimal((at - window.start).total_seconds()) / Decimal(whole)


def _ticks(window: Window) -> Iterable[datetime]:
    """Yield full minutes or hours, as many as have room for their labels."""
    start, end = window.start, window.end
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
