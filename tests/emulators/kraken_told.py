"""What Kraken's spot market says of its pairs, prices and orders."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import symbol_of
from riskconsole.kernel.numbers import plain_text
from tests.emulators.kraken_names import ASSETS, Pair, pair_of
from tests.emulators.orders import ZERO, Order, OrderStatus

_STATUS = {
    OrderStatus.OPEN: "open",
    OrderStatus.FILLED: "closed",
    OrderStatus.CANCELLED: "canceled",
}


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def told_pair(pair: Pair) -> dict[str, object]:
    return {
        "altname": pair.altname,
        "wsname": f"{ASSETS[pair.base][1]}/{ASSETS[pair.quote][1]}",
        "aclass_base": "currency",
        "base": ASSETS[pair.base][0],
        "aclass_quote": "currency",
        "quote": ASSETS[pair.quote][0],
        "pair_decimals": pair.price_decimals,
        "cost_decimals": 5,
        "lot_decimals": pair.lot_decimals,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, 0.4]],
        "fees_maker": [[0, 0.25]],
        "ordermin": plain_text(pair.order_min),
        "costmin": plain_text(pair.cost_min),
        "tick_size": plain_text(Decimal(1).scaleb(-pair.price_decimals)),
        "status": "online",
    }


def told_ticker(price: Decimal) -> dict[str, object]:
    text = plain_text(price)
    return {
        "a": [text, "1", "1.000"],
        "b": [text, "1", "1.000"],
        "c": [text, "0.1"],
        "v": ["1", "1"],
        "p": [text, text],
        "t": [1, 1],
        "l": [text, text],
        "h": [text, text],
        "o": text,
    }


def held_by(orders: Iterable[Order]) -> dict[str, Decimal]:
    """Return what open orders lock: what a sale gives, what a purchase pays."""
    held: dict[str, Decimal] = {}
    for order in orders:
        symbol = symbol_of(order.instrument)
        is_sale = order.side is OrderSide.SELL
        code = symbol.base if is_sale else symbol.quote
        amount = order.remaining if is_sale else order.remaining * order.price
        held[code] = held.get(code, ZERO) + amount
    return held


def told_orders(orders: Iterable[Order]) -> dict[str, object]:
    return {order.id: told_order(order) for order in orders}


def told_order(order: Order) -> dict[str, object]:
    told: dict[str, object] = {
        "refid": None,
        "userref": 0,
        "status": _STATUS[order.status],
        "opentm": order.created_at.timestamp(),
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": pair_of(order.instrument).altname,
            "type": order.side.lower(),
            "ordertype": "stop-loss" if order.type is OrderType.STOP else "limit",
            "price": plain_text(order.price),
            "price2": "0",
            "leverage": "none",
            "order": sentence(order),
            "close": "",
        },
        "vol": plain_text(order.quantity),
        "vol_exec": plain_text(order.filled),
        "cost": plain_text(order.filled * order.average),
        "fee": "0.00000",
        "price": plain_text(order.average),
        "stopprice": "0.00000",
        "limitprice": "0.00000",
        "misc": "",
        "oflags": "fciq",
    }
    return told | ({"cl_ord_id": order.client_id} if order.client_id else {})


def sentence(order: Order) -> str:
    """Return the text from which clients read an order."""
    kind = "stop loss" if order.type is OrderType.STOP else "limit"
    pair = pair_of(order.instrument).altname
    amount = plain_text(order.quantity)
    return f"{order.side.lower()} {amount} {pair} @ {kind} {plain_text(order.price)}"
