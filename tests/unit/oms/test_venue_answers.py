"""Answers that are not as they should be: never a crash, never "nothing is open"."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from oms.domain.orders import OrderSide, OrderType
from oms.venues.base import Unknown
from oms.venues.ccxt.kraken import KrakenSpot
from oms.venues.ccxt.kraken_assets import folded
from oms.venues.ccxt.kraken_futures import KrakenFutures
from oms.venues.ccxt.market import Market
from oms.venues.ccxt.mexc_spot import MexcSpot
from oms.venues.ccxt.mexc_swap import MexcSwap
from oms.venues.ccxt.reading import at_text, number_of, text_of
from oms.venues.ccxt.wallets import Wallet, equity_of, totals_of

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
CODES = {"XXBT": "BTC", "XBT": "BTC", "ZUSD": "USD", "XDG": "DOGE"}

KRAKEN_ORDER: dict[str, Any] = {
    "status": "open",
    "opentm": "1688712831.1234",
    "descr": {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "50000.1"},
    "vol": "1.25",
    "vol_exec": "0.25",
}
FUTURES_ORDER: dict[str, Any] = {
    "order_id": "59302619-41d2-4f0b-941f-7e7914760ad3",
    "symbol": "pi_xbtusd",
    "side": "sell",
    "orderType": "stp",
    "stopPrice": "49000",
    "unfilledSize": 10,
    "reduceOnly": True,
    "receivedTime": "2019-09-05T17:01:17.410Z",
}
SPOT_ORDER: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": "C02__1",
    "price": "50000",
    "origQty": "2",
    "executedQty": "0.5",
    "type": "LIMIT",
    "side": "BUY",
    "time": 1_700_000_000_000,
}
SWAP_ORDER: dict[str, Any] = {
    "orderId": 739_000,
    "symbol": "BTC_USDT",
    "vol": 10,
    "dealVol": 4,
    "side": 4,
    "price": "50000.5",
    "createTime": 1_700_000_000_000,
}


class FakeClient:
    """Answers every call with the same."""

    exchange = "venue"

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def ask(self, call: str, *arguments: object, is_public: bool = False) -> object:
        return {"success": True, "data": []} if "Planorder" in call else self.answer

    def code_of(self, asset: str) -> str:
        return CODES.get(asset, asset)

    def now(self) -> datetime:
        return NOON


def answer_of(kind: type[Market], row: dict[str, Any]) -> object:
    return {
        KrakenSpot: {"error": [], "result": {"open": {"OABC": row}}},
        KrakenFutures: {"result": "success", "openOrders": [row]},
        MexcSpot: [row],
        MexcSwap: {"success": True, "data": [row]},
    }[kind]


def market(kind: type[Market], answer: object) -> Market:
    client: Any = FakeClient(answer)
    return kind(client, rest="")


MARKETS = [
    pytest.param(KrakenSpot, KRAKEN_ORDER, id="kraken"),
    pytest.param(KrakenFutures, FUTURES_ORDER, id="krakenfutures"),
    pytest.param(MexcSpot, SPOT_ORDER, id="mexc-spot"),
    pytest.param(MexcSwap, SWAP_ORDER, id="mexc-swap"),
]


@pytest.mark.parametrize(
    ("kind", "row", "expected"),
    [
        (KrakenSpot, KRAKEN_ORDER, ("OABC", "BTC/USD", "BUY", "LIMIT", "1.00", "50000.1", False)),
        (
            KrakenFutures,
            FUTURES_ORDER,
            (FUTURES_ORDER["order_id"], "BTC/USD:BTC", "SELL", "STOP", "10", "49000", True),
        ),
        (MexcSpot, SPOT_ORDER, ("C02__1", "BTC/USDT", "BUY", "LIMIT", "1.5", "50000", False)),
        (
            MexcSwap,
            SWAP_ORDER,
            ("739000", "BTC/USDT:USDT", "SELL", "LIMIT", "6", "50000.5", True),
        ),
    ],
)
def test_an_order_is_read_without_any_list_of_markets(
    kind: type[Market], row: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    (order,) = market(kind, answer_of(kind, row)).open_orders().orders

    order_id, instrument, side, order_type, quantity, price, is_reduce_only = expected
    assert (order.id, order.instrument) == (order_id, instrument)
    assert (order.side, order.type) == (OrderSide(side), OrderType(order_type))
    assert (order.quantity, order.price) == (Decimal(quantity), Decimal(price))
    assert order.is_reduce_only is is_reduce_only


@pytest.mark.parametrize(("kind", "row"), MARKETS)
def test_an_order_with_a_field_missing_or_null_keeps_its_id(
    kind: type[Market], row: dict[str, Any]
) -> None:
    needed = {"vol", "descr", "unfilledSize", "symbol", "side", "type", "origQty", "createTime"}
    for key in needed & set(row):
        for broken in ({**row, key: None}, {name: row[name] for name in row if name != key}):
            listing = market(kind, answer_of(kind, broken)).open_orders()

            assert len(listing.orders) == 1
            assert not listing.is_complete


@pytest.mark.parametrize(("kind", "row"), MARKETS)
@pytest.mark.parametrize("value", ["NaN", "1e999", "ten", True, 0.1, [], {}])
def test_an_order_with_an_impossible_number_keeps_its_id(
    kind: type[Market], row: dict[str, Any], value: object
) -> None:
    key = next(key for key in ("unfilledSize", "origQty", "vol") if key in row)

    listing = market(kind, answer_of(kind, {**row, key: value})).open_orders()

    assert len(listing.orders) == 1
    assert not listing.is_complete


@pytest.mark.parametrize(("kind", "row"), MARKETS)
@pytest.mark.parametrize(
    "answer", [None, "", "<html>", [1], {}, {"result": None}, {"data": None}, {"openOrders": {}}]
)
def test_an_answer_of_another_shape_is_unverified(
    kind: type[Market], row: dict[str, Any], answer: object
) -> None:
    if kind is MexcSwap:
        assert not market(kind, answer).open_orders().is_complete
        return
    with pytest.raises(Unknown, match="unverified"):
        market(kind, answer).open_orders()


def test_numbers_are_exact_and_never_floats() -> None:
    row = {"text": "0.1", "whole": 3, "long": "0.0000000000000000012345", "float": 0.1}

    assert number_of(row, "text") == Decimal("0.1")
    assert number_of(row, "whole") == Decimal(3)
    assert number_of(row, "long") == Decimal("0.000000000000000001")
    with pytest.raises(Unknown):
        number_of(row, "float")


@pytest.mark.parametrize("value", [None, "", True, [], 1.5])
def test_a_text_that_is_none_is_unverified(value: object) -> None:
    with pytest.raises(Unknown, match="unverified"):
        text_of({"key": value}, "key")


def test_a_time_that_is_none_is_unverified() -> None:
    with pytest.raises(Unknown, match="unverified"):
        at_text({"at": "yesterday"}, "at")


@pytest.mark.parametrize(
    ("name", "asset", "is_liquid"),
    [
        ("XXBT", "BTC", True),
        ("XBT.F", "BTC", True),
        ("XBT.M", "BTC", False),
        ("SOL.B", "SOL", False),
        ("DOT.P", "DOT", False),
        ("SOL03.S", "SOL", False),
        ("DOT28.S", "DOT", False),
        ("ETH2", "ETH", True),
        ("ETH2.S", "ETH", False),
        ("USD.HOLD", "USD", False),
        ("XDG", "DOGE", True),
        ("TSLAX.T", "TSLAX.T", True),
        ("NEW.Q", "NEW.Q", True),
    ],
)
def test_krakens_names_are_folded(name: str, asset: str, *, is_liquid: bool) -> None:
    balances, free = folded(
        {name: (Decimal(5), Decimal(2))}, code_of=lambda code: CODES.get(code, code)
    )

    assert balances == {asset: Decimal(5)}
    assert free == {asset: Decimal(3 if is_liquid else 0)}


def test_rows_of_one_asset_are_added_and_fee_credits_are_no_money() -> None:
    rows = {"XXBT": "0", "XBT.F": "0.25", "XBT.M": "0.5", "KFEE": "900"}
    totals = {name: (Decimal(total), Decimal(0)) for name, total in rows.items()}

    balances, free = folded(totals, code_of=lambda code: CODES.get(code, code))

    assert balances == {"BTC": Decimal("0.75")}
    assert free == {"BTC": Decimal("0.25")}


def wallet(currency: str, equity: str) -> Wallet:
    return Wallet(currency=currency, equity=Decimal(equity), totals={currency: Decimal(equity)})


def test_one_currency_has_one_figure() -> None:
    wallets = [wallet("USD", "100"), wallet("USD", "20"), wallet("BTC", "0")]

    assert equity_of(wallets, default="USD") == (Decimal(120), "USD")
    assert totals_of(wallets) == {"USD": Decimal(120)}


def test_two_currencies_have_none() -> None:
    wallets = [wallet("USD", "100"), wallet("BTC", "1")]

    assert equity_of(wallets, default="USD") == (None, "")


def test_an_empty_account_is_worth_nothing() -> None:
    assert equity_of([], default="USD") == (Decimal(0), "USD")
