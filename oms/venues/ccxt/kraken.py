"""Kraken's spot market. One scope of orders; every private call uses up a nonce."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from oms.domain.orders import CancelAnswer, OpenOrder, OrderType
from oms.venues.base import (
    AccountSnapshot,
    FoundOrder,
    KeyPermissions,
    MarketRules,
    OrderList,
    Quote,
    ReduceOrder,
    Rejected,
    Unsupported,
)
from oms.venues.ccxt.kraken_assets import folded
from oms.venues.ccxt.market import Instrument, Market, middle, step_of_digits
from oms.venues.ccxt.reading import (
    Row,
    at_seconds,
    listed,
    number_of,
    number_or_zero,
    row_of,
    side_of,
    text_of,
)
from riskconsole.kernel.numbers import ZERO, plain_text

_QUOTES = ("USDT", "USDC", "USD", "EUR", "GBP", "XBT", "ETH", "CAD", "AUD", "CHF", "JPY")


class KrakenSpot(Market):
    """Kraken's names: XXBTZUSD is a pair's id, XBTUSD its alternative, XBT/USD its plain name."""

    needs_nonce: ClassVar = True

    def point_at(self, rest: str) -> None:
        self.client.urls.update(public=rest, private=rest)

    def guess(self, instrument_id: str) -> str:
        for quote in _QUOTES:
            if instrument_id.endswith(quote) and instrument_id != quote:
                base = instrument_id.removesuffix(quote)
                return f"{self.client.code_of(base)}/{self.client.code_of(quote)}"
        return instrument_id

    def read_instruments(self) -> Iterator[Instrument]:
        pairs = _result(self.client.ask("publicGetAssetPairs", is_public=True))
        for pair_id, pair in pairs.items():
            row = row_of(pair, "pair")
            if row.get("wsname"):
                yield self._instrument(pair_id, row)

    def open_orders(self) -> OrderList:
        answer = _result(self.client.ask("privatePostOpenOrders"))
        orders = row_of(answer.get("open"), "list of open orders")
        return listed(orders.items(), self._order, now=self.client.now())

    def cancel_all(self) -> None:
        number_of(_result(self.client.ask("privatePostCancelAll")), "count")

    def cancel_batch(self, ids: Sequence[str]) -> Mapping[str, CancelAnswer]:
        """Ask once for all; of one order alone Kraken says whether it was still there."""
        if len(ids) == 1:
            return {ids[0]: self._cancel(ids[0])}
        answer = self.client.ask("privatePostCancelOrderBatch", {"orders": list(ids)})
        number_of(_result(answer), "count")
        return dict.fromkeys(ids, CancelAnswer.ACCEPTED)

    def snapshot(self, *, now: datetime) -> AccountSnapshot:
        self._refuse_margin()
        rows = _result(self.client.ask("privatePostBalanceEx"))
        totals = {name: _total_and_held(row_of(row, "balance")) for name, row in rows.items()}
        balances, free = folded(totals, code_of=self.client.code_of)
        return AccountSnapshot(balances=balances, positions=(), as_of=now, free=free)

    def quotes(self, instruments: Sequence[Instrument]) -> Iterator[Quote]:
        pairs = ",".join(instrument.id for instrument in instruments)
        answer = _result(self.client.ask("publicGetTicker", {"pair": pairs}, is_public=True))
        for name, row in answer.items():
            price = _middle_of(row_of(row, "ticker"))
            if price is not None:
                yield Quote(instrument=self.symbol_of_id(name), price=price, source_at=None)

    def reduce(self, order: ReduceOrder, instrument: Instrument) -> None:
        request = {
            "pair": instrument.id,
            "type": order.side.lower(),
            "ordertype": "limit",
            "price": plain_text(order.limit_price),
            "volume": plain_text(order.quantity),
            "timeinforce": "IOC",
            "cl_ord_id": order.client_id,
        }
        self.client.ask("privatePostAddOrder", request)

    def find_order(self, *, client_id: str, instrument: Instrument) -> FoundOrder | None:
        """Look among open orders first: between the two calls an order can only close."""
        for call, field in (("OpenOrders", "open"), ("ClosedOrders", "closed")):
            answer = _result(self.client.ask(f"privatePost{call}", {"cl_ord_id": client_id}))
            found = _called(client_id, row_of(answer.get(field), f"list of {field} orders"))
            if found is not None:
                filled = number_of(found, "vol_exec")
                return FoundOrder(client_id=client_id, filled=filled, is_open=field == "open")
        return None

    def key_permissions(self) -> KeyPermissions:
        told = _result(self.client.ask("privatePostGetApiKeyInfo"))
        rights = told.get("permissions")
        known = set(map(str, rights)) if isinstance(rights, list) else None
        ends = number_or_zero(told, "validUntil")
        return KeyPermissions(
            may_withdraw=None if known is None else "withdraw-funds" in known,
            may_trade=None if known is None else "modify-trades" in known,
            account_id=str(told["iban"]) if told.get("iban") else None,
            has_address_list=bool(told["ipAllowlist"]) if "ipAllowlist" in told else None,
            expires_at=at_seconds(told, "validUntil") if ends else None,
        )

    def _instrument(self, pair_id: str, row: Row) -> Instrument:
        base, _, quote = text_of(row, "wsname").partition("/")
        rules = MarketRules(
            quantity_step=step_of_digits(int(number_of(row, "lot_decimals"))),
            min_quantity=number_or_zero(row, "ordermin"),
            min_notional=number_or_zero(row, "costmin"),
            price_step=_price_step(row),
            is_tradable=row.get("status", "online") == "online",
        )
        symbol = f"{self.client.code_of(base)}/{self.client.code_of(quote)}"
        return Instrument(id=text_of(row, "altname"), alias=pair_id, symbol=symbol, rules=rules)

    def _order(self, order_id: str, row: Row) -> OpenOrder:
        told = row_of(row_of(row, "order").get("descr"), "description of an order")
        is_limit = text_of(told, "ordertype") in {"limit", "market", "iceberg", "settle-position"}
        return OpenOrder(
            id=order_id,
            instrument=self.symbol_of_id(text_of(told, "pair")),
            side=side_of(told, "type"),
            type=OrderType.LIMIT if is_limit else OrderType.STOP,
            quantity=number_of(row, "vol") - number_of(row, "vol_exec"),
            price=number_or_zero(told, "price"),
            is_reduce_only=row.get("reduce_only") is True,
            created_at=at_seconds(row, "opentm"),
        )

    def _cancel(self, order_id: str) -> CancelAnswer:
        try:
            answer = self.client.ask("privatePostCancelOrder", {"txid": order_id})
        except Rejected as error:
            return CancelAnswer.GONE if "Unknown order" in str(error) else CancelAnswer.FAILED
        is_done = number_of(_result(answer), "count") > ZERO
        return CancelAnswer.ACCEPTED if is_done else CancelAnswer.FAILED

    def _refuse_margin(self) -> None:
        """Refuse an account with margin positions: its balances alone would be no truth."""
        if _result(self.client.ask("privatePostOpenPositions")):
            raise Unsupported("margin positions of a spot account cannot be valued")


def _result(answer: object) -> Row:
    return row_of(row_of(answer).get("result"), "result")


def _total_and_held(row: Row) -> tuple[Decimal, Decimal]:
    return number_of(row, "balance"), number_or_zero(row, "hold_trade")


def _middle_of(row: Row) -> Decimal | None:
    """Return the middle of the best bid and ask: each is a list of price, whole lots, lots."""
    sides = [row.get("b"), row.get("a")]
    if not all(isinstance(side, list) and side for side in sides):
        return None
    bid, ask = (number_of({"price": side[0]}, "price") for side in sides if side)
    return middle(bid, ask)


def _price_step(row: Row) -> Decimal:
    if row.get("tick_size"):
        return number_of(row, "tick_size")
    return step_of_digits(int(number_of(row, "pair_decimals")))


def _called(client_id: str, orders: Row) -> Row | None:
    rows = (row_of(row, "order") for row in orders.values())
    return next((row for row in rows if row.get("cl_ord_id") == client_id), None)
