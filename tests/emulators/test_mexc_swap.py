"""ccxt finds in the emulated MEXC swap market what it finds in the real one."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from oms.domain.credentials import Credentials
from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import Side
from tests.emulators.clients import Client, mexc_client
from tests.emulators.faults import Fault, FaultKind
from tests.emulators.fills import Position
from tests.emulators.mexc_swap import MexcSwapEmulator
from tests.emulators.orders import Order

ccxt = pytest.importorskip("ccxt")

SWAP = "BTC/USDT:USDT"
OTHER = "ETH/USDT:USDT"
LONG = (SWAP, Side.LONG)
SHORT = (SWAP, Side.SHORT)


@pytest.fixture
def venue() -> Iterator[MexcSwapEmulator]:
    with MexcSwapEmulator() as venue:
        venue.book.prices.update({SWAP: Decimal(60000), OTHER: Decimal("3000.5")})
        yield venue


@pytest.fixture
def mexc(venue: MexcSwapEmulator) -> Client:
    return mexc_client(venue, venue.credentials, market="swap")


def rest(
    venue: MexcSwapEmulator, *, count: int = 1, type_: OrderType = OrderType.LIMIT
) -> list[Order]:
    return [
        venue.book.place(
            instrument=SWAP,
            side=OrderSide.BUY,
            type=type_,
            quantity=Decimal(10),
            price=Decimal(1000 if type_ is OrderType.LIMIT else 90000),
        )
        for _ in range(count)
    ]


def hold(
    venue: MexcSwapEmulator,
    key: tuple[str, Side] = LONG,
    *,
    quantity: int = 1500,
    entry: int = 50000,
) -> None:
    venue.book.positions[key] = Position(quantity=Decimal(quantity), entry_price=Decimal(entry))


def order(side: int, **changes: object) -> dict[str, object]:
    """Return an order as it goes over the wire: at the market, with the side's number."""
    return {"symbol": "BTC_USDT", "vol": 1500, "side": side, "type": 5, "openType": 2, **changes}


def test_equity_counts_what_positions_earned_and_ccxts_total_does_not(
    venue: MexcSwapEmulator, mexc: Client
) -> None:
    venue.book.balances["USDT"] = Decimal(1000)
    hold(venue)

    balance = mexc.fetch_balance()

    (row,) = balance["info"]["data"]
    # 1500 contracts of 0.0001 BTC from 50,000 to 60,000; a twentieth of 7,500 is margin.
    assert (row["equity"], row["unrealized"], row["positionMargin"]) == (2500, 1500, 375)
    assert balance["total"]["USDT"] == 625.0


def test_both_sides_of_one_contract_stand_side_by_side(
    venue: MexcSwapEmulator, mexc: Client
) -> None:
    hold(venue)
    hold(venue, SHORT, quantity=20, entry=61000)

    held = {row["side"]: row for row in mexc.fetch_positions()}

    long, short = held["long"], held["short"]
    assert (long["contracts"], long["contractSize"], long["entryPrice"]) == (1500, 0.0001, 50000)
    assert (short["contracts"], short["entryPrice"], short["marginMode"]) == (20, 61000, "cross")


def test_contracts_tell_their_size_and_whether_the_interface_may_trade_them(
    venue: MexcSwapEmulator, mexc: Client
) -> None:
    venue.halted.add(OTHER)

    markets = mexc.load_markets()

    assert markets[SWAP]["contractSize"] == 0.0001
    assert markets[SWAP]["info"]["apiAllowed"] is True
    assert markets[OTHER]["info"]["apiAllowed"] is False


def test_one_ticker_is_an_object_and_all_are_a_list(venue: MexcSwapEmulator, mexc: Client) -> None:
    one = mexc.fetch_ticker(OTHER)

    assert (one["last"], one["info"]["fairPrice"]) == (3000.5, 3000.5)
    assert one["timestamp"] is not None
    assert set(mexc.fetch_tickers()) == {SWAP, OTHER}
    assert isinstance(mexc.fetch_time(), int)


def test_130_orders_are_a_page_of_a_hundred_and_one_of_thirty(
    venue: MexcSwapEmulator, mexc: Client
) -> None:
    rest(venue, count=130)

    first = mexc.fetch_open_orders()
    second = mexc.fetch_open_orders(params={"page_num": 2})

    assert (len(first), len(second)) == (100, 30)
    assert {row["id"] for row in first + second} == set(venue.book.orders)
    assert mexc.fetch_open_orders(params={"page_num": 3}) == []
    assert (first[0]["price"], first[0]["amount"], first[0]["status"]) == (1000.0, 10.0, "open")


