"""ccxt finds in the emulated MEXC spot market what it finds in the real one."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from websockets.asyncio.client import connect

from oms.domain.credentials import Credentials
from oms.domain.orders import OrderSide, OrderType
from tests.emulators.clients import Client, mexc_client
from tests.emulators.faults import Fault, FaultKind
from tests.emulators.mexc_spot import MexcSpotEmulator
from tests.emulators.orders import Order

ccxt = pytest.importorskip("ccxt")

PAIR = "BTC/USDT"
OTHER = "ETH/USDT"


@pytest.fixture
def venue() -> Iterator[MexcSpotEmulator]:
    with MexcSpotEmulator() as venue:
        venue.book.prices.update({PAIR: Decimal(60000), OTHER: Decimal("3000.5")})
        yield venue


@pytest.fixture
def mexc(venue: MexcSpotEmulator) -> Client:
    return mexc_client(venue, venue.credentials, market="spot")


def rest(venue: MexcSpotEmulator, instrument: str = PAIR, *, count: int = 1) -> list[Order]:
    return [
        venue.book.place(
            instrument=instrument,
            side=OrderSide.BUY,
            type=OrderType.LIMIT,
            quantity=Decimal("0.01"),
            price=Decimal(1000),
        )
        for _ in range(count)
    ]


def test_balances_tell_what_orders_lock(venue: MexcSpotEmulator, mexc: Client) -> None:
    venue.book.balances.update({"USDT": Decimal(1000), "BTC": Decimal("0.25")})
    rest(venue)

    balance = mexc.fetch_balance()

    assert balance["total"] == {"USDT": 1000.0, "BTC": 0.25}
    assert balance["used"] == {"USDT": 10.0, "BTC": 0.0}


def test_no_more_is_locked_than_there_is(venue: MexcSpotEmulator, mexc: Client) -> None:
    venue.book.balances["USDT"] = Decimal(4)
    rest(venue)

    assert mexc.fetch_balance()["USDT"] == {"free": 0.0, "used": 4.0, "total": 4.0}


def test_one_ticker_is_an_object_and_all_are_a_list(venue: MexcSpotEmulator, mexc: Client) -> None:
    assert mexc.fetch_ticker(PAIR)["last"] == 60000.0
    assert isinstance(mexc.spot_public_get_ticker_24hr(), list)
    tickers = mexc.fetch_tickers()
    assert {symbol: row["last"] for symbol, row in tickers.items()} == {
        PAIR: 60000.0,
        OTHER: 3000.5,
    }
    assert tickers[PAIR]["timestamp"] is not None
    assert mexc.fetch_bids_asks()[OTHER]["bid"] == 3000.5


def test_a_pair_that_a_test_priced_is_listed_and_a_halted_one_is_inactive(
    venue: MexcSpotEmulator, mexc: Client
) -> None:
    venue.book.prices["DOGE/USDT"] = Decimal("0.1")
    venue.halted.add(OTHER)

    markets = mexc.load_markets()

    assert markets["DOGE/USDT"]["active"] is True
    assert markets[OTHER]["active"] is False
    assert markets[PAIR]["limits"]["cost"]["min"] == 1.0
    assert markets[PAIR]["precision"]["amount"] == 0.00001


def test_open_orders_are_listed_with_and_without_a_symbol(
    venue: MexcSpotEmulator, mexc: Client
) -> None:
    (mine,) = rest(venue)
    rest(venue, OTHER, count=129)

    orders = mexc.fetch_open_orders()

    assert {order["id"] for order in orders} == set(venue.book.orders)
    (order,) = mexc.fetch_open_orders(PAIR)
    assert (order["id"], order["side"], order["type"]) == (mine.id, "buy", "limit")
    assert (order["price"], order["amount"], order["status"]) == (1000.0, 0.01, "open")


def test_the_venue_may_want_a_symbol_for_a_list(venue: MexcSpotEmulator, mexc: Client) -> None:
    venue.lists_every_symbol = False
    rest(venue)

    with pytest.raises(ccxt.BadRequest, match="700004"):
        mexc.fetch_open_orders()
    assert len(mexc.fetch_open_orders(PAIR)) == 1


def test_cancel_all_ends_every_order_and_names_none(venue: MexcSpotEmulator, mexc: Client) -> None:
    rest(venue, count=3)
    rest(venue, OTHER)

    assert mexc.spot_private_delete_order_all()["code"] == 200
    assert mexc.fetch_open_orders() == []


def test_up_to_five_symbols_are_cancelled_in_one_call(
    venue: MexcSpotEmulator, mexc: Client
) -> None:
    mine = rest(venue, count=2)
    other = rest(venue, OTHER)

    gone = mexc.cancel_all_orders(PAIR)

    assert {order["id"] for order in gone} == {order.id for order in mine}
    assert list(venue.book.orders) == [other[0].id]
    assert len(mexc.spot_private_delete_openorders({"symbol": "BTCUSDT,ETHUSDT"})) == 1


def test_an_order_is_cancelled_by_id_once(venue: MexcSpotEmulator, mexc: Client) -> None:
    first, second = rest(venue, count=2)

    assert mexc.cancel_order(first.id, PAIR)["id"] == first.id

    assert list(venue.book.orders) == [second.id]
    with pytest.raises(ccxt.BadRequest, match="-2011"):
        mexc.cancel_order(first.id, PAIR)


def sell(mexc: Client, *, quantity: float, client_id: str = "close-1", price: int = 58200) -> None:
    mexc.create_order(
        PAIR, "limit", "sell", quantity, price, {"timeInForce": "IOC", "clientOrderId": client_id}
    )


def test_a_sale_fills_at_once_and_is_found_by_its_client_id(
    venue: MexcSpotEmulator, mexc: Client
) -> None:
    venue.book.balances["BTC"] = Decimal("0.4")

    sell(mexc, quantity=0.4)

    found = mexc.fetch_order("", PAIR, {"clientOrderId": "close-1"})
    assert (found["status"], found["filled"], found["average"]) == ("closed", 0.4, 60000.0)
    assert dict(venue.book.balances) == {"BTC": Decimal(0), "USDT": Decimal(24000)}
    with pytest.raises(ccxt.ExchangeError, match="-2013"):
        mexc.fetch_order("", PAIR, {"clientOrderId": "close-2"})


def test_what_does_not_fill_at_once_is_gone(venue: MexcSpotEmulator, mexc: Client) -> None:
    venue.book.balances["BTC"] = Decimal(1)
    venue.book.liquidity[PAIR] = Decimal("0.3")

    sell(mexc, quantity=1)
    sell(mexc, quantity=0.5, client_id="close-2", price=61000)

    partly = mexc.fetch_order("", PAIR, {"clientOrderId": "close-1"})
    assert (partly["status"], partly["filled"]) == ("canceled", 0.3)
    assert mexc.fetch_order("", PAIR, {"clientOrderId": "close-2"})["filled"] == 0.0
    assert not venue.book.orders


@pytest.mark.parametrize(
    ("quantity", "error", "code"),
    [
        ("0.00001", "InvalidOrder", "30002"),
        ("0.000012", "BadRequest", "400"),
        ("many", "BadRequest", "700008"),
        ("5", "InsufficientFunds", "30004"),
    ],
    ids=["dust", "too fine", "no figure", "more than there is"],
)
def test_a_sale_that_the_venue_cannot_make_is_refused(
    venue: MexcSpotEmulator, mexc: Client, quantity: str, error: str, code: str
) -> None:
    venue.book.balances["BTC"] = Decimal(1)
    order = {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "price": "58200"}

    with pytest.raises(getattr(ccxt, error), match=code):
        mexc.spot_private_post_order({**order, "quantity": quantity})
    assert dict(venue.book.balances) == {"BTC": Decimal(1)}


def test_a_client_id_is_good_for_one_order(venue: MexcSpotEmulator, mexc: Client) -> None:
    venue.book.balances["BTC"] = Decimal(1)
    sell(mexc, quantity=0.1)

    with pytest.raises(ccxt.BadRequest, match="603"):
        sell(mexc, quantity=0.1)
    assert venue.book.balances["BTC"] == Decimal("0.9")


def test_a_wrong_secret_and_an_unknown_key_are_refused(venue: MexcSpotEmulator) -> None:
    wrong = Credentials(key=venue.credentials.key, secret="no")
    unknown = Credentials(key="no", secret=venue.credentials.secret)
    rest(venue)

    with pytest.raises(ccxt.AuthenticationError, match="700002"):
        mexc_client(venue, wrong, market="spot").spot_private_delete_order_all()
    with pytest.raises(ccxt.BadRequest, match="10072"):
        mexc_client(venue, unknown, market="spot").spot_private_delete_order_all()
    assert len(venue.book.orders) == 1


@pytest.mark.parametrize(("seconds", "is_taken"), [(4, True), (6, False), (-2, False)])
def test_a_clock_may_be_late_by_five_seconds_and_ahead_by_one(
    venue: MexcSpotEmulator, mexc: Client, seconds: int, is_taken: bool
) -> None:
    rest(venue)
    venue.faults.add(Fault(kind=FaultKind.SKEW, call="cancel_all", amount=seconds))

    if is_taken:
        mexc.spot_private_delete_order_all()
    else:
        with pytest.raises(ccxt.InvalidNonce, match="700003"):
            mexc.spot_private_delete_order_all()
    assert (not venue.book.orders) is is_taken


def test_a_key_that_only_reads_cannot_cancel_and_says_so(
    venue: MexcSpotEmulator, mexc: Client
) -> None:
    reading = mexc_client(venue, venue.add_key(may_trade=False), market="spot")
    rest(venue)

    with pytest.raises(ccxt.AuthenticationError, match="700007"):
        reading.spot_private_delete_order_all()
    assert len(venue.book.orders) == 1
    assert reading.spot_private_get_account()["canTrade"] is False
    assert mexc.spot_private_get_account()["canTrade"] is True


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind=FaultKind.MESSAGE, message="429 Too Many Requests"), "RateLimitExceeded"),
        (Fault(kind=FaultKind.MESSAGE, message="something else"), "ExchangeError"),
        (Fault(kind=FaultKind.STATUS, status=503), "ExchangeNotAvailable"),
        (Fault(kind=FaultKind.MAINTENANCE), "OnMaintenance"),
        (Fault(kind=FaultKind.REVOKED), "BadRequest"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_faults_are_what_ccxt_makes_of_them(
    venue: MexcSpotEmulator, mexc: Client, fault: Fault, error: str
) -> None:
    rest(venue)
    venue.faults.add(fault)

    with pytest.raises(getattr(ccxt, error)):
        mexc.spot_private_delete_order_all()
    assert len(venue.book.orders) == 1


def test_a_ghost_cancels_and_then_answers_504(venue: MexcSpotEmulator, mexc: Client) -> None:
    rest(venue, count=2)
    venue.faults.add(Fault(kind=FaultKind.GHOST, call="cancel_all"))

    with pytest.raises(ccxt.RequestTimeout):
        mexc.spot_private_delete_order_all()
    assert mexc.fetch_open_orders() == []


def test_cancel_all_may_claim_more_than_it_did(venue: MexcSpotEmulator, mexc: Client) -> None:
    rest(venue, count=5)
    venue.faults.add(Fault(kind=FaultKind.PARTIAL, call="cancel_all", amount=2))
    venue.faults.add(Fault(kind=FaultKind.APPEAR, call="cancel_orders"))

    assert mexc.spot_private_delete_order_all()["code"] == 200
    assert len(venue.book.orders) == 3
    mexc.cancel_all_orders(PAIR)
    assert len(venue.book.orders) == 1


async def test_the_socket_answers_pings(venue: MexcSpotEmulator) -> None:
    async with connect(venue.urls["ws"]) as socket:
        await socket.send('{"method": "PING"}')
        assert '"PONG"' in await socket.recv()
        await socket.send('{"method": "SUBSCRIPTION", "params": ["spot@private.orders.v3.api.pb"]}')
        assert "spot@private.orders.v3.api.pb" in await socket.recv()


def test_a_listen_key_is_given_and_kept(mexc: Client) -> None:
    key = mexc.spot_private_post_userdatastream()["listenKey"]

    assert mexc.spot_private_put_userdatastream({"listenKey": key}) == {"listenKey": key}
