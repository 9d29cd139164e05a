"""A market spoken to through ccxt's own unified calls: for venues without a file of their own.

ccxt's structures are read as texts and are no evidence of an order's end; none of these markets
was proven here, and none is asked to reduce anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from oms.domain.orders import CancelAnswer, OpenOrder, OrderType
from oms.venues.base import (
    AccountSnapshot,
    FoundOrder,
    KeyPermissions,
    MarketRules,
    OrderList,
    Quote,
    ReduceOrder,
    Unknown,
    Unsupported,
    VenueError,
    VenuePosition,
)
from oms.venues.ccxt.client import Client
from oms.venues.ccxt.market import Cancel, CancelAll, Instrument, Market, answer_to, middle
from oms.venues.ccxt.reading import (
    Row,
    at_milliseconds,
    joined,
    listed,
    number_of,
    number_or_zero,
    row_of,
    rows_of,
    side_of,
    text_of,
)
from portfolio.domain.holdings import Side
from riskconsole.kernel.numbers import ONE, ZERO

Params = Mapping[str, Any]
_Place = tuple[str, int]


class Unified(Market):
    """One account; where an order was listed, its symbol and scope, is remembered.

    :cvar scopes: what each listing of open orders is asked with
    :cvar ends: what each end of all orders is asked with, where that is not by scope
    :cvar holdings: what each listing of positions is asked with; none on spot
    :cvar lists_all: False where orders may be open that no scope shows: such an account is never
        told to be empty, so that a human is asked
    """

    cancel_by: ClassVar[CancelAll] = CancelAll.NATIVE
    scopes: ClassVar[Sequence[Params]] = ({},)
    ends: ClassVar[Sequence[Params]] = ()
    holdings: ClassVar[Sequence[Params]] = ()
    lists_all: ClassVar[bool] = True
    batch: ClassVar[int] = 20

    def __init__(self, client: Client, *, rest: str = "") -> None:
        super().__init__(client, rest=rest)
        self._places: dict[str, _Place] = {}

    def point_at(self, rest: str) -> None:
        raise Unsupported(f"{self.client.exchange} cannot be looked for elsewhere")

    def guess(self, instrument_id: str) -> str:
        return instrument_id

    def read_instruments(self) -> Iterator[Instrument]:
        for row in row_of(self.client.ask("load_markets"), "list of markets").values():
            yield _instrument(row_of(row, "market"))

    def open_orders(self) -> OrderList:
        """List every scope; those that fail leave the listing incomplete, unless all do."""
        errors: list[VenueError] = []
        parts: list[OrderList] = []
        for number in range(len(self.scopes)):
            try:
                parts.append(self._listing(number))
            except VenueError as error:
                errors.append(error)
        if not parts:
            raise errors[0]
        return joined([*parts, OrderList(orders=(), is_complete=self.lists_all and not errors)])

    def cancel_all(self) -> None:
        """Ask in every scope, in the others also if one fails."""
        if self.cancel_by is CancelAll.BY_ID:
            self.cancel_orders([order.id for order in self.open_orders().orders])
            return
        errors = [error for error in map(self._ask_for_end, self._targets()) if error]
        if errors:
            raise errors[0]

    def batches(self, ids: Sequence[str]) -> Iterator[tuple[Cancel, Sequence[str]]]:
        if not set(ids) <= set(self._places):
            self.open_orders()
        places = dict.fromkeys(self._places[name] for name in ids if name in self._places)
        for place in places:
            here = [name for name in ids if self._places.get(name) == place]
            yield from super().batches(here)

    def cancel_batch(self, ids: Sequence[str]) -> Mapping[str, CancelAnswer]:
        symbol, number = self._places[ids[0]]
        params = dict(self.scopes[number])
        if self.client.can("cancelOrders") and len(ids) > 1:
            self.client.ask("cancel_orders", list(ids), symbol, params)
            return dict.fromkeys(ids, CancelAnswer.ACCEPTED)
        return {order_id: self._cancel(order_id, symbol, params) for order_id in ids}

    def snapshot(self, *, now: datetime) -> AccountSnapshot:
        balance = row_of(self.client.ask("fetch_balance"), "balance")
        totals = row_of(balance.get("total"), "list of totals")
        free = row_of(balance.get("free"), "list of free amounts")
        return AccountSnapshot(
            balances={asset: number_of(totals, asset) for asset in totals},
            positions=tuple(self._positions()),
            as_of=now,
            free={asset: number_of(free, asset) for asset in free},
        )

    def quotes(self, instruments: Sequence[Instrument]) -> Iterator[Quote]:
        symbols = [instrument.symbol for instrument in instruments]
        tickers = row_of(self.client.ask("fetch_tickers", symbols), "list of tickers")
        for symbol, told in tickers.items():
            price = _price_of(row_of(told, "ticker"))
            if price is not None:
                yield Quote(instrument=symbol, price=price, source_at=None)

    def reduce(self, order: ReduceOrder, instrument: Instrument) -> None:
        raise Unsupported(f"closing at {self.client.exchange} was never proven")

    def find_order(self, *, client_id: str, instrument: Instrument) -> FoundOrder | None:
        raise Unsupported(f"closing at {self.client.exchange} was never proven")

    def key_permissions(self) -> KeyPermissions:
        """Return that the venue does not tell, once it let the key read."""
        self.client.ask("fetch_balance")
        return KeyPermissions(
            may_withdraw=None,
            may_trade=None,
            account_id=None,
            has_address_list=None,
            expires_at=None,
        )

    def _listing(self, number: int) -> OrderList:
        """List one scope; ids are kept where ccxt cannot read the orders themselves."""
        try:
            answer = self.client.ask(
                "fetch_open_orders", None, None, None, dict(self.scopes[number])
            )
        except Unknown as error:
            ids = self.client.ids_of_last_answer() if "unverified" in str(error) else ()
            if not ids:
                raise
            return listed(((name, {}) for name in ids), _order, now=self.client.now())
        rows = [(text_of(row, "id"), row) for row in rows_of(answer, "list of orders")]
        self._places |= {name: (str(row.get("symbol")), number) for name, row in rows}
        return listed(rows, _order, now=self.client.now())

    def _targets(self) -> list[tuple[str | None, Params]]:
        """Return what the end of all orders is asked with: a symbol where the venue wants one."""
        if self.cancel_by is CancelAll.NATIVE:
            return [(None, params) for params in self.ends or self.scopes]
        self.open_orders()
        places = dict.fromkeys(self._places.values())
        return [(symbol, self.scopes[number]) for symbol, number in places]

    def _ask_for_end(self, target: tuple[str | None, Params]) -> VenueError | None:
        symbol, params = target
        try:
            self.client.ask("cancel_all_orders", symbol, dict(params))
        except VenueError as error:
            return error
        return None

    def _cancel(self, order_id: str, symbol: str, params: Params) -> CancelAnswer:
        try:
            self.client.ask("cancel_order", order_id, symbol, dict(params))
        except VenueError as error:
            return answer_to(error)
        return CancelAnswer.ACCEPTED

    def _positions(self) -> Iterator[VenuePosition]:
        for params in self.holdings:
            answer = self.client.ask("fetch_positions", None, dict(params))
            for row in rows_of(answer, "list of positions"):
                if number_or_zero(row, "contracts"):
                    yield self._position(row)

    def _position(self, row: Row) -> VenuePosition:
        instrument = self.instrument(text_of(row, "symbol"))
        has_mark = row.get("markPrice") not in {None, ""}
        return VenuePosition(
            instrument=instrument.symbol,
            side=_position_side(row),
            quantity=abs(number_of(row, "contracts")),
            entry_price=number_of(row, "entryPrice"),
            contract_size=instrument.contract_size,
            is_inverse=instrument.is_inverse,
            mark=number_of(row, "markPrice") if has_mark else None,
        )


def _order(order_id: str, row: Row) -> OpenOrder:
    is_stop = row.get("triggerPrice") not in {None, ""}
    return OpenOrder(
        id=order_id,
        instrument=text_of(row, "symbol"),
        side=side_of(row, "side"),
        type=OrderType.STOP if is_stop else OrderType.LIMIT,
        quantity=number_of(row, "remaining"),
        price=number_or_zero(row, "triggerPrice" if is_stop else "price"),
        is_reduce_only=row.get("reduceOnly") is True,
        created_at=at_milliseconds(row, "timestamp"),
    )


def _instrument(row: Row) -> Instrument:
    limits = row_of(row.get("limits"), "limits")
    amount, cost = (row_of(limits.get(key) or {}, key) for key in ("amount", "cost"))
    precision = row_of(row.get("precision"), "precision")
    rules = MarketRules(
        quantity_step=number_or_zero(precision, "amount"),
        min_quantity=number_or_zero(amount, "min"),
        min_notional=number_or_zero(cost, "min"),
        price_step=number_or_zero(precision, "price"),
        is_tradable=row.get("active") is not False,
    )
    return Instrument(
        id=text_of(row, "id"),
        symbol=text_of(row, "symbol"),
        contract_size=number_or_zero(row, "contractSize") or ONE,
        is_inverse=row.get("inverse") is True,
        rules=rules,
    )


def _price_of(ticker: Row) -> Decimal | None:
    mark = number_or_zero(ticker, "markPrice")
    return mark if mark > ZERO else middle(*(number_or_zero(ticker, key) for key in ("bid", "ask")))


def _position_side(row: Row) -> Side:
    try:
        return Side(text_of(row, "side").upper())
    except ValueError:
        raise Unknown(f"unverified: a position's side is {row.get('side')!r:.40}") from None
