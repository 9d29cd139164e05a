"""What Kraken Futures says of its contracts, prices and orders; its numbers are numbers."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from oms.domain.orders import OrderType
from tests.emulators.kraken_futures_names import Instrument, contract_of
from tests.emulators.orders import Order, OrderStatus


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def told_instrument(row: Instrument) -> dict[str, Any]:
    told: dict[str, Any] = {
        "symbol": row.id,
        "type": "futures_inverse" if row.is_inverse else "flexible_futures",
        "underlying": f"rr_{row.pair.replace(':', '').lower()}",
        "tickSize": float(row.tick),
        "contractSize": 1,
        "contractValueTradePrecision": row.size_decimals,
        "tradeable": True,
        "impactMidSize": 1,
        "maxPositionSize": 1000000,
        "marginLevels": [{"contracts": 0, "initialMargin": 0.02, "maintenanceMargin": 0.01}],
    }
    return told | ({"lastTradingTime": row.last_trading_at} if row.last_trading_at else {})


def told_ticker(row: Instrument, price: Decimal, *, at: datetime) -> dict[str, Any]:
    number = float(price)
    return {
        "tag": "month" if row.last_trading_at else "perpetual",
        "pair": row.pair,
        "symbol": row.id,
        "markPrice": number,
        "indexPrice": number,
        "bid": number,
        "bidSize": 1,
        "ask": number,
        "askSize": 1,
        "last": number,
        "lastTime": stamp(at),
        "lastSize": 1,
        "open24h": number,
        "vol24h": 1,
        "volumeQuote": 1,
        "openInterest": 1,
        "fundingRate": 0,
        "fundingRatePrediction": 0,
        "suspended": False,
        "postOnly": False,
    }


def told_open_order(order: Order) -> dict[str, Any]:
    is_stop = order.type is OrderType.STOP
    price = {"stopPrice" if is_stop else "limitPrice": float(order.price)}
    signal = {"triggerSignal": "mark"} if is_stop else {}
    client_id = {"cliOrdId": order.client_id} if order.client_id else {}
    return {
        "order_id": order.id,
        "symbol": contract_of(order.instrument).id,
        "side": order.side.lower(),
        "orderType": "stp" if is_stop else "lmt",
        "unfilledSize": float(order.remaining),
        "filledSize": float(order.filled),
        "reduceOnly": order.is_reduce_only,
        "receivedTime": stamp(order.created_at),
        "lastUpdateTime": stamp(order.created_at),
        "status": "partiallyFilled" if order.filled else "untouched",
        **price,
        **signal,
        **client_id,
    }


def told_event_order(order: Order) -> dict[str, Any]:
    return {
        "orderId": order.id,
        "cliOrdId": order.client_id or None,
        "type": "stp" if order.type is OrderType.STOP else "lmt",
        "symbol": contract_of(order.instrument).id,
        "side": order.side.lower(),
        "quantity": float(order.quantity),
        "filled": float(order.filled),
        "limitPrice": float(order.price),
        "reduceOnly": order.is_reduce_only,
        "timestamp": stamp(order.created_at),
        "lastUpdateTimestamp": stamp(order.done_at or order.created_at),
    }


def told_status(order: Order) -> dict[str, Any]:
    """Return an order as orders/status tells it."""
    kind = {"type": "TRIGGER_ORDER" if order.type is OrderType.STOP else "ORDER"}
    return {
        "order": told_event_order(order) | kind,
        "status": _status_word(order),
        "updateReason": None,
        "error": None,
    }


def told_fill(order: Order) -> dict[str, Any]:
    return {
        "fill_id": f"{order.id[:-4]}f111",
        "symbol": contract_of(order.instrument).id,
        "side": order.side.lower(),
        "order_id": order.id,
        "cliOrdId": order.client_id or None,
        "size": float(order.filled),
        "price": float(order.average),
        "fillTime": stamp(order.done_at or order.created_at),
        "fillType": "taker",
    }


def sent_events(order: Order) -> list[dict[str, Any]]:
    """Return what became of an order that was just sent."""
    if not order.filled:
        return [{"type": "PLACE", "order": told_event_order(order), "reducedQuantity": None}]
    return [
        {
            "type": "EXECUTION",
            "executionId": f"{order.id[:-4]}e111",
            "price": float(order.average),
            "amount": float(order.filled),
            "orderPriorEdit": None,
            "orderPriorExecution": told_event_order(order) | {"filled": 0},
            "takerReducedQuantity": None,
        }
    ]


def cancel_event(order: Order) -> dict[str, Any]:
    return {"type": "CANCEL", "uid": order.id, "order": told_event_order(order)}


def _status_word(order: Order) -> str:
    if order.status is OrderStatus.FILLED:
        return "FULLY_EXECUTED"
    if order.status is OrderStatus.CANCELLED:
        return "CANCELLED"
    return "TRIGGER_PLACED" if order.type is OrderType.STOP else "ENTERED_BOOK"
