"""MEXC's spot market. Orders end all at once, by symbol, or one by one with their symbol."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from oms.domain.orders import CancelAnswer, OpenOrder, OrderType
from oms.venues.base import (
    AccountSnapshot,
    Fatal,
    FoundOrder,
    KeyPermissions,
    MarketRules,
    OrderList,
    Quote,
    ReduceOrder,
    Retryable,
    VenueError,
)
from oms.venues.ccxt.client import Client
from oms.venues.ccxt.market import Instrument, middle, step_of_digits
from oms.venues.ccxt.mexc import Mexc, says
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
from riskconsole.kernel.numbers import ZERO, plain_text

_QUOTES = ("USDT", "USDC", "BTC", "ETH", "EUR", "USD1", "USDE")
_NEEDS_SYMBOL = 700004
_UNKNOWN_ORDERS = (-2011, -2013, 22222)
_TRADABLE = frozenset({"1", "ENABLED"})
_SYMBOLS_PER_CANCEL = 5


class MexcSpot(Mexc):
    """One spot account; the symbols of the orders that were listed are remembered."""

    batch: ClassVar = 1

    def __init__(self, client: Client, *, rest: str = "") -> None:
        super().__init__(client, rest=rest)
        self._symbols: dict[str, str] = {}

    def guess(self, instrument_id: str) -> str:
        for quote in _QUOTES:
            if instrument_id.endswith(quote) and instrument_id != quote:
                base = instrument_id.removesuffix(quote)
                return f"{self.client.code_of(base)}/{self.client.code_of(quote)}"
        return instrument_id

    def read_instruments(self) -> Iterator[Instrument]:
        answer = row_of(self.client.ask("spotPublicGetExchangeInfo"))
        for row in rows_of(answer.get("symbols"), "list of symbols"):
            yield self._instrument(row)

    def open_orders(self) -> OrderList:
        """List without a symbol, which the venue does not grant everyone; else by symbol."""
        try:
            return self._listing({})
        except VenueError as error:
            if not says(error, _NEEDS_SYMBOL):
                raise
        return self._listing_by_symbol()

    def cancel_all(self) -> None:
        """Cancel everything at once; where the venue fails at that, what is listed, by symbol."""
        try:
            row_of(self.client.ask("spotPrivateDeleteOrderAll"))
        except (Fatal, Retryable):
            raise
        except VenueError as error:
            if not self._cancel_listed():
                raise error from None

    def cancel_batch(self, ids: Sequence[str]) -> Mapping[str, CancelAnswer]:
        return {order_id: self._cancel(order_id) for order_id in ids}

    def snapshot(self, *, now: datetime) -> AccountSnapshot:
        balances: dict[str, Decimal] = {}
        free: dict[str, Decimal] = {}
        for row in self._balances():
            asset = self.client.code_of(text_of(row, "asset"))
            free[asset] = number_of(row, "free")
            balances[asset] = free[asset] + number_of(row, "locked")
        return AccountSnapshot(balances=balances, positions=(), as_of=now, free=free)

    def quotes(self, instruments: Sequence[Instrument]) -> Iterator[Quote]:
        request = {"symbol": instruments[0].id} if len(instruments) == 1 else {}
        answer = self.client.ask("spotPublicGetTickerBookTicker", request)
        for row in rows_of(answer if isinstance(answer, list) else [answer], "tickers"):
            price = middle(number_or_zero(row, "bidPrice"), number_or_zero(row, "askPrice"))
            if price is not None:
                symbol = self.symbol_of_id(text_of(row, "symbol"))
                yield Quote(instrument=symbol, price=price, source_at=None)

    def reduce(self, order: ReduceOrder, instrument: Instrument) -> None:
        request = {
            "symbol": instrument.id,
            "side": order.side.value,
            "type": "IMMEDIATE_OR_CANCEL",
            "quantity": plain_text(order.quantity),
            "price": plain_text(order.limit_price),
            "newClientOrderId": order.client_id,
        }
        text_of(row_of(self.client.ask("spotPrivatePostOrder", request)), "orderId")

    def find_order(self, *, client_id: str, instrument: Instrument) -> FoundOrder | None:
        request = {"symbol": instrument.id, "origClientOrderId": client_id}
        try:
            row = row_of(self.client.ask("spotPrivateGetOrder", request))
        except VenueError as error:
            if says(error, *_UNKNOWN_ORDERS):
                return None
            raise
        is_open = text_of(row, "status") in {"NEW", "PARTIALLY_FILLED"}
        filled = number_of(row, "executedQty")
        return FoundOrder(client_id=client_id, filled=filled, is_open=is_open)

    def key_permissions(self) -> KeyPermissions:
        told = row_of(self.client.ask("spotPrivateGetAccount"))
        uid = row_of(self.client.ask("spotPrivateGetUid")).get("uid")
        return KeyPermissions(
            may_withdraw=_flag(told, "canWithdraw"),
            may_trade=_flag(told, "canTrade"),
            account_id=str(uid) if uid else None,
            has_address_list=None,
            expires_at=None,
        )

    def _instrument(self, row: Row) -> Instrument:
        base = self.client.code_of(text_of(row, "baseAsset"))
        quote = self.client.code_of(text_of(row, "quoteAsset"))
        step = number_or_zero(row, "baseSizePrecision") or step_of_digits(
            int(number_of(row, "baseAssetPrecision"))
        )
        is_listed = str(row.get("status")) in _TRADABLE
        return Instrument(
            id=text_of(row, "symbol"),
            symbol=f"{base}/{quote}",
            rules=MarketRules(
                quantity_step=step,
                min_quantity=step,
                min_notional=number_or_zero(row, "quoteAmountPrecision"),
                price_step=step_of_digits(int(number_of(row, "quotePrecision"))),
                is_tradable=is_listed and row.get("isSpotTradingAllowed") is True,
            ),
        )

    def _listing(self, request: Mapping[str, str]) -> OrderList:
        rows = rows_of(self.client.ask("spotPrivateGetOpenOrders", dict(request)), "orders")
        named = [(text_of(row, "orderId"), row) for row in rows]
        self._symbols |= {order_id: str(row.get("symbol", "")) for order_id, row in named}
        return listed(named, self._order, now=self.client.now())

    def _listing_by_symbol(self) -> OrderList:
        """List every pair that what is locked can be locked in: complete if nothing is."""
        locked = [
            text_of(row, "asset") for row in self._balances() if number_of(row, "locked") > ZERO
        ]
        pairs = self._pairs_of(locked) | set(self._symbols.values())
        parts = [self._listing({"symbol": pair}) for pair in sorted(pairs)]
        return joined([*parts, OrderList(orders=(), is_complete=not locked)])

    def _pairs_of(self, assets: Sequence[str]) -> set[str]:
        if not assets:
            return set()
        listed_ids = self.instruments().by_id
        wanted = {f"{base}{quote}" for base in assets for quote in _QUOTES}
        return wanted & set(listed_ids)

    def _order(self, order_id: str, row: Row) -> OpenOrder:
        is_stop = "STOP" in text_of(row, "type")
        return OpenOrder(
            id=order_id,
            instrument=self.symbol_of_id(text_of(row, "symbol")),
            side=side_of(row, "side"),
            type=OrderType.STOP if is_stop else OrderType.LIMIT,
            quantity=number_of(row, "origQty") - number_of(row, "executedQty"),
            price=number_or_zero(row, "stopPrice" if row.get("stopPrice") else "price"),
            is_reduce_only=False,
            created_at=at_milliseconds(row, "time"),
        )

    def _balances(self) -> list[Row]:
        answer = row_of(self.client.ask("spotPrivateGetAccount"))
        return rows_of(answer.get("balances"), "list of balances")

    def _cancel_listed(self) -> bool:
        """Cancel by symbol what is listed; return whether there was anything."""
        self.open_orders()
        pairs = sorted(set(self._symbols.values()))
        for start in range(0, len(pairs), _SYMBOLS_PER_CANCEL):
            part = ",".join(pairs[start : start + _SYMBOLS_PER_CANCEL])
            self.client.ask("spotPrivateDeleteOpenOrders", {"symbol": part})
        return bool(pairs)

    def _cancel(self, order_id: str) -> CancelAnswer:
        if order_id not in self._symbols:
            self.open_orders()
        symbol = self._symbols.get(order_id)
        if symbol is None:
            return CancelAnswer.GONE
        try:
            request = {"symbol": symbol, "orderId": order_id}
            row_of(self.client.ask("spotPrivateDeleteOrder", request))
        except VenueError as error:
            if says(error, *_UNKNOWN_ORDERS):
                return CancelAnswer.GONE
            raise
        return CancelAnswer.ACCEPTED


def _flag(row: Row, key: str) -> bool | None:
    value = row.get(key)
    return value if isinstance(value, bool) else None
