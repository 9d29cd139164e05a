from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.close_plan import (
    Blocked,
    Close,
    Exposure,
    Obstacle,
    Residual,
    ResidualReason,
    limit_price,
    marketless,
    plan,
    position_exposure,
    spot_exposures,
)
from oms.domain.closing import (
    CloseStatus,
    Finding,
    IntentState,
    LookUp,
    Standing,
    client_id_of,
    next_standing,
    outcome_of,
)
from oms.domain.orders import OrderSide
from oms.venues.base import MarketRules
from portfolio.domain.holdings import Side
from tests.clock import NOON, after

RULES = MarketRules(
    quantity_step=Decimal("0.001"),
    min_quantity=Decimal("0.002"),
    min_notional=Decimal(5),
    price_step=Decimal("0.5"),
    is_tradable=True,
)
MARK = Decimal(60_000)
PERP = "BTC/USDT:USDT"
LISTED = frozenset({"BTC/USDT", "ETH/USD", "SOL/USDC"})

amounts = st.decimals(min_value="0.000001", max_value="1000000", places=6)
steps = st.sampled_from([Decimal(text) for text in ("0.00000001", "0.003", "0.1", "1", "7")])


def held(quantity: str, side: Side = Side.LONG) -> Exposure:
    return position_exposure(instrument=PERP, side=side, quantity=Decimal(quantity))


def decided(
    quantity: str,
    *,
    side: Side = Side.LONG,
    mark: Decimal | None = MARK,
    rules: MarketRules = RULES,
    is_settled: bool = True,
) -> Close | Residual | Blocked:
    return plan(held(quantity, side), rules=rules, mark=mark, is_settled=is_settled)


def spot(
    balances: dict[str, str], *, free: dict[str, str] | None = None, pegs: tuple[str, ...] = ()
) -> dict[str, Exposure]:
    found = spot_exposures(
        {asset: Decimal(total) for asset, total in balances.items()},
        free=None if free is None else {asset: Decimal(total) for asset, total in free.items()},
        currency="USDT",
        pegs=frozenset(pegs),
        listed=LISTED,
    )
    return {exposure.name: exposure for exposure in found}


class TestPlan:
    @pytest.mark.parametrize(
        ("side", "order_side", "limit"),
        [
            (Side.LONG, OrderSide.SELL, Decimal(58_200)),
            (Side.SHORT, OrderSide.BUY, Decimal(61_800)),
        ],
    )
    def test_it_is_one_order_of_the_other_side_that_names_the_position(
        self, side: Side, order_side: OrderSide, limit: Decimal
    ) -> None:
        assert decided("0.35", side=side) == Close(
            instrument=PERP,
            side=order_side,
            position_side=side,
            quantity=Decimal("0.35"),
            limit_price=limit,
        )

    def test_the_quantity_is_rounded_down_to_the_lot(self) -> None:
        close = decided("0.3599999")
        assert isinstance(close, Close)
        assert close.quantity == Decimal("0.359")

    @given(quantity=amounts, step=steps)
    def test_it_is_never_more_than_was_read_and_always_whole_lots(
        self, quantity: Decimal, step: Decimal
    ) -> None:
        rules = replace(RULES, quantity_step=step, min_quantity=step, min_notional=Decimal(0))
        close = plan(held(str(quantity)), rules=rules, mark=MARK, is_settled=True)
        if isinstance(close, Close):
            assert 0 < close.quantity <= quantity < close.quantity + step
            assert close.quantity % step == 0
        else:
            assert quantity < step

    def test_a_number_of_many_digits_is_never_rounded_up(self) -> None:
        quantity = Decimal("0." + "9" * 60)
        rules = replace(RULES, quantity_step=Decimal("0.1"), min_quantity=Decimal("0.1"))
        close = plan(held(str(quantity)), rules=rules, mark=MARK, is_settled=True)
        assert isinstance(close, Close)
        assert close.quantity == Decimal("0.9")

    @pytest.mark.parametrize(("quantity", "is_dust"), [("0.0019", True), ("0.002", False)])
    def test_below_the_least_quantity_it_is_dust(self, quantity: str, is_dust: bool) -> None:
        found = decided(quantity)
        assert isinstance(found, Residual) is is_dust

    @pytest.mark.parametrize(("mark", "is_dust"), [("2499.99", True), ("2500", False)])
    def test_below_the_least_notional_it_is_dust(self, mark: str, is_dust: bool) -> None:
        found = decided("0.002", mark=Decimal(mark))
        assert isinstance(found, Residual) is is_dust

    def test_what_an_inverse_contract_is_worth_needs_no_price(self) -> None:
        exposure = position_exposure(
            instrument="BTC/USD:BTC",
            side=Side.LONG,
            quantity=Decimal(4),
            contract_size=Decimal(1),
            is_inverse=True,
        )
        rules = replace(RULES, quantity_step=Decimal(1), min_quantity=Decimal(1))
        found = plan(exposure, rules=rules, mark=MARK, is_settled=True)
        assert isinstance(found, Residual)

    @pytest.mark.parametrize(
        ("found", "obstacle"),
        [
            (decided("1", mark=None), Obstacle.NO_FRESH_MARK),
            (decided("1", is_settled=False), Obstacle.UNSETTLED),
            (decided("1", rules=replace(RULES, is_tradable=False)), Obstacle.NOT_TRADABLE),
        ],
    )
    def test_what_is_in_the_way_is_named(self, found: object, obstacle: Obstacle) -> None:
        assert found == Blocked(instrument=PERP, obstacle=obstacle)


