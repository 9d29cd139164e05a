"""Every venue lists what is open, and ends it, the same way."""

from collections.abc import Callable
from functools import partial

import pytest

from oms.domain.orders import CancelAnswer, OrderSide, OrderType
from oms.venues.base import AuthFailed, Retryable, Unknown, VenueError
from tests.conformance.bench import Bench, Call, Trouble

MANY = 130


def ids_of(bench: Bench) -> set[str]:
    return {order.id for order in bench.adapter().open_orders().orders}


def test_an_account_without_orders_has_a_complete_empty_listing(bench: Bench) -> None:
    listing = bench.adapter().open_orders()

    assert listing.is_complete
    assert listing.orders == ()


def test_an_order_is_told_as_it_was_placed(bench: Bench) -> None:
    order_id = bench.place()

    (order,) = bench.adapter().open_orders().orders

    assert order.id == order_id
    assert order.instrument == bench.instrument
    assert (order.side, order.type) == (OrderSide.BUY, OrderType.LIMIT)
    assert (order.quantity, order.price) == (bench.size, bench.price / 2)
    assert not order.is_reduce_only
    assert order.created_at.tzinfo is not None


def test_a_trigger_order_is_listed_as_a_stop_at_its_trigger(bench: Bench) -> None:
    bench.hold("1")
    bench.place(side=OrderSide.SELL, order_type=OrderType.STOP)

    (order,) = bench.adapter().open_orders().orders

    assert (order.side, order.type) == (OrderSide.SELL, OrderType.STOP)
    assert order.price == bench.price / 2


def test_every_page_is_listed(bench: Bench) -> None:
    placed = {bench.place() for _ in range(MANY)}

    listing = bench.adapter().open_orders()

    assert listing.is_complete
    assert {order.id for order in listing.orders} == placed


def test_cancel_all_leaves_nothing_in_any_scope(bench: Bench) -> None:
    bench.hold("1")
    bench.place()
    bench.place(side=OrderSide.SELL, order_type=OrderType.STOP)

    bench.adapter().cancel_all()

    assert bench.open_ids() == set()
    assert ids_of(bench) == set()


def test_cancel_all_of_nothing_is_no_error(bench: Bench) -> None:
    bench.adapter().cancel_all()

    assert ids_of(bench) == set()


def test_by_id_only_those_that_are_named_end(bench: Bench) -> None:
    bench.hold("1")
    going = {bench.place(), bench.place(side=OrderSide.SELL, order_type=OrderType.STOP)}
    staying = bench.place()

    answers = bench.adapter().cancel_orders(sorted(going))

    assert bench.open_ids() == {staying}
    assert answers == dict.fromkeys(going, CancelAnswer.ACCEPTED)


def test_one_order_ends_by_its_id(bench: Bench) -> None:
    order_id = bench.place()

    assert bench.adapter().cancel_orders([order_id]) == {order_id: CancelAnswer.ACCEPTED}
    assert bench.open_ids() == set()


def test_many_orders_end_by_their_ids(bench: Bench) -> None:
    placed = [bench.place() for _ in range(MANY)]

    answers = bench.adapter().cancel_orders(placed)

    assert set(answers) == set(placed)
    assert bench.open_ids() == set()


def test_an_order_that_is_gone_is_no_error(bench: Bench) -> None:
    order_id = bench.place()
    bench.adapter().cancel_orders([order_id])

    answers = bench.adapter().cancel_orders([order_id])

    assert answers == {order_id: CancelAnswer.GONE}


def test_a_partial_cancel_is_seen_by_listing(bench: Bench) -> None:
    placed = {bench.place() for _ in range(3)}
    bench.trouble(Trouble.PARTIAL, Call.CANCEL_ALL)

    bench.adapter().cancel_all()

    assert ids_of(bench) == bench.open_ids() < placed
    assert len(bench.open_ids()) == len(placed) - 1


def test_an_order_that_appears_after_the_cancel_is_listed(bench: Bench) -> None:
    order_id = bench.place()
    bench.trouble(Trouble.APPEAR, Call.CANCEL_ALL)

    bench.adapter().cancel_all()

    (late,) = ids_of(bench)
    assert late != order_id


@pytest.mark.parametrize("trouble", [Trouble.GHOST, Trouble.HANG, Trouble.DOWN])
def test_a_cancel_without_an_answer_has_an_unknown_outcome(bench: Bench, trouble: Trouble) -> None:
    if bench.falls_back and trouble is Trouble.DOWN:
        pytest.skip(f"{bench.name} has another way")
    bench.place()
    bench.trouble(trouble, Call.CANCEL_ALL)

    with pytest.raises(Unknown):
        bench.adapter().cancel_all()

    assert ids_of(bench) == bench.open_ids()
    assert (bench.open_ids() == set()) is (trouble is Trouble.GHOST)


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (Trouble.HANG, Unknown),
        (Trouble.DOWN, Unknown),
        (Trouble.MALFORMED, Unknown),
        (Trouble.REVOKED, AuthFailed),
        (Trouble.SLOW_DOWN, Retryable),
    ],
)
@pytest.mark.parametrize("call", [Call.LIST, Call.CANCEL_ALL, Call.CANCEL_ORDERS])
def test_each_trouble_has_its_class(
    bench: Bench, call: Call, trouble: Trouble, expected: type[VenueError]
) -> None:
    if trouble not in bench.troubles:
        pytest.skip(f"{bench.name} knows no {trouble}")
    if bench.falls_back and (call, trouble) == (Call.CANCEL_ALL, Trouble.DOWN):
        pytest.skip(f"{bench.name} has another way")
    order_id = bench.place()
    bench.trouble(trouble, call)
    adapter = bench.adapter()
    verbs: dict[Call, Callable[[], object]] = {
        Call.LIST: adapter.open_orders,
        Call.CANCEL_ALL: adapter.cancel_all,
        Call.CANCEL_ORDERS: partial(adapter.cancel_orders, [order_id]),
    }

    with pytest.raises(expected):
        verbs[call]()
