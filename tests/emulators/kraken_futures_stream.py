"""The websocket of Kraken Futures, version 1: a signed challenge opens the private feeds."""

import base64
import hashlib
import hmac
import itertools
import uuid
from typing import TYPE_CHECKING, Any

from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import Side
from tests.emulators.kraken_futures_names import contract_of, instrument_named, ticker_of
from tests.emulators.kraken_futures_wallets import COINS, coin_figures, dollars, flex_figures
from tests.emulators.orders import Order, OrderStatus
from tests.emulators.watched import Change, Topic
from tests.emulators.wire import Session

if TYPE_CHECKING:
    from tests.emulators.kraken_futures import KrakenFuturesEmulator

PRIVATE = {"balances", "open_positions", "open_orders"}

_SEQUENCE = itertools.count()


def receive(venue: "KrakenFuturesEmulator", session: Session, message: dict[str, Any]) -> None:
    """Answer a challenge, a subscription or a ping."""
    event = message.get("event")
    if event == "challenge":
        _challenge(venue, session, message.get("api_key", ""))
    elif event == "ping":
        session.reply({"event": "pong"})
    elif event == "subscribe" and message.get("feed") in PRIVATE:
        _subscribe_private(venue, session, message)
    elif event == "subscribe" and message.get("feed") == "ticker":
        _subscribe_ticker(venue, session, message["product_ids"])
    else:
        session.reply({"event": "alert", "message": "Bad request"})


def broadcast(venue: "KrakenFuturesEmulator", session: Session, change: Change) -> None:
    """Tell what changed to those who subscribed to it."""
    if change.topic is Topic.PRICE and ("ticker", change.key) in session.topics:
        session.push(_ticker(venue, change.key))
    if change.topic in {Topic.PRICE, Topic.POSITION} and ("open_positions",) in session.topics:
        session.push(_positions(venue))
    if change.topic is Topic.BALANCE and ("balances",) in session.topics:
        session.push(_balances(venue, "balances"))
    if change.topic is Topic.ORDER and ("open_orders",) in session.topics:
        session.push(_order_news(venue.book.find(change.key)))


def _challenge(venue: "KrakenFuturesEmulator", session: Session, key: str) -> None:
    if key not in venue.keys:
        session.reply({"event": "error", "message": "Invalid API key"})
        return
    session.notes["challenge"] = str(uuid.uuid4())
    session.reply({"event": "challenge", "message": session.notes["challenge"]})


def _is_signed(venue: "KrakenFuturesEmulator", session: Session, message: dict[str, Any]) -> bool:
    key = venue.keys.get(message.get("api_key", ""))
    challenge = session.notes.get("challenge")
    if key is None or challenge is None or message.get("original_challenge") != challenge:
        return False
    secret = base64.b64decode(key.credentials.secret)
    digest = hashlib.sha256(challenge.encode()).digest()
    signed = base64.b64encode(hmac.new(secret, digest, hashlib.sha512).digest()).decode()
    return hmac.compare_digest(signed, str(message.get("signed_challenge")))


def _subscribe_private(
    venue: "KrakenFuturesEmulator", session: Session, message: dict[str, Any]
) -> None:
    feed = message["feed"]
    if not _is_signed(venue, session, message):
        text = "Failed to subscribe to authenticated feed"
        session.reply({"event": "alert", "message": text})
        return
    session.topics.add((feed,))
    session.reply({"event": "subscribed", "feed": feed})
    snapshots = {
        "balances": lambda: _balances(venue, "balances_snapshot"),
        "open_positions": lambda: _positions(venue),
        "open_orders": lambda: _orders(venue),
    }
    session.push(snapshots[feed]())


def _subscribe_ticker(
    venue: "KrakenFuturesEmulator", session: Session, products: list[str]
) -> None:
    for product in products:
        row = instrument_named(product)
        if row is None:
            session.reply({"event": "error", "message": "Invalid product id"})
            continue
        session.topics.add(("ticker", row.instrument))
        session.reply({"event": "subscribed", "feed": "ticker", "product_ids": [product]})
        if row.instrument in venue.book.prices:
            session.push(_ticker(venue, row.instrument))


def _ticker(venue: "KrakenFuturesEmulator", instrument: str) -> dict[str, Any]:
    row = contract_of(instrument)
    price = float(venue.book.prices[instrument])
    return {
        "feed": "ticker",
        "product_id": row.id,
        "time": _milliseconds(venue),
        "pair": row.pair,
        "bid": price,
        "bid_size": 1,
        "ask": price,
        "ask_size": 1,
        "last": price,
        "markPrice": price,
        "index": price,
        "change": 0.0,
        "volume": 1,
        "volumeQuote": 1,
        "openInterest": 1,
        "funding_rate": 0.0,
        "suspended": False,
        "post_only": False,
        "tag": "perpetual",
    }


