"""MEXC swap, as far as this console speaks to it: api/v1, always in hedge mode.

Orders, trigger orders and the stops of positions are three scopes: each has calls of its own.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

from portfolio.domain.holdings import settle_of
from tests.emulators.book import Book
from tests.emulators.faults import FaultKind
from tests.emulators.fills import Contract
from tests.emulators.mexc import code_and_text, is_signed, millis
from tests.emulators.mexc_swap_orders import NO_POSITION, answer
from tests.emulators.mexc_swap_stops import Attached, MexcSwapStops
from tests.emulators.mexc_swap_told import (
    HEDGED,
    asset_row,
    contract_row,
    position_row,
    ticker_row,
)
from tests.emulators.orders import BookRefusal, Reason
from tests.emulators.wire import Key, Refused, Reply, Request, Route

WINDOW = timedelta(seconds=10)
KEY_EXPIRED = "402 API Key expired, please apply again"
BAD_SIGNATURE = "602 Signature verification failed!"
BAD_CLOCK = "513 Invalid request(for open api serves time more or less than 10s)"
PRIVATE = "/api/v1/private"
SIZES = {"BTC/USDT:USDT": Decimal("0.0001"), "ETH/USDT:USDT": Decimal("0.01")}
REFUSALS = {
    Reason.INSUFFICIENT_FUNDS: "2005 Insufficient balance!",
    Reason.DUPLICATE_CLIENT_ID: "603 Repeated request",
    Reason.NOTHING_TO_REDUCE: NO_POSITION,
}


class MexcSwapEmulator(MexcSwapStops):
    """A swap account in hedge mode: a long and a short of one contract stand side by side."""

    default_instruments = (*SIZES, "SOL/USDT:USDT")
    separator = "_"
    bad_symbol = "1001 Contract does not exist"
    bad_parameter = "600 Param error!"
    no_permission = "704 Please enable API Key trading information write access"
    fault_messages = {
        FaultKind.REVOKED: KEY_EXPIRED,
        FaultKind.MAINTENANCE: "801 System under maintenance",
    }

    def __init__(
        self,
        *,
        book: Book | None = None,
        latency: timedelta = timedelta(0),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        made = book or Book(
            new_id=lambda count: str(739_000_000_000_000_000 + count), is_hedged=True
        )
        super().__init__(book=made, latency=latency, clock=clock)
        self.signed_in = threading.Event()
        self.attached: dict[str, Attached] = {}
        for instrument, size in SIZES.items():
            made.contracts.setdefault(instrument, Contract(size=size))

    def routes(self) -> Sequence[Route]:
        public = partial(Route, method="GET")
        read = partial(Route, method="GET", is_private=True)
        trade = partial(Route, method="POST", is_private=True, is_trading=True)
        order, plan, stop = (f"{PRIVATE}/{name}" for name in ("order", "planorder", "stoporder"))
        return [
            public(path="/api/v1/contract/ping", verb="time", handle=self._ping),
            public(path="/api/v1/contract/detail", verb="markets", handle=self._contracts),
            # ccxt asks one host for both markets; there is no pair here.
            public(path="/api/v3/exchangeInfo", verb="markets", handle=self._no_pairs),
            public(path="/api/v3/capital/config/getall", verb="markets", handle=self._no_coins),
            public(path="/api/v1/contract/ticker", verb="quotes", handle=self._tickers),
            read(path=f"{PRIVATE}/account/assets", verb="balances", handle=self._assets),
            read(
                path=f"{PRIVATE}/position/open_positions",
                verb="positions",
                handle=self._positions,
            ),
            read(path=f"{PRIVATE}/position/position_mode", verb="positions", handle=self._mode),
            read(path=f"{order}/list/open_orders", verb="open_orders", handle=self.open),
            read(path=f"{order}/list/open_orders/{{symbol}}", verb="open_orders", handle=self.open),
            read(path=f"{plan}/list/orders", verb="open_orders", handle=self.plans),
            read(path=f"{order}/get/{{id}}", verb="find_order", handle=self.get),
            read(
                path=f"{order}/external/{{symbol}}/{{id}}",
                verb="find_order",
                handle=self.get_external,
            ),
            trade(path=f"{order}/create", verb="reduce", handle=self.create),
            trade(path=f"{order}/cancel", verb="cancel_orders", handle=self.cancel),
            trade(path=f"{plan}/cancel", verb="cancel_orders", handle=self.cancel_plans),
            trade(
                path=f"{order}/cancel_all",
                verb="cancel_all",
                handle=partial(self.cancel_all, of_plans=False),
            ),
            trade(
                path=f"{plan}/cancel_all",
                verb="cancel_all",
                handle=partial(self.cancel_all, of_plans=True),
            ),
            read(path=f"{stop}/list/orders", verb="open_orders", handle=self.list_attached),
            trade(path=f"{stop}/cancel", verb="cancel_orders", handle=self.cancel_attached),
            trade(path=f"{stop}/cancel_all", verb="cancel_all", handle=self.cancel_all_attached),
            trade(path=f"{PRIVATE}/position/close_all", verb="reduce", handle=self.close_all),
        ]

    def authenticate(self, request: Request) -> Key:
        name = request.headers.get("ApiKey", "")
        key = self.keys.get(name)
        if key is None:
            raise Refused(self.error(KEY_EXPIRED))
        stamp = request.headers.get("Request-Time", "")
        query = "&".join(sorted(request.query_text.split("&")))
        if not is_signed(
            name + stamp + (query or request.body),
            secret=key.credentials.secret,
            signature=request.headers.get("Signature", ""),
        ):
            raise Refused(self.error(BAD_SIGNATURE))
        if not self.is_within(stamp, request=request, window=WINDOW):
            raise Refused(self.error(BAD_CLOCK))
        return key

    def error(self, message: str) -> Reply:
        code, text = code_and_text(message)
        return Reply(body={"success": False, "code": code, "message": text})

    def refusal(self, refusal: BookRefusal) -> Reply:
        return self.error(REFUSALS[refusal.reason])

    def _ping(self, request: Request) -> object:
        return answer(millis(request.at))

    def _contracts(self, request: Request) -> object:
        rows = [
            contract_row(
                name,
                self.book.contract(name),
                symbol=self.id_of(name),
                is_halted=name in self.halted,
            )
            for name in self.instruments()
        ]
        return self._one_or_all(request, rows)

    def _no_pairs(self, request: Request) -> object:
        return {"symbols": []}

    def _no_coins(self, request: Request) -> object:
        return []

    def _tickers(self, request: Request) -> object:
        rows = [
            ticker_row(self.id_of(name), self.book.prices[name], at=millis(request.at))
            for name in self.priced()
        ]
        return self._one_or_all(request, rows)

    def _one_or_all(self, request: Request, rows: list[dict[str, object]]) -> object:
        """Return an object for one symbol and a list for all, as the venue does."""
        symbol = request.query.get("symbol")
        if not symbol:
            return answer(rows)
        found = next((row for row in rows if row["symbol"] == symbol), None)
        return self.error(self.bad_symbol) if found is None else answer(found)

    def _assets(self, request: Request) -> object:
        settled = {settle_of(name) for name, _ in tuple(self.book.positions)}
        currencies = sorted(settled | set(self.book.balances))
        return answer([asset_row(self.book, currency) for currency in currencies])

    def _positions(self, request: Request) -> object:
        symbol = request.query.get("symbol")
        rows = [
            position_row(self.book, name, side, symbol=self.id_of(name))
            for name, side in tuple(self.book.positions)
        ]
        return answer([row for row in rows if symbol in {None, row["symbol"]}])

    def _mode(self, request: Request) -> object:
        return answer(HEDGED)
