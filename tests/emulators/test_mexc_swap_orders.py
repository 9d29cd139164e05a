"""ccxt lists and cancels at the emulated MEXC swap market as at the real one."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from oms.domain.orders import OrderType
from tests.emulators.clients import Client, mexc_client
from tests.emulators.faults import Fault, FaultKind
from tests.emulators.mexc_swap import MexcSwapEmulator
from tests.emulators.mexc_swap_cases import OTHER, SWAP, rest

ccxt = pytest.importorskip("ccxt")


@pytest.fixture
def venue() -> Iterator[MexcSwapEmulator]:
    with MexcSwapEmulator() as venue:
        venue.book.prices.update({SWAP: Decimal(60000), OTHER: Decimal("3000.5")})
        yield venue


@pytest.fixture
def mexc(venue: MexcSwapEmulator) -> Client:
    return mexc_client(venue, venue.credentials, market="swap")


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