class TestLimit:
    @given(mark=amounts, step=st.sampled_from([Decimal("0.00000001"), Decimal("0.000001")]))
    def test_it_lies_at_most_three_per_cent_through_the_mark(
        self, mark: Decimal, step: Decimal
    ) -> None:
        sold = limit_price(mark, side=OrderSide.SELL, step=step)
        bought = limit_price(mark, side=OrderSide.BUY, step=step)
        assert sold >= mark * Decimal("0.97")
        assert step <= bought <= max(mark * Decimal("1.03"), step)
        assert sold % step == bought % step == 0

    def test_it_is_rounded_towards_the_mark(self) -> None:
        step = Decimal(1)
        assert limit_price(Decimal(101), side=OrderSide.SELL, step=step) == 98
        assert limit_price(Decimal(101), side=OrderSide.BUY, step=step) == 104


class TestSpot:
    def test_an_asset_is_sold_for_the_reference_currency_else_for_other_cash(self) -> None:
        found = spot({"BTC": "1", "ETH": "2", "USDT": "5"})
        assert {name: exposure.instrument for name, exposure in found.items()} == {
            "BTC": "BTC/USDT",
            "ETH": "ETH/USD",
        }
        assert all(exposure.position_side is None for exposure in found.values())

    def test_only_what_is_free_is_sold(self) -> None:
        exposure = spot({"BTC": "1"}, free={"BTC": "0.25"})["BTC"]
        close = plan(exposure, rules=RULES, mark=MARK, is_settled=True)
        assert isinstance(close, Close)
        assert close.quantity == Decimal("0.25")
        locked = spot({"BTC": "1"}, free={})["BTC"]
        assert plan(locked, rules=RULES, mark=MARK, is_settled=True) == Residual(
            name="BTC", side=Side.LONG, quantity=Decimal(1), reason=ResidualReason.LOCKED
        )

    @pytest.mark.parametrize(
        ("balances", "pegs", "reason"),
        [
            ({"USDC": "3"}, (), ResidualReason.CASH),
            ({"DAI": "3"}, ("DAI",), ResidualReason.CASH),
            ({"DAI": "3"}, (), ResidualReason.NO_MARKET),
            ({"BTC": "-1"}, (), ResidualReason.DEBT),
            ({"USDT": "-1"}, (), ResidualReason.DEBT),
        ],
    )
    def test_what_no_market_takes_stays_and_says_why(
        self, balances: dict[str, str], pegs: tuple[str, ...], reason: ResidualReason
    ) -> None:
        (exposure,) = spot(balances, pegs=pegs).values()
        stays = marketless(exposure)
        assert stays is not None
        assert stays.reason is reason


class TestClientId:
    def test_the_same_attempt_has_the_same_id_and_any_other_another(self) -> None:
        facts = {
            "cause": "trip:7",
            "opened_at": NOON,
            "account_id": 3,
            "instrument": PERP,
            "position_side": Side.LONG,
            "number": 1,
        }
        other = {
            "cause": "trip:8",
            "opened_at": after(1),
            "account_id": 4,
            "instrument": "ETH/USDT:USDT",
            "position_side": Side.SHORT,
            "number": 2,
        }
        first = client_id_of(**facts)  # type: ignore[arg-type]
        assert first == client_id_of(**facts)  # type: ignore[arg-type]
        ids = {client_id_of(**{**facts, key: value}) for key, value in other.items()}  # type: ignore[arg-type]
        assert len(ids | {first}) == 1 + len(other)
        assert len(first) == 32
        assert int(first, 16)