def test_orders_and_trigger_orders_are_listed_and_cancelled_apart(
    venue: MexcSwapEmulator, mexc: Client
) -> None:
    (resting,) = rest(venue)
    (stop,) = rest(venue, type_=OrderType.STOP)

    assert [row["id"] for row in mexc.fetch_open_orders()] == [resting.id]
    (listed,) = mexc.fetch_open_orders(params={"trigger": True})
    assert (listed["id"], listed["triggerPrice"]) == (stop.id, 90000.0)

    mexc.contract_private_post_order_cancel_all()
    assert list(venue.book.orders) == [stop.id]
    mexc.contract_private_post_planorder_cancel_all()
    assert not venue.book.orders
    assert mexc.fetch_open_orders(params={"trigger": True}) == []


def test_cancel_all_may_be_of_one_contract(venue: MexcSwapEmulator, mexc: Client) -> None:
    rest(venue)

    mexc.cancel_all_orders(OTHER)
    assert len(venue.book.orders) == 1
    mexc.cancel_all_orders(SWAP)
    assert not venue.book.orders


def test_every_cancelled_id_is_answered_for_itself(venue: MexcSwapEmulator, mexc: Client) -> None:
    first, second, third = rest(venue, count=3)

    mexc.cancel_order(first.id)
    answer = mexc.contract_private_post_order_cancel([first.id, second.id, "7"])

    codes = {row["orderId"]: row["errorCode"] for row in answer["data"]}
    assert codes == {first.id: 2041, second.id: 0, "7": 2040}
    assert list(venue.book.orders) == [third.id]


def test_a_trigger_order_is_cancelled_by_id_only_in_its_own_scope(
    venue: MexcSwapEmulator, mexc: Client
) -> None:
    (stop,) = rest(venue, type_=OrderType.STOP)

    with pytest.raises(ccxt.InvalidOrder, match="order not exist"):
        mexc.cancel_order(stop.id, SWAP)
    mexc.cancel_order(stop.id, SWAP, {"trigger": True})

    assert not venue.book.orders
    with pytest.raises(ccxt.ExchangeError, match="2040"):
        mexc.cancel_order(stop.id, SWAP, {"trigger": True})


@pytest.mark.parametrize(("key", "side"), [(SHORT, 2), (LONG, 4)])
def test_a_side_closes_the_position_that_it_names(
    venue: MexcSwapEmulator, mexc: Client, key: tuple[str, Side], side: int
) -> None:
    hold(venue, SHORT)
    hold(venue, LONG)

    mexc.contract_private_post_order_create(order(side))

    assert set(venue.book.positions) == {LONG, SHORT} - {key}


@pytest.mark.parametrize("side", [2, 4])
def test_a_close_without_its_position_is_refused_and_opens_nothing(
    venue: MexcSwapEmulator, mexc: Client, side: int
) -> None:
    with pytest.raises(ccxt.InvalidOrder, match="2009"):
        mexc.contract_private_post_order_create(order(side))
    assert not venue.book.positions


def test_more_than_there_is_cannot_be_closed(venue: MexcSwapEmulator, mexc: Client) -> None:
    hold(venue, quantity=1499)

    with pytest.raises(ccxt.ExchangeError, match="2008"):
        mexc.contract_private_post_order_create(order(4))
    assert venue.book.positions[LONG].quantity == 1499


@pytest.mark.parametrize(
    ("params", "is_hit"),
    [
        ({"reduceOnly": True}, False),
        ({"reduceOnly": True, "hedged": True}, True),
    ],
    ids=["one-way closes the short", "hedged closes the long"],
)
def test_the_hedge_trap_is_seen_in_the_book(
    venue: MexcSwapEmulator, mexc: Client, params: dict[str, Any], is_hit: bool
) -> None:
    """A buy is meant to close the short; ccxt's `hedged` makes it close the long."""
    hold(venue, SHORT)
    hold(venue, LONG)

    mexc.create_order(SWAP, "market", "buy", 1500, None, params)

    assert (LONG not in venue.book.positions) is is_hit
    assert (SHORT in venue.book.positions) is is_hit


def test_a_buy_that_is_no_close_opens_beside_the_short(
    venue: MexcSwapEmulator, mexc: Client
) -> None:
    hold(venue, SHORT)

    mexc.create_order(SWAP, "market", "buy", 1500)

    assert venue.book.positions[SHORT].quantity == 1500
    assert venue.book.positions[LONG] == Position(
        quantity=Decimal(1500), entry_price=Decimal(60000)
    )


