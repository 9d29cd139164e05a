"""Kraken's spot market, as far as its REST interface is used here.

Errors are texts in a list, with status 200. The nonce of a key has to rise with every call.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import Side, symbol_of
from riskconsole.kernel.numbers import plain_text
from tests.emulators import kraken_stream
from tests.emulators.book import Book
from tests.emulators.dead_man import DeadManSwitch
from tests.emulators.faults import FaultKind, Verb
from tests.emulators.kraken_names import ASSETS, PAIRS, Pair, asset_id, pair_named, pair_of
from tests.emulators.kraken_sign import claimed_signature, signature
from tests.emulators.kraken_told import (
    held_by,
    sentence,
    stamp,
    told_orders,
    told_pair,
    told_ticker,
)
from tests.emulators.orders import ZERO, BookRefusal, Order, Reason
from tests.emulators.server import Emulator
from tests.emulators.watched import Change
from tests.emulators.wire import Key, Refused, Reply, Request, Route, Session

Handler = Callable[[Request], object]

BATCH = 50
PAGE = 50
TOKEN_SECONDS = 900

_REFUSALS = {
    Reason.INSUFFICIENT_FUNDS: "EOrder:Insufficient funds",
    Reason.DUPLICATE_CLIENT_ID: "EOrder:Duplicate client order id",
    Reason.NOTHING_TO_REDUCE: "EOrder:Reduce only:No position exists",
}


class KrakenEmulator(Emulator):
    """One spot account; margin positions are what the book holds of pairs."""

    fault_messages: ClassVar = {
        FaultKind.REVOKED: "EAPI:Invalid key",
        FaultKind.MAINTENANCE: "EService:Unavailable",
    }
    no_permission = "EGeneral:Permission denied"
    socket_path = "/v2"

    def __init__(self, *, latency: timedelta = timedelta(0)) -> None:
        super().__init__(book=Book(new_id=_txid), latency=latency)
        self.dead_man = DeadManSwitch(self.book)
        self.tokens: set[str] = set()
        self.nonces: dict[str, int] = {}

    def routes(self) -> Sequence[Route]:
        return [
            _public("Time", "time", self._time),
            _public("SystemStatus", "time", self._system_status),
            _public("Assets", "markets", self._assets),
            _public("AssetPairs", "markets", self._pairs),
            _public("Ticker", "quotes", self._ticker),
            _private("BalanceEx", "balances", self._balances),
            _private("TradeBalance", "balances", self._trade_balance),
            _private("OpenPositions", "positions", self._positions),
            _private("OpenOrders", "open_orders", self._open_orders),
            _private("ClosedOrders", "find_order", self._closed_orders),
            _private("QueryOrders", "find_order", self._query_orders),
            _private("GetApiKeyInfo", "permissions", self._key_info),
            _private("GetWebSocketsToken", "stream_token", self._token),
            _private("AddOrder", "reduce", self._add_order, is_trading=True),
            _private("CancelOrder", "cancel_orders", self._cancel_order, is_trading=True),
            _private("CancelOrderBatch", "cancel_orders", self._cancel_batch, is_trading=True),
            _private("CancelAll", "cancel_all", self._cancel_all, is_trading=True),
            _private("CancelAllOrdersAfter", "dead_man", self._cancel_after, is_trading=True),
        ]

    def new_secret(self) -> str:
        return base64.b64encode(secrets.token_bytes(64)).decode()

    def authenticate(self, request: Request) -> Key:
        key = self.keys.get(request.headers.get("API-Key", ""))
        if key is None:
            raise Refused(self.error("EAPI:Invalid key"))
        nonce = str(_parameters(request).get("nonce", ""))
        if not hmac.compare_digest(signature(key, request, nonce), claimed_signature(request)):
            raise Refused(self.error("EAPI:Invalid signature"))
        self._use_nonce(key, nonce, is_skewed=request.is_skewed)
        return key

    def error(self, message: str) -> Reply:
        return Reply(body={"error": [message]})

    def refusal(self, refusal: BookRefusal) -> Reply:
        return self.error(_REFUSALS[refusal.reason])

    def receive(self, session: Session, text: str) -> None:
        kraken_stream.receive(self, session, json.loads(text))

    def broadcast(self, session: Session, change: Change) -> None:
        kraken_stream.broadcast(self, session, change)

    def _use_nonce(self, key: Key, nonce: str, *, is_skewed: bool) -> None:
        """Take a nonce; to a skewed clock every nonce is one of the past."""
        last = self.nonces.get(key.credentials.key, 0)
        if not nonce.isdigit() or int(nonce) <= last or is_skewed:
            raise Refused(self.error("EAPI:Invalid nonce"))
        self.nonces[key.credentials.key] = int(nonce)

    def _time(self, request: Request) -> object:
        return _result({"unixtime": int(request.at.timestamp()), "rfc1123": f"{request.at:%c}"})

    def _system_status(self, request: Request) -> object:
        return _result({"status": "online", "timestamp": request.at.isoformat()})

    def _assets(self, _request: Request) -> object:
        return _result(
            {
                id_: {
                    "aclass": "currency",
                    "altname": altname,
                    "decimals": 10,
                    "display_decimals": 5,
                    "status": "enabled",
                }
                for id_, altname in ASSETS.values()
            }
        )

    def _pairs(self, _request: Request) -> object:
        return _result({pair.id: told_pair(pair) for pair in PAIRS})

    def _ticker(self, request: Request) -> object:
        names = request.query.get("pair", "")
        pairs = [self._pair(name) for name in names.split(",")] if names else PAIRS
        return _result(
            {
                pair.id: told_ticker(self.book.prices[pair.instrument])
                for pair in pairs
                if pair.instrument in self.book.prices
            }
        )

    def _balances(self, _request: Request) -> object:
        held = held_by(self.book.open_orders())
        return _result(
            {
                asset_id(code): {
                    "balance": plain_text(total),
                    "hold_trade": plain_text(held.get(code, ZERO)),
                }
                for code, total in self.book.balances.items()
            }
        )

    def _trade_balance(self, _request: Request) -> object:
        balance = sum(map(self._in_dollars, self.book.balances), ZERO)
        profit = sum((self.book.pnl(*key) for key in self._margin_keys()), ZERO)
        return _result(
            {
                "eb": plain_text(balance),
                "tb": plain_text(balance),
                "m": "0",
                "n": plain_text(profit),
                "c": "0",
                "v": "0",
                "e": plain_text(balance + profit),
                "mf": plain_text(balance + profit),
            }
        )

    def _in_dollars(self, code: str) -> Decimal:
        base = code.partition(".")[0]
        price = Decimal(1) if base == "USD" else self.book.prices.get(f"{base}/USD", ZERO)
        return self.book.balances[code] * price

    def _margin_keys(self) -> list[tuple[str, Side]]:
        return [key for key in self.book.positions if not symbol_of(key[0]).settle]

    def _positions(self, request: Request) -> object:
        rows = [self._told_position(*key) for key in self._margin_keys()]
        if request.form.get("consolidation") == "market":
            return _result(rows)
        return _result({f"T{number:05}-POSIT": row for number, row in enumerate(rows, 1)})

    def _told_position(self, instrument: str, side: Side) -> dict[str, str]:
        position = self.book.positions[instrument, side]
        cost = plain_text(position.quantity * position.entry_price)
        return {
            "pair": pair_of(instrument).id,
            "positions": "1",
            "type": "buy" if side is Side.LONG else "sell",
            "leverage": "2.00000",
            "cost": cost,
            "fee": "0",
            "vol": plain_text(position.quantity),
            "vol_closed": "0",
            "margin": cost,
            "net": plain_text(self.book.pnl(instrument, side)),
        }

    def _open_orders(self, request: Request) -> object:
        return _result({"open": told_orders(_wanted(request, self.book.open_orders()))})

    def _closed_orders(self, request: Request) -> object:
        found = _wanted(request, reversed(list(self.book.done.values())))
        start = int(request.form.get("ofs", "0"))
        return _result({"closed": told_orders(found[start : start + PAGE]), "count": len(found)})

    def _query_orders(self, request: Request) -> object:
        ids = request.form.get("txid", "").split(",")
        every = {**self.book.done, **self.book.orders}
        if not set(ids) <= set(every):
            return self.error("EOrder:Invalid order")
        return _result(told_orders(every[id_] for id_ in ids))

    def _key_info(self, request: Request) -> object:
        key = self.keys[request.headers["API-Key"]]
        rights = ["query-funds", "query-open-trades", "query-closed-trades"]
        rights += ["modify-trades", "close-trades"] if key.may_trade else []
        rights += ["withdraw-funds"] if key.may_withdraw else []
        return _result(
            {
                "apiKeyName": "emulated",
                "apiKey": key.credentials.key,
                "nonce": request.form["nonce"],
                "nonceWindow": 0,
                "permissions": rights,
                "iban": "AA88 N84G WOAK NMOI",
                "validUntil": "0",
                "queryFrom": "0",
                "queryTo": "0",
                "createdTime": "1772542900",
                "modifiedTime": "1772543095",
                "ipAllowlist": [],
                "lastUsed": str(int(request.at.timestamp())),
            }
        )

    def _token(self, _request: Request) -> object:
        token = secrets.token_urlsafe(24)
        self.tokens.add(token)
        return _result({"token": token, "expires": TOKEN_SECONDS})

    def _add_order(self, request: Request) -> object:
        form = request.form
        pair = self._pair(form.get("pair", ""))
        price = self._price(form, pair)
        quantity = self._volume(form, pair, price)
        order = self.book.place(
            instrument=pair.instrument,
            side=OrderSide(form["type"].upper()),
            type=OrderType.STOP if form["ordertype"].startswith("stop") else OrderType.LIMIT,
            quantity=quantity,
            price=price,
            is_reduce_only=form.get("reduce_only") == "true",
            client_id=form.get("cl_ord_id", ""),
            is_immediate=form.get("timeinforce") == "IOC" or form["ordertype"] == "market",
        )
        return _result({"descr": {"order": sentence(order)}, "txid": [order.id]})

    def _pair(self, name: str) -> Pair:
        pair = pair_named(name)
        if pair is None:
            raise Refused(self.error("EQuery:Unknown asset pair"))
        return pair

    def _price(self, form: dict[str, str], pair: Pair) -> Decimal:
        if form["ordertype"] == "market":
            return self.book.prices[pair.instrument]
        price = self._number(form, "price")
        if price != round(price, pair.price_decimals):
            raise Refused(
                self.error(
                    f"EOrder:Invalid price:{pair.altname} price can only be specified up to"
                    f" {pair.price_decimals} decimals."
                )
            )
        return price

    def _volume(self, form: dict[str, str], pair: Pair, price: Decimal) -> Decimal:
        volume = self._number(form, "volume")
        if volume < pair.order_min:
            raise Refused(self.error("EOrder:Order minimum not met"))
        if volume * price < pair.cost_min:
            raise Refused(self.error("EOrder:Cost minimum not met"))
        return volume

    def _number(self, form: dict[str, str], name: str) -> Decimal:
        try:
            return Decimal(form[name])
        except (KeyError, InvalidOperation):
            raise Refused(self.error(f"EGeneral:Invalid arguments:{name}")) from None

    def _cancel_order(self, request: Request) -> object:
        found = self._ids([request.form.get("txid") or request.form.get("cl_ord_id", "")])
        if not found:
            return self.error("EOrder:Unknown order")
        return _result({"count": len(self.book.cancel(found, at_most=request.at_most))})

    def _cancel_batch(self, request: Request) -> object:
        body = _parameters(request)
        names = [*body.get("orders", []), *body.get("cl_ord_ids", [])]
        if not 0 < len(names) <= BATCH:
            return self.error("EGeneral:Invalid arguments:orders")
        found = self._ids(map(str, names))
        return _result({"count": len(self.book.cancel(found, at_most=request.at_most))})

    def _cancel_all(self, request: Request) -> object:
        return _result({"count": len(self.book.cancel(at_most=request.at_most))})

    def _cancel_after(self, request: Request) -> object:
        self.dead_man.arm(int(self._number(request.form, "timeout")), at=request.at)
        fires_at = self.dead_man.fires_at
        return _result(
            {
                "currentTime": stamp(request.at),
                "triggerTime": stamp(fires_at) if fires_at else "0",
            }
        )

    def _ids(self, names: Iterable[str]) -> list[str]:
        """Return the ids of the open orders that the venue or their client calls so."""
        wanted = set(names)
        return [row.id for row in self.book.open_orders() if {row.id, row.client_id} & wanted]


def _public(name: str, verb: Verb, handle: Handler) -> Route:
    return Route(method="GET", path=f"/0/public/{name}", verb=verb, handle=handle)


def _private(name: str, verb: Verb, handle: Handler, *, is_trading: bool = False) -> Route:
    return Route(
        method="POST",
        path=f"/0/private/{name}",
        verb=verb,
        handle=handle,
        is_private=True,
        is_trading=is_trading,
    )


def _txid(number: int) -> str:
    return f"O{number:05}-{'EMULA'}-{'TEDXX'}"


def _result(body: object) -> dict[str, object]:
    return {"error": [], "result": body}


def _parameters(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = (
        json.loads(request.body) if request.body.startswith("{") else request.form
    )
    return body


def _wanted(request: Request, orders: Iterable[Order]) -> list[Order]:
    client_id = request.form.get("cl_ord_id")
    return [order for order in orders if client_id is None or order.client_id == client_id]
