"""Kraken's websocket, version 2: ticker, balances and executions."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from oms.domain.orders import OrderType
from tests.emulators.kraken_names import asset_id, pair_of
from tests.emulators.orders import Order, OrderStatus
from tests.emulators.watched import Change, Topic
from tests.emulators.wire import Session

if TYPE_CHECKING:
    from tests.emulators.kraken import KrakenEmulator

PRIVATE = {"balances", "executions"}

_STATUS = {
    OrderStatus.OPEN: ("new", "new"),
    OrderStatus.FILLED: ("filled", "filled"),
    OrderStatus.CANCELLED: ("canceled", "canceled"),
}


def receive(venue: "KrakenEmulator", session: Session, message: dict[str, Any]) -> None:
    """Answer a ping or a subscription."""
    envelope = {key: message[key] for key in ("method", "req_id") if key in message}
    if message.get("method") == "ping":
        session.reply(envelope | {"method": "pong", "time_in": _now(), "time_out": _now()})
    elif message.get("method") == "subscribe":
        _subscribe(venue, session, message["params"], envelope)
    else:
        session.reply(envelope | {"success": False, "error": "Unsupported method"})


def broadcast(venue: "KrakenEmulator", session: Session, change: Change) -> None:
    """Tell what changed to those who subscribed to it."""
    if change.topic is Topic.PRICE and ("ticker", change.key) in session.topics:
        session.push(
            _frame("ticker", "update", [_ticker(change.key, venue.book.prices[change.key])])
        )
    elif change.topic is Topic.BALANCE and ("balances",) in session.topics:
        session.push(_frame("balances", "update", [_balance(venue, change.key)]))
    elif change.topic is Topic.ORDER and ("executions",) in session.topics:
        session.push(_frame("executions", "update", [_execution(venue.book.find(change.key))]))


def _subscribe(
    venue: "KrakenEmulator", session: Session, params: dict[str, Any], envelope: dict[str, Any]
) -> None:
    channel = params.get("channel")
    if channel in PRIVATE:
        _subscribe_private(venue, session, params, envelope)
    elif channel == "ticker":
        for symbol in params["symbol"]:
            _subscribe_ticker(venue, session, symbol, envelope)
    else:
        session.reply(envelope | {"success": False, "error": "Unsupported channel"})


def _subscribe_ticker(
    venue: "KrakenEmulator", session: Session, symbol: str, envelope: dict[str, Any]
) -> None:
    try:
        pair_of(symbol)
    except KeyError:
        error = f"Currency pair not supported {symbol}"
        session.reply(envelope | {"success": False, "error": error, "symbol": symbol})
        return
    session.topics.add(("ticker", symbol))
    result = {"channel": "ticker", "symbol": symbol, "snapshot": True}
    session.reply(envelope | {"success": True, "result": result})
    if symbol in venue.book.prices:
        session.push(_frame("ticker", "snapshot", [_ticker(symbol, venue.book.prices[symbol])]))


def _subscribe_private(
    venue: "KrakenEmulator", session: Session, params: dict[str, Any], envelope: dict[str, Any]
) -> None:
    channel = params["channel"]
    if params.get("token") not in venue.tokens:
        session.reply(envelope | {"success": False, "error": "ESession:Invalid session"})
        return
    session.topics.add((channel,))
    session.reply(envelope | {"success": True, "result": {"channel": channel, "snapshot": True}})
    if channel == "balances":
        data = [_balance(venue, code) for code in venue.book.balances]
    else:
        data = [_execution(order) for order in venue.book.open_orders()]
    session.push(_frame(channel, "snapshot", data))


def _frame(channel: str, kind: str, data: list[dict[str, Any]]) -> dict[str, Any]:
    return {"channel": channel, "type": kind, "data": data, "sequence": next(_SEQUENCE)}


_SEQUENCE = itertools.count(1)


def _ticker(symbol: str, price: Decimal) -> dict[str, Any]:
    number = float(price)
    return {
        "symbol": symbol,
        "bid": number,
        "bid_qty": 1.0,
        "ask": number,
        "ask_qty": 1.0,
        "last": number,
        "volume": 1.0,
        "vwap": number,
        "low": number,
        "high": number,
        "change": 0.0,
        "change_pct": 0.0,
        "timestamp": _now(),
    }


def _balance(venue: "KrakenEmulator", code: str) -> dict[str, Any]:
    total = float(venue.book.balances.get(code, Decimal(0)))
    return {
        "asset": code if "." not in code else asset_id(code),
        "asset_class": "currency",
        "balance": total,
        "wallets": [{"type": "spot", "id": "main", "balance": total}],
    }


def _execution(order: Order) -> dict[str, Any]:
    kind, status = _STATUS[order.status]
    is_stop = order.type is OrderType.STOP
    return {
        "order_id": order.id,
        "cl_ord_id": order.client_id,
        "symbol": order.instrument,
        "side": order.side.lower(),
        "order_type": "stop-loss" if is_stop else "limit",
        "order_qty": float(order.quantity),
        "cum_qty": float(order.filled),
        "cum_cost": float(order.filled * order.average),
        "avg_price": float(order.average),
        "limit_price": float(order.price),
        "exec_type": kind,
        "order_status": status,
        "reduce_only": order.is_reduce_only,
        "time_in_force": "GTC",
        "timestamp": _text(order.created_at),
    }


def _now() -> str:
    return _text(datetime.now(UTC))


def _text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
