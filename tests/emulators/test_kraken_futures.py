"""ccxt finds in the emulated Kraken Futures what it finds in the real one."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any

import pytest

from oms.domain.credentials import Credentials
from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import Side
from tests.emulators.clients import Client, kraken_futures_client
from tests.emulators.faults import Fault, FaultKind
from tests.emulators.fills import Position
from tests.emulators.kraken_futures import KrakenFuturesEmulator
from tests.emulators.kraken_futures_trading import STATUS_MEMORY
from tests.emulators.orders import Order
from tests.emulators.server import HOST

ccxt = pytest.importorskip("ccxt")

LINEAR = "BTC/USD:USD"
INVERSE = "BTC/USD:BTC"


@pytest.fixture
def venue() -> Iterator[KrakenFuturesEmulator]:
    with KrakenFuturesEmulator() as venue:
        venue.book.prices[LINEAR] = Decimal(60000)
        venue.book.prices[INVERSE] = Decimal(50000)
        yield venue


@pytest.fixture
def kraken(venue: KrakenFuturesEmulator) -> Client:
    return kraken_futures_client(venue, venue.credentials)


def rest(venue: KrakenFuturesEmulator, *, count: int = 1) -> list[Order]:
    return [
        venue.book.place(
            instrument=LINEAR,
            side=OrderSide.BUY,
            type=OrderType.LIMIT,
            quantity=Decimal("0.01"),
            price=Decimal(50000),
        )
        for _ in range(count)
    ]


def hold(
    venue: KrakenFuturesEmulator, instrument: str, quantity: str, price: str, side: Side = Side.LONG
) -> None:
    venue.book.positions[instrument, side] = Position(
        quantity=Decimal(quantity), entry_price=Decimal(price)
    )


def test_flex_and_coin_wallets_tell_their_equity(
    venue: KrakenFuturesEmulator, kraken: Client
) -> None:
    venue.book.balances.update(
        {"USD": Decimal(1000), "BTC": Decimal("0.1"), "BTC@fi_xbtusd": Decimal("0.5")}
    )
    hold(venue, LINEAR, "0.2", "59000")
    hold(venue, INVERSE, "5000", "40000")

    balance = kraken.fetch_balance()
    accounts = balance["info"]["accounts"]

    assert (balance["total"]["USD"], balance["total"]["BTC"]) == (1000.0, 0.1)
    # 1000 USD + 0.1 BTC at 60000, and 0.2 BTC that gained 1000 each.
    assert float(accounts["flex"]["balanceValue"]) == 7000.0
    assert float(accounts["flex"]["portfolioValue"]) == 7200.0
    # 5000 contracts of a dollar: 5000 / 40000 - 5000 / 50000 coins gained.
    assert float(accounts["fi_xbtusd"]["auxiliary"]["pv"]) == 0.525


def test_positions_tell_side_size_and_entry_and_no_mark(
    venue: KrakenFuturesEmulator, kraken: Client
) -> None:
    hold(venue, LINEAR, "0.2", "59000", Side.SHORT)
    hold(venue, INVERSE, "5000", "40000")

    told = {row["symbol"]: row for row in kraken.fetch_positions()}

    assert (told[LINEAR]["side"], told[LINEAR]["contracts"]) == ("short", 0.2)
    assert (told[INVERSE]["side"], told[INVERSE]["entryPrice"]) == ("long", 40000.0)
    assert told[LINEAR]["markPrice"] is None


def test_the_markets_are_linear_inverse_and_dated(kraken: Client) -> None:
    markets = kraken.load_markets()

    assert markets[LINEAR]["linear"]
    assert not markets[LINEAR]["inverse"]
    assert markets[INVERSE]["inverse"]
    assert markets["BTC/USD:BTC-301227"]["future"]
    assert markets["in_xbtusd"]["index"]


def test_all_130_open_orders_are_listed(venue: KrakenFuturesEmulator, kraken: Client) -> None:
    rest(venue, count=130)

    orders = kraken.fetch_open_orders()

    assert {order["id"] for order in orders} == set(venue.book.orders)
    first = orders[0]
    assert (first["symbol"], first["side"], first["remaining"]) == (LINEAR, "buy", 0.01)
    assert float(first["info"]["limitPrice"]) == 50000.0


def test_a_stop_is_listed_among_the_open_orders(
    venue: KrakenFuturesEmulator, kraken: Client
) -> None:
    hold(venue, LINEAR, "0.2", "59000")
    kraken.create_order(LINEAR, "market", "sell", 0.2, None, {"stopLossPrice": 58000})

    (order,) = kraken.fetch_open_orders()

    assert (order["triggerPrice"], order["reduceOnly"]) == (58000.0, True)
    assert kraken.private_post_cancelallorders()["cancelStatus"]["status"] == "cancelled"
    assert not venue.book.orders


def test_cancel_all_names_every_order_that_it_ended(
    venue: KrakenFuturesEmulator, kraken: Client
) -> None:
    placed = {order.id for order in rest(venue, count=3)}

    ended = kraken.private_post_cancelallorders()["cancelStatus"]

    assert {row["order_id"] for row in ended["cancelledOrders"]} == placed
    assert kraken.fetch_open_orders() == []
    again = kraken.private_post_cancelallorders()["cancelStatus"]
    assert again["status"] == "noOrdersToCancel"


def test_orders_are_cancelled_by_id_one_by_one_and_in_batches(
    venue: KrakenFuturesEmulator, kraken: Client
) -> None:
    first, second, third = rest(venue, count=3)

    kraken.cancel_order(first.id)
    answers = kraken.cancel_orders([second.id, first.id])

    assert list(venue.book.orders) == [third.id]
    assert [row["info"]["status"] for row in answers] == ["cancelled", "notFound"]
    with pytest.raises(ccxt.OrderNotFound):
        kraken.cancel_order(first.id)


def close(kraken: Client, *, amount: float, price: float, client_id: str = "close-1") -> None:
    options = {"timeInForce": "ioc", "reduceOnly": True, "clientOrderId": client_id}
    kraken.create_order(LINEAR, "limit", "sell", amount, price, options)


def test_reduce_only_never_flips_a_position(venue: KrakenFuturesEmulator, kraken: Client) -> None:
    hold(venue, LINEAR, "0.2", "59000")

    close(kraken, amount=0.5, price=58200)

    assert not venue.book.positions
    assert dict(venue.book.balances) == {"USD": Decimal(200)}
    assert not venue.book.orders


def test_what_would_not_reduce_is_refused(venue: KrakenFuturesEmulator, kraken: Client) -> None:
    hold(venue, LINEAR, "0.2", "59000", Side.SHORT)

    with pytest.raises(ccxt.ExchangeError, match="wouldNotReducePosition"):
        close(kraken, amount=0.2, price=58200)


def test_an_immediate_order_that_finds_no_price_is_refused_and_gone(
    venue: KrakenFuturesEmulator, kraken: Client
) -> None:
    hold(venue, LINEAR, "0.2", "59000")

    with pytest.raises(ccxt.OrderNotFillable):
        close(kraken, amount=0.2, price=61000)
    assert not venue.book.orders


def test_the_same_client_id_is_refused_twice(venue: KrakenFuturesEmulator, kraken: Client) -> None:
    hold(venue, LINEAR, "0.2", "59000")
    close(kraken, amount=0.1, price=58200)

    with pytest.raises(ccxt.DuplicateOrderId):
        close(kraken, amount=0.1, price=58200)
    assert venue.book.positions[LINEAR, Side.LONG].quantity == Decimal("0.1")


@pytest.mark.parametrize(
    ("size", "price", "status"),
    [("0.00001", "58200", "invalidSize"), ("0.1", "58200.5", "invalidPrice")],
)
def test_sizes_and_prices_between_the_steps_are_refused(
    kraken: Client, size: str, price: str, status: str
) -> None:
    answer = kraken.private_post_sendorder(
        {
            "orderType": "ioc",
            "symbol": "PF_XBTUSD",
            "side": "sell",
            "size": size,
            "limitPrice": price,
        }
    )
    assert answer["sendStatus"]["status"] == status


def test_a_done_order_is_found_by_its_client_id_for_five_seconds_and_then_in_the_fills(
    venue: KrakenFuturesEmulator, kraken: Client
) -> None:
    hold(venue, LINEAR, "0.2", "59000")
    close(kraken, amount=0.2, price=58200)

    (found,) = kraken.private_get_orders_status({"cliOrdIds": "close-1"})["orders"]
    assert (found["status"], found["order"]["filled"]) == ("FULLY_EXECUTED", 0.2)

    late = datetime.now(UTC) + STATUS_MEMORY + timedelta(seconds=1)
    venue.clock = lambda: late
    assert kraken.private_get_orders_status({"cliOrdIds": "close-1"})["orders"] == []
    (fill,) = kraken.private_get_fills()["fills"]
    assert (fill["cliOrdId"], fill["size"]) == ("close-1", 0.2)


def test_tickers_tell_the_mark(kraken: Client) -> None:
    tickers = kraken.fetch_tickers()

    assert tickers[LINEAR]["markPrice"] == 60000.0
    assert tickers[INVERSE]["markPrice"] == 50000.0


def test_a_wrong_secret_and_an_unknown_key_are_refused(venue: KrakenFuturesEmulator) -> None:
    for key in (venue.credentials.key, "other"):
        wrong = Credentials(key=key, secret=venue.new_secret())
        with pytest.raises(ccxt.AuthenticationError):
            kraken_futures_client(venue, wrong).private_get_openorders()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind=FaultKind.MESSAGE, message="apiLimitExceeded"), "RateLimitExceeded"),
        (Fault(kind=FaultKind.STATUS, status=504), "RequestTimeout"),
        (Fault(kind=FaultKind.STATUS, status=429), "DDoSProtection"),
        (Fault(kind=FaultKind.SKEW), "InvalidNonce"),
        (Fault(kind=FaultKind.REVOKED), "AuthenticationError"),
        (Fault(kind=FaultKind.MAINTENANCE), "ExchangeNotAvailable"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_a_fault_reaches_ccxt_as_the_error_that_the_real_venue_causes(
    venue: KrakenFuturesEmulator, kraken: Client, fault: Fault, error: str
) -> None:
    venue.faults.add(fault)

    with pytest.raises(getattr(ccxt, error)):
        kraken.private_get_openorders()
    kraken.private_get_openorders()


def test_a_ghost_closes_and_then_answers_504(venue: KrakenFuturesEmulator, kraken: Client) -> None:
    hold(venue, LINEAR, "0.2", "59000")
    venue.faults.add(Fault(kind=FaultKind.GHOST, call="reduce"))

    with pytest.raises(ccxt.RequestTimeout):
        close(kraken, amount=0.2, price=58200)
    assert not venue.book.positions


def test_a_partial_batch_says_which_orders_stay(
    venue: KrakenFuturesEmulator, kraken: Client
) -> None:
    first, second = rest(venue, count=2)
    venue.faults.add(Fault(kind=FaultKind.PARTIAL, call="cancel_orders", amount=1))

    answers = kraken.cancel_orders([first.id, second.id])

    assert [row["info"]["status"] for row in answers] == ["cancelled", "unknownError"]
    assert list(venue.book.orders) == [second.id]


def test_a_key_that_only_reads_cannot_cancel(venue: KrakenFuturesEmulator) -> None:
    reading = kraken_futures_client(venue, venue.add_key(may_trade=False))
    rest(venue)

    with pytest.raises(ccxt.ExchangeError, match="accessDenied"):
        reading.private_post_cancelallorders()
    assert len(venue.book.orders) == 1


def told_of(venue: KrakenFuturesEmulator, credentials: Credentials) -> dict[str, Any]:
    """Ask what a key may do, signed as Kraken documents it; ccxt has no such call."""
    path, nonce = "/api/auth/v1/api-keys/v3/check", "1"
    digest = hashlib.sha256(f"{nonce}{path}".encode()).digest()
    signature = hmac.new(base64.b64decode(credentials.secret), digest, hashlib.sha512).digest()
    headers = {
        "APIKey": credentials.key,
        "Nonce": nonce,
        "Authent": base64.b64encode(signature).decode(),
    }
    connection = HTTPConnection(HOST, venue.port, timeout=5)
    connection.request("GET", path, headers=headers)
    told: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return told


def test_a_key_says_what_it_may_do_and_whose_it_is(venue: KrakenFuturesEmulator) -> None:
    trading = told_of(venue, venue.credentials)
    reading = told_of(venue, venue.add_key(may_trade=False))

    assert trading["permissions"] == {"general": "FULL_ACCESS", "transfer": "NO_ACCESS"}
    assert reading["permissions"]["general"] == "READ_ONLY"
    assert trading["accountUid"] == reading["accountUid"] == venue.account_uid


def test_the_dead_man_switch_is_armed_and_disarmed(
    venue: KrakenFuturesEmulator, kraken: Client
) -> None:
    armed = kraken.private_post_cancelallordersafter({"timeout": 60})["status"]
    disarmed = kraken.private_post_cancelallordersafter({"timeout": 0})["status"]

    assert armed["triggerTime"] > armed["currentTime"]
    assert disarmed["triggerTime"] == "0"
    assert venue.dead_man.fires_at is None


async def test_the_socket_tells_tickers_as_they_change(venue: KrakenFuturesEmulator) -> None:
    exchange = kraken_futures_client(venue, is_pro=True)
    try:
        assert (await exchange.watch_ticker(LINEAR))["markPrice"] == 60000.0
        venue.book.prices[LINEAR] = Decimal(59000)
        assert (await exchange.watch_ticker(LINEAR))["markPrice"] == 59000.0
    finally:
        await exchange.close()


async def test_the_socket_tells_balances_positions_and_orders(
    venue: KrakenFuturesEmulator,
) -> None:
    venue.book.balances["USD"] = Decimal(1000)
    hold(venue, LINEAR, "0.2", "59000", Side.SHORT)
    placed = rest(venue)[0]
    exchange = kraken_futures_client(venue, venue.credentials, is_pro=True)
    try:
        balance = await exchange.watch_balance({"account": "flex_futures"})
        assert balance["USD"]["total"] == 1000.0
        (position,) = await exchange.watch_positions()
        assert (position["side"], position["markPrice"]) == ("short", 60000.0)
        (order,) = await exchange.watch_orders()
        assert (order["id"], order["symbol"]) == (placed.id, LINEAR)
    finally:
        await exchange.close()


async def test_private_feeds_refuse_a_wrong_signature(venue: KrakenFuturesEmulator) -> None:
    wrong = Credentials(key=venue.credentials.key, secret=venue.new_secret())
    exchange = kraken_futures_client(venue, wrong, is_pro=True)
    try:
        with pytest.raises(ccxt.ExchangeError, match="authenticated feed"):
            await exchange.watch_balance()
    finally:
        await exchange.close()


async def test_a_stalled_socket_stays_open_and_tells_nothing(venue: KrakenFuturesEmulator) -> None:
    exchange = kraken_futures_client(venue, is_pro=True)
    try:
        await exchange.watch_ticker(LINEAR)
        venue.faults.add(Fault(kind=FaultKind.STALL))
        venue.book.prices[LINEAR] = Decimal(59000)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(exchange.watch_ticker(LINEAR), 0.1)
    finally:
        await exchange.close()