def test_a_close_that_fills_at_once_is_found_by_its_external_id(
    venue: MexcSwapEmulator, mexc: Client
) -> None:
    hold(venue)
    venue.book.liquidity[SWAP] = Decimal(1000)

    mexc.contract_private_post_order_create(order(4, type=3, price=58200, externalOid="close-1"))

    asked = {"symbol": "BTC_USDT", "external_oid": "close-1"}
    found = mexc.contract_private_get_order_external_symbol_external_oid(asked)["data"]
    assert (found["state"], found["dealVol"], found["dealAvgPrice"]) == (4, 1000, 60000)
    assert mexc.fetch_order(found["orderId"], SWAP)["filled"] == 1000.0
    assert venue.book.positions[LONG].quantity == 500
    assert venue.book.balances["USDT"] == 1000
    with pytest.raises(ccxt.ExchangeError, match="2040"):
        mexc.contract_private_get_order_external_symbol_external_oid(
            {**asked, "external_oid": "close-2"}
        )


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"externalOid": "x" * 33}, "ExchangeError", "2030"),
        ({"vol": 0.5}, "BadRequest", "2011"),
        ({"vol": "many"}, "BadRequest", "600"),
        ({"side": 5}, "BadRequest", "600"),
        ({"type": 4, "price": 58200}, "ExchangeError", "2029"),
        ({"type": 3, "price": 58200.001}, "ExchangeError", "2015"),
        ({"symbol": "NO_USDT"}, "BadSymbol", "1001"),
        ({"symbol": "ETH_USDT"}, "InvalidOrder", "1002"),
    ],
    ids=[
        "long id",
        "half a contract",
        "no figure",
        "no side",
        "no such type",
        "too fine a price",
        "unlisted",
        "closed to programs",
    ],
)
def test_an_order_that_the_venue_does_not_take_is_refused(
    venue: MexcSwapEmulator, mexc: Client, changes: dict[str, object], error: str, code: str
) -> None:
    hold(venue)
    venue.halted.add(OTHER)

    with pytest.raises(getattr(ccxt, error), match=code):
        mexc.contract_private_post_order_create(order(4, **changes))
    assert venue.book.positions[LONG].quantity == 1500


def test_an_external_id_of_32_letters_is_good_for_one_order(
    venue: MexcSwapEmulator, mexc: Client
) -> None:
    hold(venue)
    closing = order(4, vol=500, externalOid="x" * 32)
    mexc.contract_private_post_order_create(closing)

    with pytest.raises(ccxt.BadRequest, match="603"):
        mexc.contract_private_post_order_create(closing)
    assert venue.book.positions[LONG].quantity == 1000


def test_close_all_flattens_every_position(venue: MexcSwapEmulator, mexc: Client) -> None:
    hold(venue)
    hold(venue, SHORT)
    hold(venue, (OTHER, Side.LONG), entry=3000)

    mexc.close_all_positions()

    assert mexc.fetch_positions() == []


def test_a_wrong_secret_and_an_unknown_key_are_refused(venue: MexcSwapEmulator) -> None:
    wrong = Credentials(key=venue.credentials.key, secret="no")
    unknown = Credentials(key="no", secret=venue.credentials.secret)
    rest(venue)

    with pytest.raises(ccxt.AuthenticationError, match="602"):
        mexc_client(venue, wrong, market="swap").contract_private_post_order_cancel_all()
    with pytest.raises(ccxt.AuthenticationError, match="402"):
        mexc_client(venue, unknown, market="swap").contract_private_post_order_cancel_all()
    assert len(venue.book.orders) == 1


@pytest.mark.parametrize(("seconds", "is_taken"), [(9, True), (11, False), (-2, False)])
def test_a_clock_may_be_late_by_ten_seconds_and_ahead_by_one(
    venue: MexcSwapEmulator, mexc: Client, seconds: int, is_taken: bool
) -> None:
    rest(venue)
    venue.faults.add(Fault(kind=FaultKind.SKEW, call="cancel_all", amount=seconds))

    if is_taken:
        mexc.contract_private_post_order_cancel_all()
    else:
        with pytest.raises(ccxt.BadRequest, match="513"):
            mexc.contract_private_post_order_cancel_all()
    assert (not venue.book.orders) is is_taken


