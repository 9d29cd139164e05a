"""Kraken Futures, as far as its REST interface is used here. It asks for no nonce."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from oms.domain.orders import OrderSide, OrderType
from tests.emulators import kraken_futures_stream
from tests.emulators.book import Book
from tests.emulators.dead_man import DeadManSwitch
from tests.emulators.faults import FaultKind, Verb
from tests.emulators.kraken_futures_names import (
    INSTRUMENTS,
    Instrument,
    contract_of,
    instrument_named,
    wallet_of,
)
from tests.emulators.kraken_futures_told import (
    cancel_event,
    sent_events,
    stamp,
    told_fill,
    told_instrument,
    told_open_order,
    told_status,
    told_ticker,
)
from tests.emulators.kraken_futures_wallets import told_accounts
from tests.emulators.orders import ZERO, BookRefusal, Order, OrderStatus, Reason
from tests.emulators.server import Emulator
from tests.emulators.watched import Change
from tests.emulators.wire import Key, Refused, Reply, Request, Route, Session

Handler = Callable[[Request], object]

ROOT = "/derivatives/api/v3"
FILLS = 100
# orders/status forgets an order that is done after so long; fills do not.
STATUS_MEMORY = timedelta(seconds=5)

_REFUSALS = {
    Reason.INSUFFICIENT_FUNDS: "insufficientAvailableFunds",
    Reason.DUPLICATE_CLIENT_ID: "clientOrderIdAlreadyExist",
    Reason.NOTHING_TO_REDUCE: "wouldNotReducePosition",
}


class KrakenFuturesEmulator(Emulator):
    """One account with its flex, coin-margined and cash wallets."""

    fault_messages: ClassVar = {
        FaultKind.REVOKED: "authenticationError",
        FaultKind.MAINTENANCE: "Unavailable",
        FaultKind.SKEW: "nonceBelowThreshold",
    }
    no_permission = "accessDenied"
    socket_path = "/ws/v1"

    def __init__(self, *, latency: timedelta = timedelta(0)) -> None:
        super().__init__(book=Book(new_id=_order_id, settles_in=wallet_of), latency=latency)
        self.dead_man = DeadManSwitch(self.book)
        self.account_uid = str(uuid.uuid4())

    def routes(self) -> Sequence[Route]:
        return [
            _get("instruments", "markets", self._instruments),
            _get("tickers", "quotes", self._tickers),
            _get("tickers/{symbol}", "quotes", self._ticker),
            _private("GET", "accounts", "balances", self._accounts),
            _private("GET", "openpositions", "positions", self._positions),
            _private("GET", "openorders", "open_orders", self._open_orders),
            _private("GET", "orders/status", "find_order", self._order_status),
            _private("POST", "orders/status", "find_order", self._order_status),
            _private("GET", "fills", "find_order", self._fills),
            _trading("sendorder", "reduce", self._send_order),
            _trading("cancelorder", "cancel_orders", self._cancel_order),
            _trading("batchorder", "cancel_orders", self._batch_order),
            _trading("cancelallorders", "cancel_all", self._cancel_all),
            _trading("cancelallordersafter", "dead_man", self._cancel_after),
            Route(
                method="GET",
                path="/api/auth/v1/api-keys/v3/check",
                verb="permissions",
                handle=self._key_info,
                is_private=True,
            ),
        ]

    def new_secret(self) -> str:
        return base64.b64encode(secrets.token_bytes(64)).decode()

    def authenticate(self, request: Request) -> Key:
        key = self.keys.get(request.headers.get("APIKey", ""))
        if key is None or not hmac.compare_digest(_signature(key, request), _claimed(request)):
            raise Refused(self.error("authenticationError"))
        return key

    def error(self, message: str) -> Reply:
        return Reply(body={"result": "error", "error": message, "serverTime": stamp(self.clock())})

    def refusal(self, refusal: BookRefusal) -> Reply:
        status = {"status": _REFUSALS[refusal.reason], "orderEvents": []}
        return Reply(body=self._success(sendStatus=status))

    def receive(self, session: Session, text: str) -> None:
        kraken_futures_stream.receive(self, session, json.loads(text))

    def broadcast(self, session: Session, change: Change) -> None:
        kraken_futures_stream.broadcast(self, session, change)

    def _success(self, **parts: object) -> dict[str, object]:
        return {"result": "success", "serverTime": stamp(self.clock()), **parts}

    def _instruments(self, _request: Request) -> object:
        index = {"symbol": "in_xbtusd", "type": "spot index", "tradeable": False}
        return self._success(instruments=[*map(told_instrument, INSTRUMENTS), index])

    def _tickers(self, request: Request) -> object:
        return self._success(
            tickers=[
                told_ticker(row, self.book.prices[row.instrument], at=request.at)
                for row in INSTRUMENTS
                if row.instrument in self.book.prices
            ]
        )

    def _ticker(self, request: Request) -> object:
        row = self._contract(request.parts["symbol"])
        price = self.book.prices[row.instrument]
        return self._success(ticker=told_ticker(row, price, at=request.at))

    def _accounts(self, _request: Request) -> object:
        return self._success(accounts=told_accounts(self.book))

    def _positions(self, request: Request) -> object:
        return self._success(
            openPositions=[
                {
                    "side": side.lower(),
                    "symbol": contract_of(instrument).id,
                    "price": float(position.entry_price),
                    "fillTime": stamp(request.at),
                    "size": float(position.quantity),
                    "unrealizedFunding": 0,
                }
                for (instrument, side), position in list(self.book.positions.items())
            ]
        )

    def _open_orders(self, _request: Request) -> object:
        return self._success(openOrders=[*map(told_open_order, self.book.open_orders())])

    def _order_status(self, request: Request) -> object:
        names = {*request.values("orderIds"), *request.values("cliOrdIds")}
        since = request.at - STATUS_MEMORY
        fresh = [row for row in self.book.done.values() if row.done_at and row.done_at >= since]
        found = [*self.book.open_orders(), *fresh]
        return self._success(
            orders=[told_status(row) for row in found if {row.id, row.client_id} & names]
        )

    def _fills(self, _request: Request) -> object:
        every = [*self.book.done.values(), *self.book.open_orders()]
        filled = [told_fill(order) for order in every if order.filled]
        return self._success(fills=filled[-FILLS:][::-1])

    def _send_order(self, request: Request) -> object:
        sent = request.query | request.form
        row = instrument_named(sent.get("symbol", ""))
        if row is None:
            return self.error("contractNotFound")
        is_stop = sent.get("orderType") in {"stp", "take_profit"}
        order = self.book.place(
            instrument=row.instrument,
            side=OrderSide(sent["side"].upper()),
            type=OrderType.STOP if is_stop else OrderType.LIMIT,
            quantity=self._step(sent, "size", Decimal(1).scaleb(-row.size_decimals)),
            price=self._price(sent, row, is_stop=is_stop),
            is_reduce_only=sent.get("reduceOnly", "").lower() == "true",
            client_id=sent.get("cliOrdId", ""),
            is_immediate=sent.get("orderType") in {"ioc", "mkt"},
        )
        return self._success(sendStatus=_sent_status(order))

    def _price(self, sent: dict[str, str], row: Instrument, *, is_stop: bool) -> Decimal:
        if sent.get("orderType") == "mkt":
            return self.book.prices[row.instrument]
        return self._step(sent, "stopPrice" if is_stop else "limitPrice", row.tick)

    def _step(self, sent: dict[str, str], name: str, step: Decimal) -> Decimal:
        """Return a number above zero that is a multiple of its step."""
        try:
            number = Decimal(sent.get(name, ""))
        except InvalidOperation:
            raise Refused(self.error(f"invalidArgument: {name}")) from None
        if number <= ZERO or number % step:
            status = "invalidSize" if name == "size" else "invalidPrice"
            raise Refused(Reply(body=self._success(sendStatus={"status": status})))
        return number

    def _cancel_order(self, request: Request) -> object:
        sent = request.query | request.form
        return self._success(cancelStatus=self._cancelled(sent, at=stamp(request.at), may_act=True))

    def _batch_order(self, request: Request) -> object:
        batch = json.loads(request.body.removeprefix("json="))["batchOrder"]
        if any(entry.get("order") != "cancel" for entry in batch):
            return self.error("invalidArgument: batchOrder")
        limit = len(batch) if request.at_most is None else request.at_most
        return self._success(
            batchStatus=[
                self._cancelled(entry, at=stamp(request.at), may_act=number < limit)
                for number, entry in enumerate(batch)
            ]
        )

    def _cancelled(self, sent: dict[str, str], *, at: str, may_act: bool) -> dict[str, object]:
        """Cancel one order by its id or its client's; say what became of it."""
        name = sent.get("order_id") or sent.get("cliOrdId", "")
        order = self._named(name)
        told: dict[str, object] = {"order_id": order.id if order else name, "receivedTime": at}
        if order is None or order.status is OrderStatus.CANCELLED:
            return told | {"status": "notFound"}
        if order.status is OrderStatus.FILLED:
            return told | {"status": "filled"}
        if not may_act:
            return told | {"status": "unknownError"}
        self.book.cancel([order.id])
        return told | {"status": "cancelled", "orderEvents": [cancel_event(order)]}

    def _named(self, name: str) -> Order | None:
        found = self.book.orders.get(name) or self.book.done.get(name)
        return found or self.book.by_client_id(name)

    def _cancel_all(self, request: Request) -> object:
        symbol = (request.query | request.form).get("symbol")
        wanted = self._contract(symbol).instrument if symbol else None
        rows = [row for row in self.book.open_orders() if wanted in {None, row.instrument}]
        gone = self.book.cancel([row.id for row in rows], at_most=request.at_most)
        return self._success(
            cancelStatus={
                "receivedTime": stamp(request.at),
                "cancelOnly": symbol or "all",
                "status": "cancelled" if gone else "noOrdersToCancel",
                "cancelledOrders": [
                    {"order_id": row.id, "cliOrdId": row.client_id or None} for row in gone
                ],
                "orderEvents": [*map(cancel_event, gone)],
            }
        )

    def _cancel_after(self, request: Request) -> object:
        timeout = int((request.query | request.form)["timeout"])
        self.dead_man.arm(timeout, at=request.at)
        fires_at = self.dead_man.fires_at
        return self._success(
            status={
                "currentTime": stamp(request.at),
                "triggerTime": stamp(fires_at) if fires_at else "0",
            }
        )

    def _key_info(self, request: Request) -> object:
        key = self.keys[request.headers["APIKey"]]
        return {
            "apiKey": key.credentials.key,
            "accountUid": self.account_uid,
            "iiban": "AA08 N84G CPAR UN7A",
            "createdAt": "2026-03-03T13:01:40Z",
            "permissions": {
                "general": "FULL_ACCESS" if key.may_trade else "READ_ONLY",
                "transfer": "FULL_ACCESS" if key.may_withdraw else "NO_ACCESS",
            },
            "allowedCidrBlock": None,
            "allowedCidrBlocks": [],
        }

    def _contract(self, symbol: str) -> Instrument:
        row = instrument_named(symbol)
        if row is None:
            raise Refused(self.error("contractNotFound"))
        return row