class TestOutcome:
    @pytest.mark.parametrize(
        ("filled", "seconds", "told", "state", "is_used_up"),
        [
            ("0.1", 0, {}, IntentState.FILLED, True),
            ("0", 0, {}, IntentState.GONE, True),
            ("0.1", 0, {"is_open": True}, IntentState.UNKNOWN, False),
            (None, 4.9, {}, IntentState.UNKNOWN, False),
            (None, 5, {}, IntentState.GONE, False),
            (None, 0, {"is_undone": True}, IntentState.GONE, False),
            (None, 0, {"is_undone": True, "is_refused": True}, IntentState.GONE, True),
            ("0.1", 0, {"is_undone": True, "is_refused": True}, IntentState.FILLED, True),
        ],
    )
    def test_only_a_look_up_says_what_became_of_an_order(
        self,
        filled: str | None,
        seconds: float,
        told: dict[str, bool],
        state: IntentState,
        is_used_up: bool,
    ) -> None:
        found = LookUp(
            filled=None if filled is None else Decimal(filled),
            **{"is_open": False, **told},
            sent_at=NOON,
            asked_at=after(seconds),
        )
        outcome = outcome_of(found)
        assert (outcome.state, outcome.is_used_up) == (state, is_used_up)


class TestStanding:
    BEGUN = Standing(
        status=CloseStatus.CLOSING,
        failures=0,
        next_attempt_at=NOON,
        confirmed_at=None,
        read_at=None,
        unconfirmed_since=NOON,
    )

    def found(
        self,
        *,
        seconds: float = 0,
        is_flat: bool | None = False,
        **more: Any,  # noqa: ANN401
    ) -> Finding:
        found = Finding(
            is_flat=is_flat,
            has_residuals=False,
            has_progressed=False,
            read_at=after(seconds),
            answered_at=after(seconds),
        )
        return replace(found, **more)

    def test_flat_is_what_a_reading_says(self) -> None:
        flat = next_standing(self.BEGUN, self.found(seconds=3, is_flat=True))
        assert flat.status is CloseStatus.FLAT
        assert (flat.confirmed_at, flat.next_attempt_at) == (after(3), after(8))

    def test_what_stays_makes_it_residual(self) -> None:
        found = self.found(is_flat=True, has_residuals=True)
        assert next_standing(self.BEGUN, found).status is CloseStatus.RESIDUAL

    @pytest.mark.parametrize(
        ("seconds", "status"), [(59.9, CloseStatus.CLOSING), (60, CloseStatus.NEEDS_HUMAN)]
    )
    def test_a_human_is_asked_after_sixty_seconds(
        self, seconds: float, status: CloseStatus
    ) -> None:
        assert next_standing(self.BEGUN, self.found(seconds=seconds)).status is status

    def test_a_human_is_asked_at_once_where_trying_does_not_help(self) -> None:
        found = self.found(is_flat=None, is_fatal=True)
        assert next_standing(self.BEGUN, found).status is CloseStatus.NEEDS_HUMAN

    def test_it_waits_longer_each_time_and_not_after_a_fill(self) -> None:
        standing, waits = self.BEGUN, []
        for _ in range(5):
            standing = next_standing(standing, self.found())
            waits.append((standing.next_attempt_at - NOON).total_seconds())
        assert waits == [1, 2, 4, 8, 8]
        filled = next_standing(standing, self.found(has_progressed=True))
        assert filled.next_attempt_at - NOON == timedelta(seconds=1)

    @pytest.mark.parametrize(
        ("seconds", "status"), [(15, CloseStatus.FLAT), (15.1, CloseStatus.CLOSING)]
    )
    def test_what_was_flat_is_called_so_for_fifteen_seconds_without_a_reading(
        self, seconds: float, status: CloseStatus
    ) -> None:
        flat = next_standing(self.BEGUN, self.found(is_flat=True))
        silent = self.found(seconds=seconds, is_flat=None)
        assert next_standing(flat, silent).status is status

    def test_what_came_back_begins_a_new_count(self) -> None:
        flat = next_standing(self.BEGUN, self.found(is_flat=True))
        again = next_standing(flat, self.found(seconds=100))
        assert (again.status, again.unconfirmed_since) == (CloseStatus.CLOSING, after(100))
