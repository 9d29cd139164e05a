"""MEXC spot, as far as this console speaks to it: api/v3, signed in the query."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import symbol_of
from tests.emulators.book import Book
from tests.emulators.faults import FaultKind
from tests.emulators.mexc import MexcEmulator, code_and_text, is_signed, millis
from tests.emulators.mexc_spot_told import (
    MIN_NOTIONAL,
    PRICE_SCALE,
    QUANTITY_SCALE,
    balance_rows,
    book_row,
    day_row,
    market_row,
    order_row,
    placed_row,
)
from tests.emulators.orders import BookRefusal, Order, OrderStatus, Reason
from tests.emulators.watched import Change
from tests.emulators.wire import Key, Refused, Reply, Request, Route, Session

UNKNOWN_KEY = "10072 Api key info invalid"
BAD_SIGNATURE = "700002 Signature for this request is not valid."
BAD_CLOCK = "700003 Timestamp for this request is outside of the recvWindow."
BAD_WINDOW = "700005 recvWindow must less than 60000"
MISSING = "700004 Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
UNKNOWN_ORDER = "-2011 Unknown order sent."
NO_SUCH_ORDER = "-2013 Order does not exist."
TOO_SMALL = f"30002 The minimum transaction volume cannot be less than:{MIN_NOTIONAL}USDT"
IMMEDIATE = frozenset({"MARKET", "IMMEDIATE_OR_CANCEL"})
RESTING = frozenset({"LIMIT", "LIMIT_MAKER"})
DEFAULT_WINDOW = "5000"
MAX_WINDOW = 60_000
REFUSALS = {
    Reason.INSUFFICIENT_FUNDS: "30004 Insufficient position",
    Reason.DUPLICATE_CLIENT_ID: "603 Repeated request",
    Reason.NOTHING_TO_REDUCE: "30005 Oversold",
}


class MexcSpotEmulator(MexcEmulator):
    """A spot account.

    :param lists_every_symbol: whether openOrders answers without a symbol
    """

    default_instruments = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "USDC/USDT")
    separator = ""
    bad_symbol = "-1121 Invalid symbol."
    bad_parameter = "700008 Illegal characters found in parameter"
    no_permission = "700007 No permission to access the endpoint."
    fault_messages = {
        FaultKind.REVOKED: UNKNOWN_KEY,
        FaultKind.MAINTENANCE: "500 Under maintenance, please try again later",
    }

    def __init__(
        self,
        *,
        book: Book | None = None,
        lists_every_symbol: bool = True,
        latency: timedelta = timedelta(0),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        made = book or Book(new_id=lambda count: f"C02__{640_000_000_000_000_000 + count}")
        super().__init__(book=made, latency=latency, clock=clock)
        self.lists_every_symbol = lists_every_symbol

    def routes(self) -> Sequence[Route]:
        open_ = partial(Route, method="GET")
        read = partial(Route, method="GET", is_private=True)
        trade = partial(Route, is_private=True, is_trading=True)
        stream = partial(Route, path="/api/v3/userDataStream", verb="stream_token", is_private=True)
        return [
            open_(path="/api/v3/time", verb="time", handle=self._time),
            open_(path="/api/v3/exchangeInfo", verb="markets", handle=self._markets),
            # ccxt asks one host for both markets; there is no contract here.
            open_(path="/api/v1/contract/detail", verb="markets", handle=self._no_contracts),
            open_(path="/api/v3/ticker/24hr", verb="quotes", handle=self._day),
            open_(path="/api/v3/ticker/bookTicker", verb="quotes", handle=self._best),
            read(path="/api/v3/capital/config/getall", verb="markets", handle=self._coins),
            read(path="/api/v3/account", verb="balances", handle=self._account),
            read(path="/api/v3/uid", verb="permissions", handle=self._uid),
            read(path="/api/v3/openOrders", verb="open_orders", handle=self._open_orders),
            read(path="/api/v3/order", verb="find_order", handle=self._find),
            trade(method="POST", path="/api/v3/order", verb="reduce", handle=self._place),
            trade(method="DELETE", path="/api/v3/order", verb="cancel_orders", handle=self._cancel),
            trade(
                method="DELETE",
                path="/api/v3/openOrders",
                verb="cancel_orders",
                handle=self._cancel_symbols,
            ),
            trade(
                method="DELETE",
                path="/api/v3/order/all",
                verb="cancel_all",
                handle=self._cancel_all,
            ),
            stream(method="POST", handle=self._listen_key),
            stream(method="PUT", handle=self._listen_key),
            stream(method="DELETE", handle=self._listen_key),
        ]

    def authenticate(self, request: Request) -> Key:
        key = self._key_of(request)
        signed, _, signature = request.query_text.rpartition("&signature=")
        secret = key.credentials.secret
        if not is_signed(signed + request.body, secret=secret, signature=signature):
            raise Refused(self.error(BAD_SIGNATURE))
        with self.reading():
            window = int(request.query.get("recvWindow", DEFAULT_WINDOW))
        if window > MAX_WINDOW:
            raise Refused(self.error(BAD_WINDOW))
        stamp = self._needed(request, "timestamp")
        if not self.is_within(stamp, request=request, window=timedelta(milliseconds=window)):
            raise Refused(self.error(BAD_CLOCK))
        return key

    def error(self, message: str) -> Reply:
        code, text = code_and_text(message)
        return Reply(body={"code": code, "msg": text}, status=400)

    def refusal(self, refusal: BookRefusal) -> Reply:
        return self.error(REFUSALS[refusal.reason])

    def receive(self, session: Session, text: str) -> None:
        """Acknowledge; the streams themselves are not spoken here, they are protobuf."""
        message = json.loads(text)
        is_ping = message.get("method", "").upper() == "PING"
        session.reply(
            {"id": 0, "code": 0, "msg": "PONG" if is_ping else ",".join(message["params"])}
        )

    def broadcast(self, session: Session, change: Change) -> None:
        """Tell nothing: a client has to ask."""

    def _key_of(self, request: Request) -> Key:
        key = self.keys.get(request.headers.get("X-MEXC-APIKEY", ""))
        if key is None:
            raise Refused(self.error(UNKNOWN_KEY))
        return key

    def _needed(self, request: Request, name: str) -> str:
        value = request.query.get(name, "")
        if not value:
            raise Refused(self.error(MISSING.format(name=name)))
        return value

    def _row(self, order: Order) -> dict[str, object]:
        return order_row(order, symbol=self.id_of(order.instrument))

    def _placed(self, order: Order) -> dict[str, object]:
        return placed_row(order, symbol=self.id_of(order.instrument))

    def _time(self, request: Request) -> object:
        return {"serverTime": millis(request.at)}

    def _markets(self, request: Request) -> object:
        rows = [
            market_row(name, symbol=self.id_of(name), is_halted=name in self.halted)
            for name in self.instruments()
        ]
        return {"timezone": "CST", "serverTime": millis(request.at), "symbols": rows}

    def _no_contracts(self, request: Request) -> object:
        return {"success": True, "code": 0, "data": []}

    def _day(self, request: Request) -> object:
        at = millis(request.at)
        return self._one_or_all(request, lambda symbol, price: day_row(symbol, price, at=at))

    def _best(self, request: Request) -> object:
        return self._one_or_all(request, book_row)

    def _one_or_all(
        self, request: Request, row: Callable[[str, Decimal], dict[str, object]]
    ) -> object:
        """Return an object for one symbol and a list for all, as the venue does."""
        symbol = request.query.get("symbol")
        if symbol:
            return row(symbol, self.mark(self.instrument(symbol)))
        return [row(self.id_of(name), self.book.prices[name]) for name in self.priced()]

    def _coins(self, request: Request) -> object:
        pairs = [symbol_of(name) for name in self.instruments()]
        coins = {*self.book.balances, *(coin for pair in pairs for coin in pair[:2])}
        return [{"coin": coin, "name": coin, "networkList": []} for coin in sorted(coins)]

    def _account(self, request: Request) -> object:
        key = self._key_of(request)
        return {
            "makerCommission": None,
            "takerCommission": None,
            "canTrade": key.may_trade,
            "canWithdraw": key.may_withdraw,
            "canDeposit": True,
            "updateTime": None,
            "accountType": "SPOT",
            "balances": balance_rows(self.book),
            "permissions": ["SPOT"],
        }

    def _uid(self, request: Request) -> object:
        return {"uid": "209302839"}

    def _listen_key(self, request: Request) -> object:
        return {"listenKey": request.query.get("listenKey", "pqia91ma19a5s61cv6a81va65sdf19v8")}

    def _open_orders(self, request: Request) -> object:
        if not self.lists_every_symbol:
            self._needed(request, "symbol")
        symbol = request.query.get("symbol")
        rows = [self._row(order) for order in self.book.open_orders()]
        return [row for row in rows if symbol in {None, row["symbol"]}]

    def _find(self, request: Request) -> object:
        order = self._named(request)
        if order is None:
            raise Refused(self.error(NO_SUCH_ORDER))
        return self._row(order)

    def _named(self, request: Request) -> Order | None:
        """Return the order that orderId or origClientOrderId names, if it is of this symbol."""
        instrument = self.instrument(self._needed(request, "symbol"))
        client_id = request.query.get("origClientOrderId", "")
        if client_id:
            order = self.book.by_client_id(client_id)
        else:
            order_id = self._needed(request, "orderId")
            every = {**self.book.done, **self.book.orders}
            order = every.get(order_id)
        return order if order and order.instrument == instrument else None

    def _place(self, request: Request) -> object:
        instrument = self.instrument(self._needed(request, "symbol"))
        kind = self._needed(request, "type")
        if instrument in self.halted or kind not in IMMEDIATE | RESTING:
            raise Refused(self.error("30016 Trading disabled."))
        with self.reading():
            side = OrderSide(self._needed(request, "side"))
            quantity = Decimal(self._needed(request, "quantity"))
            price = self._limit(request, instrument, kind=kind)
        self._check_size(quantity, price=price)
        order = self.book.place(
            instrument=instrument,
            side=side,
            type=OrderType.LIMIT,
            quantity=quantity,
            price=price,
            client_id=request.query.get("newClientOrderId", ""),
            is_immediate=kind in IMMEDIATE,
        )
        return self._placed(order)

    def _limit(self, request: Request, instrument: str, *, kind: str) -> Decimal:
        if kind == "MARKET":
            return self.mark(instrument)
        return Decimal(self._needed(request, "price"))

    def _check_size(self, quantity: Decimal, *, price: Decimal) -> None:
        if round(quantity, QUANTITY_SCALE) != quantity:
            raise Refused(self.error("400 quantity scale is invalid"))
        if round(price, PRICE_SCALE) != price:
            raise Refused(self.error("400 price scale is invalid"))
        if quantity * price < MIN_NOTIONAL:
            raise Refused(self.error(TOO_SMALL))

    def _cancel(self, request: Request) -> object:
        order = self._named(request)
        if order is None or order.status is not OrderStatus.OPEN:
            raise Refused(self.error(UNKNOWN_ORDER))
        self.book.cancel([order.id], at_most=request.at_most)
        return self._placed(order)

    def _cancel_symbols(self, request: Request) -> object:
        """Cancel what is open in up to five symbols, separated by commas."""
        names = {self.instrument(part) for part in self._needed(request, "symbol").split(",")}
        ids = [order.id for order in self.book.open_orders() if order.instrument in names]
        gone = self.book.cancel(ids, at_most=request.at_most)
        return [self._placed(order) for order in gone]

    def _cancel_all(self, request: Request) -> object:
        self.book.cancel(at_most=request.at_most)
        return {"code": 200, "msg": "success", "timestamp": millis(request.at)}