def _balances(venue: "KrakenFuturesEmulator", feed: str) -> dict[str, Any]:
    held, value, gain = flex_figures(venue.book)
    currencies = {
        ticker_of(code): {
            "quantity": float(quantity),
            "value": float(quantity * dollars(venue.book, code)),
            "collateral_value": float(quantity * dollars(venue.book, code)),
            "available": float(quantity),
        }
        for code, quantity in held.items()
    }
    flex = {
        "currencies": currencies,
        "balance_value": float(value),
        "portfolio_value": float(value + gain),
        "pnl": float(gain),
        "unrealized_funding": 0.0,
        "total_unrealized": float(gain),
        "margin_equity": float(value + gain),
    }
    wallets = dict(_coin_wallet(venue, coin) for coin in COINS)
    return _frame(venue, feed) | {"holding": {}, "futures": wallets, "flex_futures": flex}


def _coin_wallet(venue: "KrakenFuturesEmulator", coin: str) -> tuple[str, dict[str, Any]]:
    balance, gain = coin_figures(venue.book, coin)
    name = f"F-{ticker_of(coin)}:USD"
    return name, {
        "name": name,
        "pair": f"{ticker_of(coin)}/USD",
        "unit": ticker_of(coin),
        "portfolio_value": float(balance + gain),
        "balance": float(balance),
        "initial_margin": 0.0,
        "available": float(balance + gain),
        "unrealized_funding": 0.0,
        "pnl": float(gain),
    }


def _positions(venue: "KrakenFuturesEmulator") -> dict[str, Any]:
    book = venue.book
    rows = []
    for (instrument, side), position in list(book.positions.items()):
        sign = 1 if side is Side.LONG else -1
        mark = float(book.prices.get(instrument, position.entry_price))
        rows.append(
            {
                "instrument": contract_of(instrument).id,
                "balance": float(sign * position.quantity),
                "pnl": float(book.pnl(instrument, side)),
                "entry_price": float(position.entry_price),
                "mark_price": mark,
                "index_price": mark,
                "liquidation_threshold": 0.0,
                "effective_leverage": 1.0,
                "return_on_equity": 0.0,
                "unrealized_funding": 0.0,
                "initial_margin": 0.0,
                "maintenance_margin": 0.0,
            }
        )
    return _frame(venue, "open_positions") | {"positions": rows}


def _orders(venue: "KrakenFuturesEmulator") -> dict[str, Any]:
    orders = [_order(order) for order in venue.book.open_orders()]
    return _frame(venue, "open_orders_snapshot") | {"orders": orders}


def _order_news(order: Order) -> dict[str, Any]:
    if order.status is OrderStatus.OPEN:
        reason = "partial_fill" if order.filled else "new_placed_order_by_user"
        return {
            "feed": "open_orders",
            "order": _order(order),
            "is_cancel": False,
            "reason": reason,
        }
    reason = "full_fill" if order.status is OrderStatus.FILLED else "cancelled_by_user"
    return {
        "feed": "open_orders",
        "order_id": order.id,
        "cli_ord_id": order.client_id,
        "is_cancel": True,
        "reason": reason,
    }


def _order(order: Order) -> dict[str, Any]:
    is_stop = order.type is OrderType.STOP
    at = int(order.created_at.timestamp() * 1000)
    return {
        "instrument": contract_of(order.instrument).id,
        "time": at,
        "last_update_time": at,
        "qty": float(order.remaining),
        "filled": float(order.filled),
        "limit_price": 0.0 if is_stop else float(order.price),
        "stop_price": float(order.price) if is_stop else 0.0,
        "type": "stop" if is_stop else "limit",
        "order_id": order.id,
        "cli_ord_id": order.client_id,
        "direction": 0 if order.side is OrderSide.BUY else 1,
        "reduce_only": order.is_reduce_only,
    }


def _frame(venue: "KrakenFuturesEmulator", feed: str) -> dict[str, Any]:
    return {
        "feed": feed,
        "account": venue.account_uid,
        "seq": next(_SEQUENCE),
        "timestamp": _milliseconds(venue),
    }


def _milliseconds(venue: "KrakenFuturesEmulator") -> int:
    return int(venue.clock().timestamp() * 1000)