def _get(name: str, verb: Verb, handle: Handler) -> Route:
    return Route(method="GET", path=f"{ROOT}/{name}", verb=verb, handle=handle)


def _private(method: str, name: str, verb: Verb, handle: Handler) -> Route:
    return Route(method=method, path=f"{ROOT}/{name}", verb=verb, handle=handle, is_private=True)


def _trading(name: str, verb: Verb, handle: Handler) -> Route:
    return Route(
        method="POST",
        path=f"{ROOT}/{name}",
        verb=verb,
        handle=handle,
        is_private=True,
        is_trading=True,
    )


def _order_id(number: int) -> str:
    return str(uuid.UUID(int=number << 64 | 1))


def _sent_status(order: Order) -> dict[str, Any]:
    is_missed = order.status is OrderStatus.CANCELLED and not order.filled
    return {
        "order_id": order.id,
        "status": "iocWouldNotExecute" if is_missed else "placed",
        "receivedTime": stamp(order.created_at),
        "orderEvents": sent_events(order),
    }


def _signature(key: Key, request: Request) -> bytes:
    nonce = request.headers.get("Nonce", "")
    text = request.query_text + request.body + nonce + request.path.removeprefix("/derivatives")
    digest = hashlib.sha256(text.encode()).digest()
    secret = base64.b64decode(key.credentials.secret)
    return hmac.new(secret, digest, hashlib.sha512).digest()


def _claimed(request: Request) -> bytes:
    try:
        return base64.b64decode(request.headers.get("Authent", ""), validate=True)
    except binascii.Error:
        return b""
