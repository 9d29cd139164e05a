"""ccxt finds in the emulated Kraken what it finds in the real one."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Iterator
from decimal import Decimal
from http.client import HTTPConnection

import pytest

from oms.domain.credentials import Credentials
from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import Side
from tests.emulators.clients import Client, kraken_client
from tests.emulators.faults import Fault, FaultKind
from tests.emulators.fills import Position
from tests.emulators.kraken import KrakenEmulator
from tests.emulators.orders import Order
from tests.emulators.server import HOST

ccxt = pytest.importorskip("ccxt")

PAIR = "BTC/USD"


@pytest.fixture
def venue() -> Iterator[KrakenEmulator]:
    with KrakenEmulator() as venue:
        venue.book.prices[PAIR] = Decimal(60000)
        yield venue


@pytest.fixture
def kraken(venue: KrakenEmulator) -> Client:
    return kraken_client(venue, venue.credentials)


def rest(venue: KrakenEmulator, *, price: str = "50000", count: int = 1) -> list[Order]:
    return [
        venue.book.place(
            instrument=PAIR,
            side=OrderSide.BUY,
            type=OrderType.LIMIT,
            quantity=Decimal("0.01"),
            price=Decimal(price),
        )
        for _ in range(count)
    ]


def test_balances_keep_their_earn_suffix_and_tell_what_orders_lock(
    venue: KrakenEmulator, kraken: Client
) -> None:
    venue.book.balances.update({"USD": Decimal(1000), "BTC": Decimal(0), "BTC.F": Decimal("0.25")})
    rest(venue)

    balance = kraken.fetch_balance()

    assert balance["total"] == {"USD": 1000.0, "BTC": 0.0, "BTC.F": 0.25}
    assert balance["used"]["USD"] == 500.0


def test_all_130_open_orders_are_listed_with_their_side_price_and_amount(
    venue: KrakenEmulator, kraken: Client
) -> None:
    rest(venue, count=130)

    orders = kraken.fetch_open_orders()

    assert {order["id"] for order in orders} == set(venue.book.orders)
    first = orders[0]
    assert (first["symbol"], first["side"], first["type"]) == (PAIR, "buy", "limit")
    assert (first["price"], first["amount"], first["remaining"]) == (50000.0, 0.01, 0.01)


def test_a_stop_is_listed_with_its_trigger(venue: KrakenEmulator, kraken: Client) -> None:
    venue.book.balances["BTC"] = Decimal(1)
    venue.book.place(
        instrument=PAIR,
        side=OrderSide.SELL,
        type=OrderType.STOP,
        quantity=Decimal("0.5"),
        price=Decimal(58000),
    )

    (order,) = kraken.fetch_open_orders()

    assert (order["side"], order["stopLossPrice"], order["amount"]) == ("sell", 58000.0, 0.5)


def test_cancel_all_ends_every_order(venue: KrakenEmulator, kraken: Client) -> None:
    rest(venue, count=130)

    assert kraken.private_post_cancelall()["result"] == {"count": 130}
    assert not venue.book.orders
    assert kraken.fetch_open_orders() == []


def test_orders_are_cancelled_by_id_one_by_one_and_in_batches(
    venue: KrakenEmulator, kraken: Client
) -> None:
    first, second, third = rest(venue, count=3)

    kraken.cancel_order(first.id)
    kraken.cancel_orders([second.id, first.id])

    assert list(venue.book.orders) == [third.id]
    with pytest.raises(ccxt.OrderNotFound):
        kraken.cancel_order(first.id)


def test_an_order_is_sold_at_once_and_found_by_its_client_id(
    venue: KrakenEmulator, kraken: Client
) -> None:
    venue.book.balances["BTC"] = Decimal("0.4")

    kraken.create_order(
        PAIR, "limit", "sell", 0.4, 58200, {"timeInForce": "IOC", "clientOrderId": "close-1"}
    )

    assert dict(venue.book.balances) == {"BTC": Decimal(0), "USD": Decimal(24000)}
    closed = kraken.private_post_closedorders({"cl_ord_id": "close-1"})["result"]["closed"]
    (found,) = closed.values()
    assert (found["status"], found["vol_exec"]) == ("closed", "0.4")
    (order_id,) = closed
    assert kraken.fetch_order(order_id)["filled"] == 0.4


def test_immediate_or_cancel_leaves_nothing_behind(venue: KrakenEmulator, kraken: Client) -> None:
    venue.book.balances["BTC"] = Decimal("0.4")

    order = kraken.create_order(PAIR, "limit", "sell", 0.4, 61000, {"timeInForce": "IOC"})

    assert not venue.book.orders
    assert kraken.fetch_order(order["id"])["status"] == "canceled"


@pytest.mark.parametrize(
    ("symbol", "amount", "price", "message"),
    [
        (PAIR, "0.00004", "60000", "EOrder:Order minimum not met"),
        (PAIR, "0.0001", "100", "EOrder:Cost minimum not met"),
        (PAIR, "1", "60000", "EOrder:Insufficient funds"),
        (PAIR, "1", "60000.05", "EOrder:Invalid price"),
        ("NOPE", "1", "60000", "EQuery:Unknown asset pair"),
    ],
)
def test_what_kraken_refuses_is_refused_in_its_words(
    venue: KrakenEmulator, kraken: Client, symbol: str, amount: str, price: str, message: str
) -> None:
    request = {
        "pair": "XBTUSD" if symbol == PAIR else symbol,
        "type": "sell",
        "ordertype": "limit",
        "volume": amount,
        "price": price,
    }
    with pytest.raises(ccxt.ExchangeError, match=message):
        kraken.private_post_addorder(request)
    assert not venue.book.orders


def test_a_margin_position_is_listed_with_its_profit(venue: KrakenEmulator, kraken: Client) -> None:
    venue.book.balances["USD"] = Decimal(1000)
    venue.book.positions[PAIR, Side.LONG] = Position(
        quantity=Decimal("0.1"), entry_price=Decimal(59000)
    )

    (position,) = kraken.fetch_positions()

    assert (position["symbol"], position["side"]) == (PAIR, "long")
    assert (position["contracts"], position["unrealizedPnl"]) == (0.1, 100.0)
    assert kraken.private_post_tradebalance()["result"]["e"] == "1100"


def test_tickers_tell_the_price(kraken: Client) -> None:
    assert kraken.fetch_tickers([PAIR])[PAIR]["last"] == 60000.0


def test_a_wrong_secret_is_refused(venue: KrakenEmulator) -> None:
    wrong = Credentials(key=venue.credentials.key, secret=venue.new_secret())
    kraken = kraken_client(venue, wrong)

    with pytest.raises(ccxt.ExchangeError, match="EAPI:Invalid signature"):
        kraken.private_post_openorders()


def test_an_unknown_key_is_refused(venue: KrakenEmulator) -> None:
    unknown = Credentials(key="other", secret=venue.new_secret())
    kraken = kraken_client(venue, unknown)

    with pytest.raises(ccxt.AuthenticationError, match="EAPI:Invalid key"):
        kraken.private_post_openorders()


def signed(venue: KrakenEmulator, nonce: int) -> str:
    """Ask for the balances with this nonce, signed as Kraken documents it."""
    path, body = "/0/private/BalanceEx", f"nonce={nonce}"
    digest = hashlib.sha256(f"{nonce}{body}".encode()).digest()
    secret = base64.b64decode(venue.credentials.secret)
    signature = hmac.new(secret, path.encode() + digest, hashlib.sha512).digest()
    headers = {
        "API-Key": venue.credentials.key,
        "API-Sign": base64.b64encode(signature).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection = HTTPConnection(HOST, venue.port, timeout=5)
    connection.request("POST", path, body=body, headers=headers)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_a_nonce_has_to_rise(venue: KrakenEmulator) -> None:
    assert "result" in signed(venue, 10)
    assert "EAPI:Invalid nonce" in signed(venue, 10)
    assert "EAPI:Invalid nonce" in signed(venue, 9)
    assert "result" in signed(venue, 11)


def test_each_key_counts_its_own_nonces(venue: KrakenEmulator, kraken: Client) -> None:
    other = kraken_client(venue, venue.add_key())
    kraken.nonce = lambda: 10**15

    kraken.private_post_balanceex()
    other.private_post_balanceex()

    assert venue.verbs() == ["balances", "balances"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind=FaultKind.MESSAGE, message="EAPI:Rate limit exceeded"), "DDoSProtection"),
        (Fault(kind=FaultKind.STATUS, status=504), "RequestTimeout"),
        (Fault(kind=FaultKind.STATUS, status=502), "ExchangeNotAvailable"),
        (Fault(kind=FaultKind.SKEW), "InvalidNonce"),
        (Fault(kind=FaultKind.REVOKED), "AuthenticationError"),
        (Fault(kind=FaultKind.MAINTENANCE), "ExchangeNotAvailable"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_a_fault_reaches_ccxt_as_the_error_that_the_real_venue_causes(
    venue: KrakenEmulator, kraken: Client, fault: Fault, error: str
) -> None:
    venue.faults.add(fault)

    with pytest.raises(getattr(ccxt, error)):
        kraken.private_post_openorders()
    kraken.private_post_openorders()


def test_malformed_json_passes_through_ccxt_as_bare_text(
    venue: KrakenEmulator, kraken: Client
) -> None:
    venue.faults.add(Fault(kind=FaultKind.MALFORMED))

    assert isinstance(kraken.private_post_openorders(), str)


def test_a_ghost_cancels_and_then_answers_504(venue: KrakenEmulator, kraken: Client) -> None:
    rest(venue, count=2)
    venue.faults.add(Fault(kind=FaultKind.GHOST, call="cancel_all"))

    with pytest.raises(ccxt.RequestTimeout):
        kraken.private_post_cancelall()
    assert kraken.fetch_open_orders() == []


def test_a_key_that_only_reads_cannot_cancel_and_says_so(
    venue: KrakenEmulator, kraken: Client
) -> None:
    reading = kraken_client(venue, venue.add_key(may_trade=False))
    rest(venue)

    with pytest.raises(ccxt.PermissionDenied):
        reading.private_post_cancelall()
    assert len(venue.book.orders) == 1

    def rights(client: Client) -> set[str]:
        return set(client.private_post_getapikeyinfo()["result"]["permissions"])

    assert rights(kraken) - rights(reading) == {"modify-trades", "close-trades"}


def test_the_dead_man_switch_is_armed_and_disarmed(venue: KrakenEmulator, kraken: Client) -> None:
    rest(venue)

    armed = kraken.private_post_cancelallordersafter({"timeout": 60})["result"]
    disarmed = kraken.private_post_cancelallordersafter({"timeout": 0})["result"]

    assert armed["triggerTime"] > armed["currentTime"]
    assert disarmed["triggerTime"] == "0"
    assert venue.dead_man.fires_at is None
    assert len(venue.book.orders) == 1


def test_a_switch_that_fires_ends_every_order_and_is_disarmed(
    venue: KrakenEmulator, kraken: Client
) -> None:
    rest(venue, count=2)
    kraken.private_post_cancelallordersafter({"timeout": 60})

    venue.dead_man.fire()

    assert not venue.book.orders
    assert venue.dead_man.fires_at is None


def test_a_call_that_hangs_times_out_and_did_nothing(venue: KrakenEmulator, kraken: Client) -> None:
    rest(venue)
    venue.faults.add(Fault(kind=FaultKind.HANG, call="cancel_all"))
    kraken.timeout = 100

    with pytest.raises(ccxt.RequestTimeout):
        kraken.private_post_cancelall()
    assert len(venue.book.orders) == 1


def test_an_order_that_appears_right_after_a_cancel_is_listed(
    venue: KrakenEmulator, kraken: Client
) -> None:
    (placed,) = rest(venue)
    venue.faults.add(Fault(kind=FaultKind.APPEAR, call="cancel_all"))

    assert kraken.private_post_cancelall()["result"] == {"count": 1}
    (order,) = kraken.fetch_open_orders()
    assert order["id"] != placed.id


async def test_the_socket_tells_tickers_as_they_change(venue: KrakenEmulator) -> None:
    exchange = kraken_client(venue, is_pro=True)
    try:
        assert (await exchange.watch_ticker(PAIR))["last"] == 60000.0
        venue.book.prices[PAIR] = Decimal(59000)
        assert (await exchange.watch_ticker(PAIR))["last"] == 59000.0
    finally:
        await exchange.close()


async def test_the_socket_tells_balances_and_orders(venue: KrakenEmulator) -> None:
    venue.book.balances["BTC"] = Decimal(1)
    placed = rest(venue)[0]
    exchange = kraken_client(venue, venue.credentials, is_pro=True)
    try:
        assert (await exchange.watch_balance())["BTC"]["total"] == 1.0
        (order,) = await exchange.watch_orders()
        assert (order["id"], order["status"]) == (placed.id, "open")
        venue.book.cancel()
        (order,) = await exchange.watch_orders()
        assert (order["id"], order["status"]) == (placed.id, "canceled")
    finally:
        await exchange.close()


async def test_a_stalled_socket_stays_open_and_tells_nothing(venue: KrakenEmulator) -> None:
    exchange = kraken_client(venue, is_pro=True)
    try:
        await exchange.watch_ticker(PAIR)
        venue.faults.add(Fault(kind=FaultKind.STALL))
        venue.book.prices[PAIR] = Decimal(59000)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(exchange.watch_ticker(PAIR), 0.1)
        venue.faults.clear()
        venue.book.prices[PAIR] = Decimal(58000)
        assert (await exchange.watch_ticker(PAIR))["last"] == 58000.0
    finally:
        await exchange.close()
