"""Read a venue's raw answer: what is not as expected is unverified, never a crash or a zero."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from oms.domain.orders import OpenOrder, OrderSide, OrderType
from oms.venues.base import OrderList, Unknown
from riskconsole.kernel.numbers import (
    MAX_TEXT_LENGTH,
    ZERO,
    NotANumber,
    decimal_from,
    plain_text,
    to_money_step,
)

Row = Mapping[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = Decimal(1_000_000)


def row_of(value: object, what: str = "answer") -> Row:
    """Return value as an object of JSON."""
    if not isinstance(value, Mapping):
        raise Unknown(f"unverified: the {what} is {type(value).__name__}, not an object")
    return value


def rows_of(value: object, what: str = "answer") -> list[Row]:
    """Return value as a list of objects."""
    if not isinstance(value, list):
        raise Unknown(f"unverified: the {what} is {type(value).__name__}, not a list")
    return [row_of(row, what) for row in value]


def text_of(row: Row, key: str) -> str:
    """Return a text that must be there; a number becomes its text."""
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise Unknown(f"unverified: {key} is {value!r:.40}")
    return str(value)


def number_of(row: Row, key: str) -> Decimal:
    """Return a number that must be there; digits beyond those stored are rounded half even."""
    value = row.get(key)
    try:
        return _number(value)
    except (TypeError, NotANumber, InvalidOperation):
        raise Unknown(f"unverified: {key} is {value!r:.40}") from None


def number_or_zero(row: Row, key: str) -> Decimal:
    """Return a number; zero where the venue leaves it out."""
    return number_of(row, key) if row.get(key) not in {None, ""} else ZERO


def at_seconds(row: Row, key: str) -> datetime:
    """Return the time that a field states in seconds since 1970."""
    return _time(number_of(row, key), key)


def at_milliseconds(row: Row, key: str) -> datetime:
    """Return the time that a field states in milliseconds since 1970."""
    return _time(number_of(row, key) / 1000, key)


def at_text(row: Row, key: str) -> datetime:
    """Return the time that a field states in ISO 8601."""
    try:
        at = datetime.fromisoformat(text_of(row, key))
    except ValueError:
        raise Unknown(f"unverified: {key} is {row.get(key)!r:.40}") from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def side_of(row: Row, key: str) -> OrderSide:
    """Return the side that a field names."""
    try:
        return OrderSide(text_of(row, key).upper())
    except ValueError:
        raise Unknown(f"unverified: {key} is {row.get(key)!r:.40}") from None


def listed(
    rows: Iterable[tuple[str, Row]],
    read: Callable[[str, Row], OpenOrder],
    *,
    now: datetime,
) -> OrderList:
    """Return orders as far as they can be read; one that cannot keeps its id, to be cancelled."""
    orders = []
    is_complete = True
    for order_id, row in rows:
        try:
            orders.append(read(order_id, row))
        except Unknown:
            orders.append(_unread(order_id, now=now))
            is_complete = False
    return OrderList(orders=tuple(orders), is_complete=is_complete)


def joined(parts: Iterable[OrderList]) -> OrderList:
    """Return several listings as one: complete if each of them is."""
    every = tuple(parts)
    return OrderList(
        orders=tuple(order for part in every for order in part.orders),
        is_complete=all(part.is_complete for part in every),
    )


def _unread(order_id: str, *, now: datetime) -> OpenOrder:
    return OpenOrder(
        id=order_id,
        instrument="?",
        side=OrderSide.BUY,
        type=OrderType.LIMIT,
        quantity=ZERO,
        price=ZERO,
        is_reduce_only=False,
        created_at=now,
    )


def _number(value: Any) -> Decimal:  # noqa: ANN401
    try:
        return decimal_from(value)
    except NotANumber:
        text = str(value)
        if len(text) > MAX_TEXT_LENGTH:
            raise
        return decimal_from(plain_text(to_money_step(Decimal(text))))


def _time(seconds: Decimal, key: str) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=int(seconds * _MICROSECONDS))
    except OverflowError:
        raise Unknown(f"unverified: {key} is no time") from None
