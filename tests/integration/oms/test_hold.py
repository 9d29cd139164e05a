from datetime import timedelta

import pytest

from oms.domain.cancel import LegStatus, Outcome
from oms.domain.orders import OrderSide
from oms.models import CancelLeg, CancelRun, LegOrder
from oms.models import PaperFaultKind as Fault
from oms.selectors import HAS_GROWN, grown_of
from portfolio.domain.holdings import AccountKind
from portfolio.models import VenueAccount
from riskconsole.alerts.models import Alert, Level
from tests.integration.oms.desk import (
    BTC_PERP,
    NOON,
    Desk,
    actions,
    leg_of,
    outcomes_of,
    status_of,
)


class TestHold:
    def test_a_new_order_is_gone_within_ten_seconds_and_reported(self, desk: Desk) -> None:
        paper = desk.account()
        desk.trip()
        desk.attend(seconds=20)
        order = desk.place(paper, at=desk.now)

        desk.attend(seconds=10)

        assert not paper.orders.exists()
        assert status_of(paper) is LegStatus.EMPTY
        row = LegOrder.objects.get()
        assert (row.order_id, row.outcome) == (str(order.pk), Outcome.CANCELLED)
        assert (row.is_late, row.is_disobedient) == (True, True)
        assert "oms.disobedience.seen" in actions()
        assert Alert.objects.get().level == Level.NEEDS_HUMAN

    def test_an_empty_leg_is_not_empty_until_the_new_order_is_confirmed_gone(
        self, desk: Desk
    ) -> None:
        paper = desk.account()
        desk.trip()
        desk.attend(seconds=2)
        desk.place(paper, at=desk.now)

        seen = []
        for _ in range(14):
            desk.attend(seconds=0.5)
            seen.append(status_of(paper))

        assert LegStatus.PENDING in seen
        assert seen[-1] is LegStatus.EMPTY

    @pytest.mark.parametrize(
        ("seconds", "action"), [(12, "oms.late_order.seen"), (12.5, "oms.disobedience.seen")]
    )
    def test_an_order_that_a_lease_can_excuse_is_no_disobedience(
        self, desk: Desk, seconds: float, action: str
    ) -> None:
        paper = desk.account()
        desk.trip()
        desk.attend(seconds=20)
        desk.place(paper, at=NOON + timedelta(seconds=seconds))

        desk.attend(seconds=10)

        assert action in actions()

    def test_a_bot_that_goes_on_is_told_once_and_recorded_each_time(self, desk: Desk) -> None:
        paper = desk.account()
        desk.trip()
        desk.attend(seconds=20)
        for _ in range(3):
            desk.place(paper, at=desk.now)
            desk.attend(seconds=10)

        assert actions().count("oms.disobedience.seen") == 3
        assert Alert.objects.count() == 1

    def test_a_reduce_only_order_placed_by_hand_is_left_alone_and_listed(self, desk: Desk) -> None:
        paper = desk.account()
        desk.trip()
        desk.attend(seconds=3)
        by_hand = desk.place(paper, at=desk.now, side=OrderSide.SELL, is_reduce_only=True)
        bad = desk.place(paper, at=desk.now)

        desk.attend(seconds=15)

        assert list(paper.orders.all()) == [by_hand]
        assert status_of(paper) is LegStatus.EMPTY
        assert LegOrder.objects.get(order_id=str(by_hand.pk)).outcome == Outcome.KEPT
        assert LegOrder.objects.get(order_id=str(bad.pk)).outcome == Outcome.CANCELLED

    def test_a_reduce_only_order_placed_by_hand_raises_no_alarm(self, desk: Desk) -> None:
        paper = desk.account()
        desk.trip()
        desk.attend(seconds=20)
        desk.place(paper, at=desk.now, side=OrderSide.SELL, is_reduce_only=True)

        desk.attend(seconds=15)

        assert not Alert.objects.exists()
        assert "oms.disobedience.seen" not in actions()

    def test_one_that_is_there_before_the_first_attempt_outlives_it(self, desk: Desk) -> None:
        paper = desk.account()
        desk.place(paper)
        desk.trip()
        desk.now += timedelta(seconds=1)
        by_hand = desk.place(paper, at=desk.now, side=OrderSide.SELL, is_reduce_only=True)

        desk.attend(seconds=3)

        assert list(paper.orders.all()) == [by_hand]
        assert outcomes_of(paper) == [Outcome.CANCELLED, Outcome.KEPT]

    def test_a_venue_that_falls_silent_is_not_called_empty_for_long(self, desk: Desk) -> None:
        paper = desk.account()
        desk.trip()
        desk.attend(seconds=2)
        desk.fault(paper, Fault.RETRYABLE, remaining=10_000)

        desk.attend(seconds=8)
        at_first = status_of(paper)
        desk.attend(seconds=20)
        later = status_of(paper)
        desk.attend(seconds=80)

        assert (at_first, later) == (LegStatus.EMPTY, LegStatus.PENDING)
        assert status_of(paper) is LegStatus.NEEDS_HUMAN

    def test_an_ended_run_is_left_alone(self, desk: Desk) -> None:
        paper = desk.account()
        desk.trip()
        desk.attend(seconds=2)
        CancelRun.objects.update(ended_at=desk.now)
        CancelLeg.objects.update(is_ended=True)
        desk.place(paper, at=desk.now)

        desk.attend(seconds=30)

        assert paper.orders.count() == 1


class TestGrowth:
    def test_a_position_that_grew_asks_for_a_human_once(self, desk: Desk) -> None:
        paper = desk.account(long="0.2")
        desk.trip()
        desk.attend(seconds=2)
        desk.hold(paper, "0.3")

        desk.attend(seconds=20)

        (row,) = grown_of(leg_of(paper))
        assert (row.instrument, str(row.quantity), str(row.grown_to)) == (BTC_PERP, "0.2", "0.3")
        assert CancelLeg.objects.get(HAS_GROWN) == leg_of(paper)
        assert Alert.objects.get().subject == "Positions grew on main/perp"
        assert actions().count("oms.position.grown") == 1

    def test_a_position_that_shrank_or_stayed_raises_nothing(self, desk: Desk) -> None:
        paper = desk.account(long="0.2")
        desk.trip()
        desk.attend(seconds=8)
        desk.hold(paper, "0.1")

        desk.attend(seconds=20)

        assert not Alert.objects.exists()
        assert not CancelLeg.objects.filter(HAS_GROWN).exists()

    def test_a_coin_bought_on_spot_is_seen_although_no_order_rested(self, desk: Desk) -> None:
        paper = desk.account(kind=AccountKind.SPOT, balances={"USDT": "10000"})
        desk.trip()
        desk.attend(seconds=2)
        paper.balances.create(asset="BTC", total="0.1")
        paper.balances.filter(asset="USDT").update(total="4000")

        desk.attend(seconds=10)

        assert [row.instrument for row in grown_of(leg_of(paper))] == ["BTC"]

    def test_without_a_snapshot_before_the_trip_the_first_one_is_the_baseline(
        self, desk: Desk
    ) -> None:
        paper = desk.account()
        VenueAccount.objects.update(as_of=None)
        desk.hold(paper, "0.2")
        desk.trip()

        desk.attend(seconds=10)
        desk.hold(paper, "0.25")
        desk.attend(seconds=10)

        assert [str(row.grown_to) for row in grown_of(leg_of(paper))] == ["0.25"]
