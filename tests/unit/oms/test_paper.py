from decimal import Decimal
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.orders import OrderSide, OrderType
from oms.domain.paper import (
    CRASH_STEPS,
    Lot,
    has_crossed,
    next_price,
    opening_price,
    perp_fill,
)
from portfolio.domain.holdings import Side

START = Decimal(60000)


def walk(*, seed: int, steps: int, is_crashing: bool = False) -> list[Decimal]:
    prices = [START]
    for step in range(steps):
        prices.append(
            next_price(
                prices[-1],
                seed=seed,
                instrument="BTC/USDT",
                step=step,
                is_crashing=is_crashing,
            )
        )
    return prices


class TestNextPrice:
    def test_is_the_same_walk_for_the_same_seed(self) -> None:
        assert walk(seed=1, steps=50) == walk(seed=1, steps=50)
        assert walk(seed=1, steps=50) != walk(seed=2, steps=50)

    def test_moves_in_steps_that_no_outlier_bound_holds(self) -> None:
        prices = walk(seed=7, steps=500)

        assert all(abs(after / before - 1) < Decimal("0.001") for before, after in pairwise(prices))

    @pytest.mark.parametrize("seed", range(5))
    def test_a_crash_takes_about_eight_percent(self, seed: int) -> None:
        last = walk(seed=seed, steps=CRASH_STEPS, is_crashing=True)[-1]

        assert Decimal("0.91") < last / START < Decimal("0.93")

    @given(st.decimals(min_value="0.00000001", max_value="1e14", places=8))
    def test_stays_positive(self, price: Decimal) -> None:
        assert next_price(price, seed=1, instrument="X/Y", step=1, is_crashing=True) > 0


@pytest.mark.parametrize(
    ("side", "order_type", "filling", "missing"),
    [
        (OrderSide.BUY, OrderType.LIMIT, "100", "100.01"),
        (OrderSide.SELL, OrderType.LIMIT, "100", "99.99"),
        (OrderSide.BUY, OrderType.STOP, "100", "99.99"),
        (OrderSide.SELL, OrderType.STOP, "100", "100.01"),
    ],
)
def test_an_order_fills_at_its_price_and_not_before(
    side: OrderSide, order_type: OrderType, filling: str, missing: str
) -> None:
    is_filled_at = partial(has_crossed, side=side, order_type=order_type, price=Decimal(100))

    assert is_filled_at(mark=Decimal(filling))
    assert not is_filled_at(mark=Decimal(missing))


def fill(
    lots: dict[Side, Lot], side: OrderSide, quantity: str, *, is_reduce_only: bool = False
) -> tuple[dict[Side, Lot], Decimal]:
    result = perp_fill(
        lots,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(110),
        is_reduce_only=is_reduce_only,
    )
    return dict(result.lots), result.realized


def lot(quantity: str, entry: str) -> Lot:
    return Lot(quantity=Decimal(quantity), entry_price=Decimal(entry))


class TestPerpFill:
    def test_averages_the_entry_of_a_growing_side(self) -> None:
        assert fill({Side.LONG: lot("1", "100")}, OrderSide.BUY, "1") == (
            {Side.LONG: lot("2", "105")},
            Decimal(0),
        )

    def test_closes_the_other_side_first_and_turns_with_the_rest(self) -> None:
        assert fill({Side.LONG: lot("1", "100")}, OrderSide.SELL, "3") == (
            {Side.SHORT: lot("2", "110")},
            Decimal(10),
        )

    def test_a_short_earns_on_the_way_down_only(self) -> None:
        assert fill({Side.SHORT: lot("1", "100")}, OrderSide.BUY, "1") == ({}, Decimal(-10))

    def test_reduce_only_never_turns(self) -> None:
        assert fill({Side.LONG: lot("1", "100")}, OrderSide.SELL, "3", is_reduce_only=True) == (
            {},
            Decimal(10),
        )

    def test_reduce_only_without_a_position_does_nothing(self) -> None:
        assert fill({}, OrderSide.SELL, "3", is_reduce_only=True) == ({}, Decimal(0))


def test_an_unknown_market_opens_where_its_order_lies() -> None:
    assert opening_price("DOGE/USDT", hint=Decimal("0.2")) == Decimal("0.2")
    assert opening_price("BTC/USDT", hint=Decimal("0.2")) == 60000
