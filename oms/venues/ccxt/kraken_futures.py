"""Kraken Futures: one scope of orders, and wallets beside each other that each state their equity."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    Rejected,
    Unknown,
    VenuePosition,
)
from oms.venues.ccxt.market import Instrument, Market, step_of_digits
from oms.venues.ccxt.reading import (
    Row,
    at_text,
    listed,
    number_of,
    number_or_zero,
    row_of,
    rows_of,
    side_of,
    text_of,
)
from oms.venues.ccxt.wallets import Wallet, snapshot_of
from portfolio.domain.holdings import Side
from riskconsole.kernel.numbers import ZERO, plain_text

_ID = re.compile(
    r"(?P<kind>[PF][FIV])_(?P<base>[A-Z0-9]+?)(?P<quote>USDT|USDC|USD|EUR|GBP)(_(?P<ends>\d{6}))?"
)
_CONTRACTS = frozenset({"flexible_futures", "futures_inverse", "futures_vanilla"})
_INVERSE = frozenset({"PI", "FI"})
_ANSWERS = {
    "cancelled": CancelAnswer.ACCEPTED,
    "notFound": CancelAnswer.GONE,
    "filled": CancelAnswer.GONE,
}
_TAKEN = frozenset({"placed", "iocWouldNotExecute", "filled", "partiallyFilled", "cancelled"})
_NO_TELLING = frozenset({"unknownError", "unknown"})


class KrakenFutures(Market):
    """PF_XBTUSD is BTC/USD:USD, linear; PI_XBTUSD is BTC/USD:BTC, inverse."""

    options: ClassVar[Mapping[str, Any]] = {
        "options": {"access": {"auth": {"GET": {"api-keys/v3/check": "private"}}}}
    }

    def point_at(self, rest: str) -> None:
        here = dict.fromkeys(("public", "private"), f"{rest}/derivatives/api/")
        self.client.urls.update(here, auth=f"{rest}/api/auth/")

    def guess(self, instrument_id: str) -> str:
        found = _ID.fullmatch(instrument_id.upper())
        if found is None:
            return instrument_id
        base, quote = self.client.code_of(found["base"]), self.client.code_of(found["quote"])
        settle = base if found["kind"] in _INVERSE else quote
        ends = f"-{found['ends']}" if found["ends"] else ""
        return f"{base}/{quote}:{settle}{ends}"

    def read_instruments(self) -> Iterator[Instrument]:
        answer = row_of(self.client.ask("publicGetInstruments"))
        for row in rows_of(answer.get("instruments"), "list of instruments"):
            if row.get("type") in _CONTRACTS:
                yield self._instrument(row)

    def open_orders(self) -> OrderList:
        answer = row_of(self.client.ask("privateGetOpenorders"))
        rows = rows_of(answer.get("openOrders"), "list of open orders")
        named = [(text_of(row, "order_id"), row) for row in rows]
        return listed(named, self._order, now=self.client.now())

    def cancel_all(self) -> None:
        answer = row_of(self.client.ask("privatePostCancelallorders"))
        text_of(row_of(answer.get("cancelStatus"), "cancel status"), "status")

    def cancel_batch(self, ids: Sequence[str]) -> Mapping[str, CancelAnswer]:
        batch = [{"order": "cancel", "order_id": order_id} for order_id in ids]
        answer = row_of(self.client.ask("privatePostBatchorder", {"batchOrder": batch}))
        return {
            text_of(row, "order_id"): _ANSWERS.get(text_of(row, "status"), CancelAnswer.FAILED)
            for row in rows_of(answer.get("batchStatus"), "batch status")
        }

    def snapshot(self, *, now: datetime) -> AccountSnapshot:
        wallets = list(self._wallets())
        return snapshot_of(wallets, positions=self._positions(), default="USD", now=now)

    def quotes(self, instruments: Sequence[Instrument]) -> Iterator[Quote]:
        for symbol, mark in self._marks().items():
            yield Quote(instrument=symbol, price=mark, source_at=None)

    def reduce(self, order: ReduceOrder, instrument: Instrument) -> None:
        request = {
            "orderType": "ioc",
            "symbol": instrument.id,
            "side": order.side.lower(),
            "size": plain_text(order.quantity),
            "limitPrice": plain_text(order.limit_price),
            "reduceOnly": "true",
            "cliOrdId": order.client_id,
        }
        answer = row_of(self.client.ask("privatePostSendorder", request))
        status = text_of(row_of(answer.get("sendStatus"), "send status"), "status")
        if status in _NO_TELLING:
            raise Unknown(f"the order was answered with {status}")
        if status not in _TAKEN:
            raise Rejected(f"the order was refused: {status}")

    def find_order(self, *, client_id: str, instrument: Instrument) -> FoundOrder | None:
        """Ask for the order, which is only told for a while, and then for its fills."""
        answer = row_of(self.client.ask("privateGetOrdersStatus", {"cliOrdIds": client_id}))
        for told in rows_of(answer.get("orders"), "list of orders"):
            row = row_of(told.get("order"), "order")
            if row.get("cliOrdId") == client_id:
                is_open = told.get("status") in {"ENTERED_BOOK", "TRIGGER_PLACED"}
                filled = number_of(row, "filled")
                return FoundOrder(client_id=client_id, filled=filled, is_open=is_open)
        return self._found_by_fills(client_id)

    def key_permissions(self) -> KeyPermissions:
        told = row_of(
            self.client.ask("request", "api-keys/v3/check", ["auth"], "GET", {"version": "v1"})
        )
        rights = row_of(told.get("permissions"), "list of permissions")
        return KeyPermissions(
            may_withdraw=_is_full(rights, "transfer"),
            may_trade=_is_full(rights, "general"),
            account_id=str(told["accountUid"]) if told.get("accountUid") else None,
            has_address_list=(
                bool(told["allowedCidrBlocks"] or told.get("allowedCidrBlock"))
                if "allowedCidrBlocks" in told
                else None
            ),
            expires_at=None,
        )

    def _instrument(self, row: Row) -> Instrument:
        name = text_of(row, "symbol").upper()
        step = step_of_digits(int(number_or_zero(row, "contractValueTradePrecision")))
        return Instrument(
            id=name,
            symbol=self.guess(name),
            contract_size=number_of(row, "contractSize"),
            is_inverse=row["type"] == "futures_inverse",
            rules=MarketRules(
                quantity_step=step,
                min_quantity=step,
                min_notional=ZERO,
                price_step=number_of(row, "tickSize"),
                is_tradable=row.get("tradeable") is True,
            ),
        )

    def _order(self, order_id: str, row: Row) -> OpenOrder:
        is_stop = text_of(row, "orderType") not in {"lmt", "post", "ioc", "mkt"}
        return OpenOrder(
            id=order_id,
            instrument=self.symbol_of_id(text_of(row, "symbol").upper()),
            side=side_of(row, "side"),
            type=OrderType.STOP if is_stop else OrderType.LIMIT,
            quantity=number_of(row, "unfilledSize"),
            price=number_or_zero(row, "stopPrice" if is_stop else "limitPrice"),
            is_reduce_only=row.get("reduceOnly") is True,
            created_at=at_text(row, "receivedTime"),
        )

    def _wallets(self) -> Iterator[Wallet]:
        answer = row_of(self.client.ask("privateGetAccounts"))
        for told in row_of(answer.get("accounts"), "list of wallets").values():
            yield from self._wallets_in(row_of(told, "wallet"))

    def _wallets_in(self, told: Row) -> Iterable[Wallet]:
        if told.get("type") == "multiCollateralMarginAccount":
            return [self._flex(told)]
        coins = row_of(told.get("balances", {}), "balances")
        amounts = {self._code(name): number_of(coins, name) for name in coins}
        if told.get("type") == "marginAccount":
            return [_margin(told, currency=self._code(text_of(told, "currency")), amounts=amounts)]
        return [
            Wallet(currency=code, equity=amount, totals={code: amount})
            for code, amount in amounts.items()
        ]

    def _flex(self, told: Row) -> Wallet:
        coins = row_of(told.get("currencies", {}), "currencies")
        totals = {
            self._code(name): number_of(row_of(row, "currency"), "quantity")
            for name, row in coins.items()
        }
        funding = number_or_zero(told, "unrealizedFunding")
        totals["USD"] = totals.get("USD", ZERO) + funding
        return Wallet(currency="USD", equity=number_of(told, "portfolioValue"), totals=totals)

    def _positions(self) -> tuple[VenuePosition, ...]:
        answer = row_of(self.client.ask("privateGetOpenpositions"))
        rows = rows_of(answer.get("openPositions"), "list of positions")
        marks = self._marks() if rows else {}
        return tuple(self._position(row, marks) for row in rows)

    def _position(self, row: Row, marks: Mapping[str, Decimal]) -> VenuePosition:
        instrument = self.instrument_by_id(text_of(row, "symbol").upper())
        return VenuePosition(
            instrument=instrument.symbol,
            side=_position_side(row),
            quantity=number_of(row, "size"),
            entry_price=number_of(row, "price"),
            contract_size=instrument.contract_size,
            is_inverse=instrument.is_inverse,
            mark=marks.get(instrument.symbol),
        )

    def _marks(self) -> dict[str, Decimal]:
        answer = row_of(self.client.ask("publicGetTickers"))
        return {
            self.symbol_of_id(text_of(row, "symbol").upper()): number_of(row, "markPrice")
            for row in rows_of(answer.get("tickers"), "list of tickers")
            if row.get("markPrice") is not None
        }

    def _found_by_fills(self, client_id: str) -> FoundOrder | None:
        answer = row_of(self.client.ask("privateGetFills"))
        fills = rows_of(answer.get("fills"), "list of fills")
        sizes = [number_of(row, "size") for row in fills if row.get("cliOrdId") == client_id]
        if not sizes:
            return None
        return FoundOrder(client_id=client_id, filled=sum(sizes, ZERO), is_open=False)

    def _code(self, name: str) -> str:
        return self.client.code_of(name.upper())


def _margin(told: Row, *, currency: str, amounts: Mapping[str, Decimal]) -> Wallet:
    """Return the wallet of inverse contracts of one coin; pv is its equity in that coin."""
    beside = row_of(told.get("auxiliary", {}), "wallet")
    funding = number_or_zero(beside, "funding")
    totals = {**amounts, currency: amounts.get(currency, ZERO) + funding}
    return Wallet(currency=currency, equity=number_of(beside, "pv"), totals=totals)


def _position_side(row: Row) -> Side:
    try:
        return Side(text_of(row, "side").upper())
    except ValueError:
        raise Unknown(f"unverified: a position's side is {row.get('side')!r:.40}") from None


def _is_full(rights: Row, name: str) -> bool | None:
    told = rights.get(name)
    return None if told is None else told == "FULL_ACCESS"
