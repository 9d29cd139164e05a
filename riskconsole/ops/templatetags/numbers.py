"""How exact values become text on a page; never so that a loss looks smaller than it is."""

from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_FLOOR, ROUND_UP, Decimal

from django import template

from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import (
    EXACT,
    MINUS,
    ONE,
    ROUNDED,
    grouped_text,
    plain_text,
    told_money,
)

register = template.Library()

NARROW = "\N{NARROW NO-BREAK SPACE}"
NOTHING = "\N{EN DASH}"

PRICE_FIGURES = 8
_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)
GREY_FROM = timedelta(seconds=3)
AMBER_UNDER = timedelta(hours=1)
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


@register.filter
def money(value: Decimal | None) -> str:
    """Return two decimals, rounded down: 1,134,216.40."""
    return NOTHING if value is None else told_money(value)


@register.filter
def signed_money(value: Decimal | None) -> str:
    """Return two decimals with a sign, a loss away from zero."""
    return NOTHING if value is None else _signed(_hundredths(value, ROUND_FLOOR))


@register.filter
def whole(room: Decimal | None) -> str:
    """Return what is left to a line without a sign: towards zero, past the line away."""
    if room is None:
        return NOTHING
    rounding = ROUND_DOWN if room >= 0 else ROUND_UP
    return _grouped(abs(room).quantize(ONE, rounding=rounding, context=EXACT))


@register.filter
def loss_percent(loss_ratio: Decimal | None) -> str:
    """Return a loss ratio as a change, a loss away from zero."""
    if loss_ratio is None:
        return NOTHING
    change = EXACT.multiply(loss_ratio.copy_negate(), _HUNDRED)
    return f"{_signed(_hundredths(change, ROUND_FLOOR))}{NARROW}%"


@register.filter
def percent(ratio: Decimal | None) -> str:
    """Return a share or a limit without a sign: 0.05 is 5.00 %."""
    if ratio is None:
        return NOTHING
    return f"{_grouped(_hundredths(EXACT.multiply(ratio, _HUNDRED), ROUND_DOWN))}{NARROW}%"


@register.filter
def points(room_ratio: Decimal | None) -> str:
    """Return what is left to a line in percentage points: towards zero, past the line away."""
    if room_ratio is None:
        return NOTHING
    rounding = ROUND_DOWN if room_ratio >= 0 else ROUND_UP
    return _grouped(_hundredths(EXACT.multiply(abs(room_ratio), _HUNDRED), rounding))


@register.filter
def exact(value: Decimal | None) -> str:
    """Return a price or a quantity with all its digits: 63,772.485."""
    return NOTHING if value is None else grouped_text(plain_text(value))


@register.filter
def price(value: Decimal | None) -> str:
    """Return a price in at most 8 figures; a mean of fills or a chain of rates has many more."""
    if value is None:
        return NOTHING
    step = min(value.adjusted() - PRICE_FIGURES + 1, 0)
    if value.normalize(EXACT).as_tuple().exponent >= step:  # type: ignore[operator]
        return exact(value)
    return exact(value.quantize(ONE.scaleb(step), context=ROUNDED))


@register.filter
def age(value: timedelta | None) -> str:
    """Return an age, never younger than it is: 0.4 s, 47 s, 12 min, 3 h, 2 d."""
    if value is None:
        return NOTHING
    seconds = max(value, timedelta()).total_seconds()
    if seconds < 10:
        return f"{-(-seconds * 10 // 1) / 10:.1f}{NARROW}s"
    for unit, size, until in (("s", 1, _MINUTE), ("min", _MINUTE, _HOUR), ("h", _HOUR, 2 * _DAY)):
        if seconds < until:
            return f"{int(-(-seconds // size))}{NARROW}{unit}"
    return f"{int(seconds // _DAY)}{NARROW}d"


@register.filter
def left(value: timedelta | None) -> str:
    """Return what is left of a time, never longer than it is: 3 h 12 min, 26 min, 40 s."""
    if value is None:
        return NOTHING
    seconds = max(int(value.total_seconds()), 0)
    hours, minutes = seconds // _HOUR, seconds % _HOUR // _MINUTE
    if hours:
        return f"{hours}{NARROW}h {minutes}{NARROW}min"
    return f"{minutes}{NARROW}min" if minutes else f"{seconds}{NARROW}s"


@register.filter
def left_tone(value: timedelta | None) -> str:
    """Return the class of a countdown: amber in its last hour."""
    return "t-warn" if value is not None and value < AMBER_UNDER else "mid"


@register.filter
def age_tone(value: timedelta | None) -> str:
    """Return the class of an age: grey once it is no longer of this moment."""
    return "mid" if value is not None and value < GREY_FROM else "dim"


@register.filter
def after(value: timedelta) -> str:
    """Return a distance from a moment to a hundredth of a second: +0.21 s, +10 min 15 s."""
    sign = MINUS if value < timedelta() else "+"
    size = abs(value)
    if size.total_seconds() < _MINUTE:
        return f"{sign}{size.total_seconds():.2f}{NARROW}s"
    return f"{sign}{span(size)}"


@register.filter
def span(value: timedelta) -> str:
    """Return how long something lasted, in its two largest units: 10 min 15 s, 2 h 3 min."""
    seconds = int(value.total_seconds())
    sizes = (("d", _DAY), ("h", _HOUR), ("min", _MINUTE), ("s", 1))
    parts: list[tuple[int, str]] = []
    for unit, size in sizes:
        number, seconds = divmod(seconds, size)
        if number or parts:
            parts.append((number, unit))
    told = [f"{number}{NARROW}{unit}" for number, unit in parts[:2] if number]
    return " ".join(told) or f"0{NARROW}s"


@register.filter
def took(value: timedelta | None) -> str:
    """Return a measured time in seconds, never shorter than it was: 0.22, 1.89, 62."""
    if value is None:
        return NOTHING
    seconds = Decimal(value // timedelta(microseconds=1)).scaleb(-6)
    step = _CENT if seconds < _MINUTE else ONE
    return _grouped(seconds.quantize(step, rounding=ROUND_UP))


@register.filter
def count(value: int | None) -> str:
    """Return how many there are: 18,442."""
    return NOTHING if value is None else f"{value:,}"


@register.filter
def clock(at: datetime | None) -> str:
    """Return 13:42:07, in UTC like every time on the pages."""
    return NOTHING if at is None else f"{at:%H:%M:%S}"


@register.filter
def instant(at: datetime | None) -> str:
    """Return 13:42:07.318."""
    return NOTHING if at is None else f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"


@register.filter
def iso(at: datetime | None) -> str:
    """Return the time as the attribute of a time element."""
    return "" if at is None else time_text(at)


def _hundredths(value: Decimal, rounding: str) -> Decimal:
    return value.quantize(_CENT, rounding=rounding, context=EXACT)


def _signed(value: Decimal) -> str:
    return _grouped(value) if value < 0 else f"+{_grouped(abs(value))}"


def _grouped(value: Decimal) -> str:
    return grouped_text(f"{value:f}")