def test_a_key_that_only_reads_cannot_cancel(venue: MexcSwapEmulator) -> None:
    reading = mexc_client(venue, venue.add_key(may_trade=False), market="swap")
    rest(venue)

    with pytest.raises(ccxt.PermissionDenied, match="704"):
        reading.contract_private_post_order_cancel_all()
    assert len(reading.fetch_open_orders()) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind=FaultKind.MESSAGE, message="510 Too frequent"), "RateLimitExceeded"),
        (Fault(kind=FaultKind.MESSAGE, message="604 Not open"), "OnMaintenance"),
        (Fault(kind=FaultKind.STATUS, status=503), "ExchangeNotAvailable"),
        (Fault(kind=FaultKind.MAINTENANCE), "OnMaintenance"),
        (Fault(kind=FaultKind.REVOKED), "AuthenticationError"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_faults_are_what_ccxt_makes_of_them(
    venue: MexcSwapEmulator, mexc: Client, fault: Fault, error: str
) -> None:
    rest(venue)
    venue.faults.add(fault)

    with pytest.raises(getattr(ccxt, error)):
        mexc.contract_private_post_order_cancel_all()
    assert len(venue.book.orders) == 1


def test_a_ghost_closes_and_then_answers_504(venue: MexcSwapEmulator, mexc: Client) -> None:
    hold(venue)
    venue.faults.add(Fault(kind=FaultKind.GHOST, call="reduce"))

    with pytest.raises(ccxt.RequestTimeout):
        mexc.contract_private_post_order_create(order(4))
    assert mexc.fetch_positions() == []


def test_cancel_all_may_claim_more_than_it_did(venue: MexcSwapEmulator, mexc: Client) -> None:
    rest(venue, count=5)
    venue.faults.add(Fault(kind=FaultKind.PARTIAL, call="cancel_all", amount=2))
    venue.faults.add(Fault(kind=FaultKind.APPEAR, call="cancel_all"))

    assert mexc.contract_private_post_order_cancel_all()["success"] is True
    assert len(venue.book.orders) == 3
    mexc.contract_private_post_order_cancel_all()
    assert len(venue.book.orders) == 1


def test_an_order_that_a_fault_kept_is_not_called_gone(
    venue: MexcSwapEmulator, mexc: Client
) -> None:
    first, second = rest(venue, count=2)
    venue.faults.add(Fault(kind=FaultKind.PARTIAL, call="cancel_orders", amount=1))

    answer = mexc.contract_private_post_order_cancel([first.id, second.id])

    assert [row["errorCode"] for row in answer["data"]] == [0, 500]


@pytest.fixture
async def stream(venue: MexcSwapEmulator) -> Any:  # noqa: ANN401 - ccxt has no types
    exchange = mexc_client(venue, venue.credentials, market="swap", is_pro=True)
    yield exchange
    await exchange.close()


async def test_the_socket_tells_one_ticker_as_it_changes(
    venue: MexcSwapEmulator, stream: Client
) -> None:
    assert (await stream.watch_ticker(SWAP))["last"] == 60000.0

    venue.book.prices[SWAP] = Decimal(59000)

    ticker = await stream.watch_ticker(SWAP)
    assert (ticker["last"], ticker["info"]["fairPrice"]) == (59000.0, 59000)
    assert ticker["timestamp"] is not None


async def test_the_socket_tells_all_tickers(venue: MexcSwapEmulator, stream: Client) -> None:
    assert set(await stream.watch_tickers()) == {SWAP, OTHER}

    venue.book.prices[OTHER] = Decimal(2900)

    tickers = await stream.watch_tickers()
    assert (tickers[OTHER]["last"], tickers[SWAP]["last"]) == (2900.0, 60000.0)


async def test_who_signed_in_is_told_of_balances_and_orders(
    venue: MexcSwapEmulator, stream: Client
) -> None:
    await stream.load_markets()
    told = asyncio.gather(stream.watch_balance(), stream.watch_orders())
    await asyncio.to_thread(venue.signed_in.wait, 5)

    venue.book.balances["USDT"] = Decimal(700)
    (placed,) = rest(venue)

    balance, (listed,) = await asyncio.wait_for(told, 5)
    assert balance["USDT"]["free"] == 700.0
    assert (listed["id"], listed["status"]) == (placed.id, "open")


async def test_a_stalled_socket_stays_open_and_tells_nothing(
    venue: MexcSwapEmulator, stream: Client
) -> None:
    await stream.watch_ticker(SWAP)
    venue.faults.add(Fault(kind=FaultKind.STALL))
    venue.book.prices[SWAP] = Decimal(59000)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stream.watch_ticker(SWAP), 0.1)

    venue.faults.clear()
    venue.book.prices[SWAP] = Decimal(58000)
    assert (await stream.watch_ticker(SWAP))["last"] == 58000.0
