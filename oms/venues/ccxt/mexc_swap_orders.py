"""The three kinds of open orders at MEXC's perpetuals, as the port tells them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

from oms.domain.orders import OpenOrder, OrderSide, OrderType
from oms.venues.base import Unknown
from oms.venues.ccxt.mexc import side_of_position
from oms.venues.ccxt.reading import Row, at_milliseconds, number_of, number_or_zero, text_of
from portfolio.domain.holdings import Side

_SIDES = {
    "1": (OrderSide.BUY, False),
    "2": (OrderSide.BUY, True),
    "3": (OrderSide.SELL, False),
    "4": (OrderSide.SELL, True),
}


class Reader(Protocol):
    """Reads one row of a listing."""

    def __call__(
        self, order_id: str, row: Row, *, symbol_of: Callable[[str], str]
    ) -> OpenOrder: ...


def order_of(order_id: str, row: Row, *, symbol_of: Callable[[str], str]) -> OpenOrder:
    """Return a resting order; what is left of it is its quantity."""
    left = number_of(row, "vol") - number_or_zero(row, "dealVol")
    return _told(
        order_id, row, symbol_of=symbol_of, type_=OrderType.LIMIT, price="price", quantity=left
    )


def trigger_order_of(order_id: str, row: Row, *, symbol_of: Callable[[str], str]) -> OpenOrder:
    """Return a trigger order, at its trigger."""
    left = number_of(row, "vol")
    return _told(
        order_id,
        row,
        symbol_of=symbol_of,
        type_=OrderType.STOP,
        price="triggerPrice",
        quantity=left,
    )


def stop_of_position(order_id: str, row: Row, *, symbol_of: Callable[[str], str]) -> OpenOrder:
    """Return a stop of a position; with a take-profit beside it, it is told at its stop."""
    is_long = side_of_position(row) is Side.LONG
    price = number_or_zero(row, "stopLossPrice") or number_or_zero(row, "takeProfitPrice")
    return OpenOrder(
        id=order_id,
        instrument=symbol_of(text_of(row, "symbol")),
        side=OrderSide.SELL if is_long else OrderSide.BUY,
        type=OrderType.STOP,
        quantity=number_of(row, "vol"),
        price=price,
        is_reduce_only=True,
        created_at=at_milliseconds(row, "createTime"),
    )


def _told(
    order_id: str,
    row: Row,
    *,
    symbol_of: Callable[[str], str],
    type_: OrderType,
    price: str,
    quantity: Decimal,
) -> OpenOrder:
    code = text_of(row, "side")
    if code not in _SIDES:
        raise Unknown(f"unverified: an order's side is {code:.20}")
    side, is_closing = _SIDES[code]
    return OpenOrder(
        id=order_id,
        instrument=symbol_of(text_of(row, "symbol")),
        side=side,
        type=type_,
        quantity=quantity,
        price=number_of(row, price),
        is_reduce_only=is_closing,
        created_at=at_milliseconds(row, "createTime"),
    )
