"""MEXC's perpetual market: three scopes of orders that know nothing of each other."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from oms.domain.orders import CancelAnswer
from oms.venues.base import (
    AccountSnapshot,
    FoundOrder,
    KeyPermissions,
    MarketRules,
    OrderList,
    Quote,
    ReduceOrder,
    Rejected,
    VenueError,
    VenuePosition,
)
from oms.venues.ccxt.client import Client
from oms.venues.ccxt.market import Cancel, Instrument
from oms.venues.ccxt.mexc import Mexc, data_of, json_number, says, side_of_position
from oms.venues.ccxt.mexc_swap_orders import (
    Reader,
    order_of,
    stop_of_position,
    trigger_order_of,
)
from oms.venues.ccxt.reading import (
    Row,
    at_milliseconds,
    joined,
    listed,
    number_of,
    row_of,
    rows_of,
    text_of,
)
from oms.venues.ccxt.wallets import Wallet, snapshot_of
from portfolio.domain.holdings import Side
from riskconsole.kernel.numbers import ZERO

_PAGE = 100
# Which number closes a position does not depend on the account's mode: ccxt's own way to close
# sends the other one in hedge mode.
_CLOSES = {Side.LONG: 4, Side.SHORT: 2}
_IMMEDIATE = 3
_ANSWERS = {"0": CancelAnswer.ACCEPTED, "2040": CancelAnswer.GONE, "2041": CancelAnswer.GONE}
_NO_SUCH_ORDER = 2040
_OPEN_STATES = frozenset({"1", "2"})
_WAITS = "1"


class MexcSwap(Mexc):
    """One account in either position mode; of which scope a listed order is, is remembered.

    Orders, trigger orders, and the stops that hang on a position: each scope has calls of its own.
    """

    def __init__(self, client: Client, *, rest: str = "") -> None:
        super().__init__(client, rest=rest)
        self._plans: dict[str, str] | None = None
        self._stops: frozenset[str] | None = None

    def guess(self, instrument_id: str) -> str:
        base, _, quote = instrument_id.partition("_")
        base, quote = self.client.code_of(base), self.client.code_of(quote)
        return f"{base}/{quote}:{base if quote == 'USD' else quote}"

    def read_instruments(self) -> Iterator[Instrument]:
        for row in rows_of(data_of(self.client.ask("contractPublicGetDetail")), "contracts"):
            yield self._instrument(row)

    def open_orders(self) -> OrderList:
        """List every scope; one that fails leaves the listing incomplete, all are an error."""
        errors: list[VenueError] = []
        parts: list[OrderList] = []
        for scope in (self._orders, self._trigger_orders, self._attached_stops):
            try:
                parts.append(scope())
            except VenueError as error:
                errors.append(error)
        if not parts:
            raise errors[0]
        return joined([*parts, OrderList(orders=(), is_complete=not errors)])

    def cancel_all(self) -> None:
        """Ask in every scope, in the others also if one fails."""
        errors: list[VenueError] = []
        for scope in ("Order", "Planorder", "Stoporder"):
            try:
                row_of(self.client.ask(f"contractPrivatePost{scope}CancelAll"))
            except VenueError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def batches(self, ids: Sequence[str]) -> Iterator[tuple[Cancel, Sequence[str]]]:
        if self._plans is None:
            self._trigger_orders()
        if self._stops is None:
            self._attached_stops()
        plans, stops = self._plans or {}, self._stops or frozenset()
        others = [order_id for order_id in ids if order_id not in plans and order_id not in stops]
        yield from super().batches(others)
        for cancel, known in ((self._cancel_plans, plans), (self._cancel_stops, stops)):
            wanted = [order_id for order_id in ids if order_id in known]
            for start in range(0, len(wanted), self.batch):
                yield cancel, wanted[start : start + self.batch]

    def cancel_batch(self, ids: Sequence[str]) -> Mapping[str, CancelAnswer]:
        answer = data_of(self.client.ask("contractPrivatePostOrderCancel", list(ids)))
        return {
            text_of(row, "orderId"): _ANSWERS.get(text_of(row, "errorCode"), CancelAnswer.FAILED)
            for row in rows_of(answer, "answers")
        }

    def snapshot(self, *, now: datetime) -> AccountSnapshot:
        rows = rows_of(data_of(self.client.ask("contractPrivateGetAccountAssets")), "assets")
        wallets = [self._wallet(row) for row in rows]
        return snapshot_of(wallets, positions=self._positions(), default="USDT", now=now)

    def quotes(self, instruments: Sequence[Instrument]) -> Iterator[Quote]:
        for row in self._tickers():
            if row.get("fairPrice") is not None:
                yield Quote(
                    instrument=self.symbol_of_id(text_of(row, "symbol")),
                    price=number_of(row, "fairPrice"),
                    source_at=at_milliseconds(row, "timestamp") if row.get("timestamp") else None,
                )

    def reduce(self, order: ReduceOrder, instrument: Instrument) -> None:
        """Close by the position's own id; an order that names none might open the other side."""
        held = self._held(order, instrument)
        request = {
            "symbol": instrument.id,
            "side": _CLOSES[side_of_position(held)],
            "type": _IMMEDIATE,
            "vol": json_number(order.quantity),
            "price": json_number(order.limit_price),
            "openType": int(number_of(held, "openType")),
            "positionId": int(number_of(held, "positionId")),
            "leverage": int(number_of(held, "leverage")),
            "externalOid": order.client_id,
        }
        row_of(self.client.ask("contractPrivatePostOrderCreate", request))

    def find_order(self, *, client_id: str, instrument: Instrument) -> FoundOrder | None:
        request = {"symbol": instrument.id, "external_oid": client_id}
        call = "contractPrivateGetOrderExternalSymbolExternalOid"
        try:
            row = row_of(data_of(self.client.ask(call, request)), "order")
        except VenueError as error:
            if says(error, _NO_SUCH_ORDER):
                return None
            raise
        is_open = text_of(row, "state") in _OPEN_STATES
        filled = number_of(row, "dealVol")
        return FoundOrder(client_id=client_id, filled=filled, is_open=is_open)

    def key_permissions(self) -> KeyPermissions:
        """Return that the venue does not tell, once it let the key read."""
        self.client.ask("contractPrivateGetAccountAssets")
        return KeyPermissions(
            may_withdraw=None,
            may_trade=None,
            account_id=None,
            has_address_list=None,
            expires_at=None,
        )

    def _instrument(self, row: Row) -> Instrument:
        base, quote, settle = (
            self.client.code_of(text_of(row, key))
            for key in ("baseCoin", "quoteCoin", "settleCoin")
        )
        return Instrument(
            id=text_of(row, "symbol"),
            symbol=f"{base}/{quote}:{settle}",
            contract_size=number_of(row, "contractSize"),
            is_inverse=settle == base,
            rules=MarketRules(
                quantity_step=number_of(row, "volUnit"),
                min_quantity=number_of(row, "minVol"),
                min_notional=ZERO,
                price_step=number_of(row, "priceUnit"),
                is_tradable=text_of(row, "state") == "0" and row.get("apiAllowed") is not False,
            ),
        )

    def _orders(self) -> OrderList:
        rows = self._pages("contractPrivateGetOrderListOpenOrders", {})
        named = [(text_of(row, "orderId"), row) for row in rows]
        return self._listed(named, order_of)

    def _trigger_orders(self) -> OrderList:
        rows = self._pages("contractPrivateGetPlanorderListOrders", {"states": "1"})
        named = [(text_of(row, "id"), row) for row in rows]
        self._plans = {order_id: str(row.get("symbol", "")) for order_id, row in named}
        return self._listed(named, trigger_order_of)

    def _attached_stops(self) -> OrderList:
        """List the stops of positions; those that have fired or ended are told too."""
        rows = self._pages("contractPrivateGetStoporderListOrders", {"is_finished": 0})
        named = [(text_of(row, "id"), row) for row in rows if text_of(row, "state") == _WAITS]
        self._stops = frozenset(order_id for order_id, _ in named)
        return self._listed(named, stop_of_position)

    def _listed(self, named: Iterable[tuple[str, Row]], read: Reader) -> OrderList:
        return listed(named, partial(read, symbol_of=self.symbol_of_id), now=self.client.now())

    def _pages(self, call: str, request: Mapping[str, Any]) -> list[Row]:
        rows: list[Row] = []
        for number in itertools.count(1):
            paged = {**request, "page_num": number, "page_size": _PAGE}
            page = rows_of(data_of(self.client.ask(call, paged)), "page of orders")
            rows += page
            if len(page) < _PAGE:
                break
        return rows

    def _cancel_plans(self, ids: Sequence[str]) -> Mapping[str, CancelAnswer]:
        plans = self._plans or {}
        request = [{"symbol": plans[order_id], "orderId": order_id} for order_id in ids]
        return self._cancel_together("contractPrivatePostPlanorderCancel", request, ids)

    def _cancel_stops(self, ids: Sequence[str]) -> Mapping[str, CancelAnswer]:
        request = [{"stopPlanOrderId": order_id} for order_id in ids]
        return self._cancel_together("contractPrivatePostStoporderCancel", request, ids)

    def _cancel_together(
        self, call: str, request: Sequence[Row], ids: Sequence[str]
    ) -> Mapping[str, CancelAnswer]:
        """Ask once for all; one that is not open spoils the answer to the others."""
        try:
            row_of(self.client.ask(call, request))
        except VenueError as error:
            if not says(error, _NO_SUCH_ORDER):
                raise
            is_alone = len(ids) == 1
            return dict.fromkeys(ids, CancelAnswer.GONE if is_alone else CancelAnswer.UNKNOWN)
        return dict.fromkeys(ids, CancelAnswer.ACCEPTED)

    def _wallet(self, row: Row) -> Wallet:
        currency = self.client.code_of(text_of(row, "currency"))
        equity = number_of(row, "equity")
        total = equity - number_of(row, "unrealized")
        return Wallet(currency=currency, equity=equity, totals={currency: total})

    def _open_positions(self, request: Mapping[str, str]) -> list[Row]:
        answer = self.client.ask("contractPrivateGetPositionOpenPositions", dict(request))
        rows = rows_of(data_of(answer), "positions")
        return [row for row in rows if number_of(row, "holdVol") > ZERO]

    def _positions(self) -> tuple[VenuePosition, ...]:
        rows = self._open_positions({})
        tickers = self._tickers() if rows else ()
        marks = {row.get("symbol"): row for row in tickers if row.get("fairPrice") is not None}
        return tuple(self._position(row, marks.get(row.get("symbol"))) for row in rows)

    def _position(self, row: Row, ticker: Row | None) -> VenuePosition:
        instrument = self.instrument_by_id(text_of(row, "symbol"))
        return VenuePosition(
            instrument=instrument.symbol,
            side=side_of_position(row),
            quantity=number_of(row, "holdVol"),
            entry_price=number_of(row, "holdAvgPrice"),
            contract_size=instrument.contract_size,
            is_inverse=instrument.is_inverse,
            mark=None if ticker is None else number_of(ticker, "fairPrice"),
        )

    def _tickers(self) -> list[Row]:
        answer = data_of(self.client.ask("contractPublicGetTicker"))
        return rows_of(answer if isinstance(answer, list) else [answer], "tickers")

    def _held(self, order: ReduceOrder, instrument: Instrument) -> Row:
        for row in self._open_positions({"symbol": instrument.id}):
            if side_of_position(row) is order.position_side:
                return row
        raise Rejected(f"{instrument.symbol} has no {order.position_side} position to reduce")
