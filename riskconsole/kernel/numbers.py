"""Exact numbers: how text becomes a Decimal, and a Decimal text."""

import re
from decimal import (
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from enum import StrEnum

from riskconsole.kernel.errors import RiskConsoleError

ZERO = Decimal(0)
ONE = Decimal(1)

MAX_INTEGER_DIGITS = 15
MAX_FRACTION_DIGITS = 18
MAX_TEXT_LENGTH = 64

# Wide enough that sums and products of accepted numbers never round; a division has to round
# and does so once, in ROUNDED.
EXACT = Context(
    prec=300, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow]
)
ROUNDED = Context(
    prec=38, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow]
)

_PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_MONEY_STEP = Decimal("1e-18")
_RATIO_STEP = Decimal("1e-12")
_HUNDREDTH = Decimal("0.01")

MINUS = "\N{MINUS SIGN}"


class NotANumber(RiskConsoleError):
    """A text is not a finite number of at most 15 digits before and 18 after the point."""


def decimal_from(value: str | int | Decimal) -> Decimal:
    """Return value as an exact, finite Decimal.

    :raises TypeError: for a float or a bool: money never passes through them
    :raises NotANumber: for anything but a plain number within 15 digits before the point and 18
        after it
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise TypeError(f"Expected a number as text, was {type(value).__name__}")
    text = str(value)
    if len(text) > MAX_TEXT_LENGTH or not _PLAIN_NUMBER.fullmatch(text):
        raise NotANumber(f"{text[:24]!r} is not a plain finite number")
    number = Decimal(text)
    if number.adjusted() >= MAX_INTEGER_DIGITS and number:
        raise NotANumber(f"{text!r} has more than {MAX_INTEGER_DIGITS} digits before the point")
    if _fraction_digits(number) > MAX_FRACTION_DIGITS:
        raise NotANumber(f"{text!r} has more than {MAX_FRACTION_DIGITS} digits after the point")
    return number or ZERO


def positive_from(value: str | int | Decimal) -> Decimal:
    """Return value as an exact Decimal above zero.

    :raises NotANumber: as decimal_from(), and for zero or less
    """
    number = decimal_from(value)
    if number <= ZERO:
        raise NotANumber(f"{str(value)[:24]!r} is not above zero")
    return number


def to_money_step(value: Decimal) -> Decimal:
    """Return value rounded half even to the 18 decimals that the database stores."""
    return value.quantize(_MONEY_STEP, context=EXACT)


def to_ratio_step(value: Decimal) -> Decimal:
    """Return value rounded half even to 12 decimals."""
    return value.quantize(_RATIO_STEP, context=EXACT)


def money_text(value: Decimal) -> str:
    """Return exact plain text with at least two decimals: 9450.00, 63772.485."""
    # A zero may have a sign, also one that was rounded to it.
    whole, _, fraction = f"{to_money_step(value) or ZERO:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def known_money_text(value: Decimal | None) -> str | None:
    """Return money_text(), or None for what is not known; zero is known."""
    return None if value is None else money_text(value)


def known_ratio_text(value: Decimal | None) -> str | None:
    """Return ratio_text(), or None for what is not known."""
    return None if value is None else ratio_text(value)


def ratio_text(value: Decimal) -> str:
    """Return up to 12 decimals, rounded half even, without trailing zeros: 0.035."""
    return plain_text(to_ratio_step(value))


def plain_text(value: Decimal) -> str:
    """Return exact plain text without exponent or trailing zeros: a quantity, a price."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def percent_text(ratio: Decimal) -> str:
    """Return a ratio as per cent with at least two decimals, exact to the ratio: 3.50 %."""
    return f"{money_text(EXACT.multiply(to_ratio_step(ratio), Decimal(100)))} %"


def loss_text(ratio: Decimal) -> str:
    """Return a loss as per cent with two decimals, rounded away from zero: 5.13 %."""
    percent = EXACT.multiply(ratio, Decimal(100))
    return f"{percent.quantize(_HUNDREDTH, rounding=ROUND_UP, context=EXACT):f} %"


def told_money(value: Decimal) -> str:
    """Return an amount as a sentence tells it, two decimals rounded down: 1,134,216.40."""
    return grouped_text(f"{value.quantize(_HUNDREDTH, rounding=ROUND_FLOOR, context=EXACT):f}")


def grouped_text(text: str) -> str:
    """Return plain text of a number with its thousands apart and a real minus sign."""
    sign = MINUS if text.startswith("-") else ""
    whole, point, fraction = text.removeprefix("-").partition(".")
    return f"{sign}{int(whole):,}{point}{fraction}"


def choices_of(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Return (value, label) pairs for a model field's choices."""
    return [(member.value, member.name.replace("_", " ").capitalize()) for member in enum]


def _fraction_digits(number: Decimal) -> int:
    exponent = number.normalize(EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
