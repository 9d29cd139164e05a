"""ccxt finds in the emulated MEXC swap market what it finds in the real one."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from oms.domain.credentials import Credentials
from portfolio.domain.holdings import Side
from tests.emulators.clients import Client, mexc_client
from tests.emulators.faults import Fault, FaultKind
from tests.emulators.fills import Position
from tests.emulators.mexc_swap import MexcSwapEmulator
from tests.emulators.mexc_swap_cases import LONG, OTHER, SHORT, SWAP, hold, order, rest

ccxt = pytest.importorskip("ccxt")


@pytest.fixture
def venue() -> Iterator[MexcSwapEmulator]:
    with MexcSwapEmulator() as venue:
        venue.book.prices.update({SWAP: Decimal(60000), OTHER: Decimal("3000.5")})
        yield venue


@pytest.fixture
def mexc(venue: MexcSwapEmulator) -> Client:
    return mexc_client(venue, venue.credentials, market="swap")


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
        mexc.contract_private_post_order_create({**order(4), **changes})
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
