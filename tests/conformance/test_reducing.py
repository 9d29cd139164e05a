"""Every venue reduces at once or not at all, and knows an order by its client id."""

from decimal import Decimal

import pytest

from oms.domain.orders import OrderSide
from oms.venues.base import ReduceOrder, Rejected, Unknown
from portfolio.domain.holdings import AccountKind, Side
from tests.conformance.bench import Bench, Call, Trouble

CLIENT_ID = "0123456789abcdef0123456789abcdef"
OTHER_ID = "f" * 32


@pytest.fixture(autouse=True)
def _holding(bench: Bench) -> None:
    bench.own(bench.cash, "1000")
    bench.hold(str(bench.lot))


def order(bench: Bench, *, at: Decimal, quantity: Decimal | None = None) -> ReduceOrder:
    return ReduceOrder(
        client_id=CLIENT_ID,
        instrument=bench.instrument,
        side=OrderSide.SELL,
        position_side=None if bench.kind == AccountKind.SPOT else Side.LONG,
        quantity=quantity or bench.lot,
        limit_price=at,
    )


def test_a_reduction_through_the_price_fills(bench: Bench) -> None:
    adapter = bench.adapter()

    adapter.reduce(order(bench, at=bench.price * Decimal("0.97")))
    found = adapter.find_order(client_id=CLIENT_ID, instrument=bench.instrument)

    assert bench.held() == 0
    assert found is not None
    assert (found.filled, found.is_open) == (bench.lot, False)


def test_a_reduction_short_of_the_price_is_gone_at_once(bench: Bench) -> None:
    adapter = bench.adapter()

    adapter.reduce(order(bench, at=bench.price * Decimal("1.03")))
    found = adapter.find_order(client_id=CLIENT_ID, instrument=bench.instrument)

    assert bench.held() == bench.lot
    assert bench.open_ids() == set()
    assert found is None or (found.filled, found.is_open) == (Decimal(0), False)


def test_an_order_that_was_never_sent_is_not_found(bench: Bench) -> None:
    found = bench.adapter().find_order(client_id=OTHER_ID, instrument=bench.instrument)

    assert found is None


def test_a_ghost_is_found_by_its_client_id(bench: Bench) -> None:
    bench.trouble(Trouble.GHOST, Call.REDUCE)
    adapter = bench.adapter()

    with pytest.raises(Unknown):
        adapter.reduce(order(bench, at=bench.price * Decimal("0.97")))
    found = adapter.find_order(client_id=CLIENT_ID, instrument=bench.instrument)

    assert found is not None
    assert found.filled == bench.lot


def test_a_client_id_is_taken_once(bench: Bench) -> None:
    adapter = bench.adapter()
    adapter.reduce(order(bench, at=bench.price * Decimal("0.97"), quantity=bench.lot / 2))

    with pytest.raises(Rejected):
        adapter.reduce(order(bench, at=bench.price * Decimal("0.97"), quantity=bench.lot / 2))

    assert bench.held() == bench.lot / 2


def test_what_the_venue_demands_of_an_order_is_known(bench: Bench) -> None:
    rules = bench.adapter().market_rules(bench.instrument)

    assert rules.is_tradable
    assert rules.quantity_step > 0
    assert rules.price_step > 0
    assert rules.min_quantity >= 0
