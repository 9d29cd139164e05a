from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import connection, transaction
from redis import Redis

from oms.domain.cancel import LegStatus
from oms.domain.close_plan import ResidualReason
from oms.domain.closing import CloseStatus, IntentState
from oms.domain.orders import OrderSide
from oms.models import CloseIntent, CloseLeg, CloseRun, PaperReduction
from oms.models import PaperCall as Call
from oms.models import PaperFaultKind as Fault
from oms.selectors import closes_of, open_closes_of
from oms.services import closing
from oms.services.cancelling import NoTransaction
from portfolio.domain.holdings import AccountKind, Side, VenueKind
from portfolio.models import Portfolio, VenueAccount
from riskconsole.alerts.models import Alert, Level
from tests.integration.oms.closing_desk import (
    MAX_MARK_AGE,
    PRICE,
    ClosingDesk,
    close_leg_of,
    close_status_of,
    position_of,
)
from tests.integration.oms.desk import BTC_SPOT, actions, make_venue, no_ticks, status_of


@pytest.fixture
def closing_desk(db: None, redis: Redis) -> ClosingDesk:
    return ClosingDesk()


def is_closing() -> bool:
    return Portfolio.objects.get().is_closing


class TestOpening:
    def test_a_run_commits_with_what_opens_it(self, closing_desk: ClosingDesk) -> None:
        closing_desk.account()
        with transaction.atomic():
            closing_desk.close()
            transaction.set_rollback(True)
        assert not CloseRun.objects.exists()
        assert not is_closing()

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.usefixtures("flushable_db")
    def test_it_needs_a_transaction(self) -> None:
        desk = ClosingDesk()
        with pytest.raises(NoTransaction):
            closing.open_close_run(
                portfolio_id=desk.portfolio.pk,
                cause="trip:1",
                max_mark_age=MAX_MARK_AGE,
                is_held=True,
                now=desk.now,
            )

    def test_the_same_cause_is_the_same_run(self, closing_desk: ClosingDesk) -> None:
        closing_desk.account()
        assert closing_desk.close() == closing_desk.close()
        assert CloseLeg.objects.count() == 1

    def test_a_manual_account_has_no_leg(self, closing_desk: ClosingDesk) -> None:
        VenueAccount.objects.create(
            portfolio=closing_desk.portfolio,
            venue=make_venue("manual", VenueKind.MANUAL),
            slug="by-hand",
            kind=AccountKind.SPOT,
        )
        closing_desk.close()
        assert not CloseLeg.objects.exists()
        assert not is_closing()

    def test_a_run_by_hand_takes_over_another_by_hand(self, closing_desk: ClosingDesk) -> None:
        paper = closing_desk.account(long="0.1")
        first = closing_desk.close(cause="flatten:1", is_held=False)
        closing_desk.close(cause="flatten:2", is_held=False)
        first.refresh_from_db()
        assert first.ended_at == closing_desk.now
        assert close_leg_of(paper).run.cause == "flatten:2"
        assert CloseLeg.objects.filter(is_ended=False).count() == 1

    def test_a_run_by_hand_leaves_what_the_trip_closes(self, closing_desk: ClosingDesk) -> None:
        closing_desk.account(long="0.1")
        closing_desk.close()
        with pytest.raises(closing.AlreadyClosing, match="perp is closed by trip:1"):
            closing_desk.close(cause="flatten:1", is_held=False)

    def test_a_trip_takes_over_whatever_there_is(self, closing_desk: ClosingDesk) -> None:
        paper = closing_desk.account(long="0.1")
        closing_desk.close(cause="trip:0")
        closing_desk.close(cause="trip:1")
        assert close_leg_of(paper).run.cause == "trip:1"


class TestClosing:
    @pytest.mark.parametrize(
        ("side", "order_side"), [(Side.LONG, OrderSide.SELL), (Side.SHORT, OrderSide.BUY)]
    )
    def test_a_position_is_closed_by_one_order_of_the_other_side(
        self, closing_desk: ClosingDesk, side: Side, order_side: OrderSide
    ) -> None:
        paper = closing_desk.account()
        closing_desk.hold(paper, "0.35")
        paper.positions.update(side=side)
        closing_desk.trip()
        closing_desk.close()

        closing_desk.work(seconds=3)

        assert not paper.positions.exists()
        assert close_status_of(paper) is CloseStatus.FLAT
        intent = CloseIntent.objects.get()
        assert (intent.side, intent.position_side) == (order_side, side)
        assert (intent.state, intent.filled) == (IntentState.FILLED, Decimal("0.35"))
        assert intent.quantity <= intent.held
        assert actions().count("oms.close_intent.sent") == 1
        assert actions().count("oms.close_intent.settled") == 1

    def test_coins_are_sold_and_cash_and_dust_stay(self, closing_desk: ClosingDesk) -> None:
        balances = {"BTC": "0.5", "USDT": "100", "USDC": "7", "ETH": "0.0000001", "XYZ": "3"}
        paper = closing_desk.account("spot", kind=AccountKind.SPOT, balances=balances)
        closing_desk.price(BTC_SPOT)
        closing_desk.price("ETH/USDT")
        closing_desk.close()

        closing_desk.work()

        totals = dict(paper.balances.values_list("asset", "total"))
        assert (totals["BTC"], totals["USDT"]) == (Decimal(0), Decimal(30_100))
        (row,) = closes_of(cause="trip:1")
        assert row.status is CloseStatus.RESIDUAL
        assert {left.name: left.reason for left in row.residuals} == {
            "ETH": ResidualReason.DUST,
            "USDC": ResidualReason.CASH,
            "XYZ": ResidualReason.NO_MARKET,
        }
        assert Alert.objects.get().level == Level.WARNING

    def test_what_a_kept_order_holds_is_not_sold(self, closing_desk: ClosingDesk) -> None:
        paper = closing_desk.account("spot", kind=AccountKind.SPOT, balances={"BTC": "0.5"})
        closing_desk.price(BTC_SPOT)
        closing_desk.place(paper, instrument=BTC_SPOT, side=OrderSide.SELL, quantity="0.2")
        closing_desk.close()

        closing_desk.work()

        assert paper.balances.get(asset="BTC").total == Decimal("0.2")
        assert close_leg_of(paper).residuals[0]["reason"] == ResidualReason.LOCKED

    def test_nothing_is_sent_before_the_orders_are_gone(self, closing_desk: ClosingDesk) -> None:
        paper = closing_desk.account(long="0.1")
        closing_desk.fault(paper, Fault.UNKNOWN, Call.OPEN_ORDERS, remaining=20)
        closing_desk.trip()
        closing_desk.close()

        closing_desk.work(seconds=10)

        assert status_of(paper) is LegStatus.PENDING
        assert close_leg_of(paper).attempts == 0
        leg = CloseLeg.objects.select_related(*closing.ATTENDED).get()
        closing.send_close_leg(leg=leg, now=closing_desk.now, ticks=no_ticks)
        assert not CloseIntent.objects.exists()

    def test_what_waited_for_its_orders_has_sixty_seconds_of_its_own(
        self, closing_desk: ClosingDesk
    ) -> None:
        paper = closing_desk.account(long="0.1")
        closing_desk.trip()
        closing_desk.close()
        closing_desk.now += timedelta(seconds=100)
        closing_desk.work(is_priced=False)
        closing_desk.work(seconds=3, is_priced=False)

        assert close_leg_of(paper).attempts > 0
        assert close_status_of(paper) is CloseStatus.CLOSING

    @pytest.mark.parametrize(("seconds", "is_sent"), [(10, True), (10.1, False)])
    def test_only_a_fresh_mark_is_measured_from(
        self, closing_desk: ClosingDesk, seconds: float, is_sent: bool
    ) -> None:
        paper = closing_desk.account(long="0.1")
        closing_desk.price()
        closing_desk.close()
        closing_desk.now += timedelta(seconds=seconds)

        closing_desk.work(is_priced=False)

        assert CloseIntent.objects.exists() is is_sent
        if not is_sent:
            assert close_leg_of(paper).blocked[0]["obstacle"] == "NO_FRESH_MARK"

    def test_the_limit_is_collared(self, closing_desk: ClosingDesk) -> None:
        closing_desk.account(long="0.1")
        closing_desk.close()
        closing_desk.work()
        assert CloseIntent.objects.get().limit_price == PRICE * Decimal("0.97")

    def test_it_goes_on_until_it_is_flat(self, closing_desk: ClosingDesk) -> None:
        paper = closing_desk.account(long="1")
        closing_desk.fault(paper, Fault.PARTIAL, Call.REDUCE, amount=50, remaining=3)
        closing_desk.close()

        closing_desk.work(seconds=20)

        assert close_status_of(paper) is CloseStatus.FLAT
        rows = CloseIntent.objects.order_by("pk")
        filled = [str(row.filled) for row in rows]
        assert filled == ["0.5", "0.25", "0.125", "0.125"]
        assert [row.number for row in rows] == [1, 2, 3, 4]

    def test_only_what_is_meant_is_closed(self, closing_desk: ClosingDesk) -> None:
        one = closing_desk.account("one", long="0.1")
        other = closing_desk.account("other", long="0.1")
        closing_desk.close(cause="flatten:1", is_held=False, account="one")
        closing_desk.work(seconds=3)
        assert (position_of(one), position_of(other)) == (Decimal(0), Decimal("0.1"))
        closing_desk.close(cause="flatten:2", is_held=False, instrument="ETH/USDT:USDT")
        closing_desk.work(seconds=3)
        assert position_of(other) == Decimal("0.1")
        assert close_status_of(other) is CloseStatus.FLAT


class TestClosingFlag:
    def test_the_portfolio_says_so_until_the_last_account_is_flat(
        self, closing_desk: ClosingDesk
    ) -> None:
        one, other = closing_desk.account("one", long="0.1"), closing_desk.account("two", long="1")
        closing_desk.fault(other, Fault.RETRYABLE, Call.SNAPSHOT, remaining=4)
        closing_desk.close()
        closing_desk.work()
        assert close_status_of(one) is CloseStatus.FLAT
        assert is_closing()
        assert [row.account for row in open_closes_of(portfolio_id=closing_desk.portfolio.pk)] == [
            "two"
        ]
        closing_desk.work(seconds=30)
        assert not is_closing()

    def test_the_end_takes_the_fence_of_every_leg(self, closing_desk: ClosingDesk) -> None:
        paper = closing_desk.account(long="0.1")
        run = closing_desk.close()
        leg = close_leg_of(paper)
        with transaction.atomic():
            closing.end_close_runs(portfolio_id=closing_desk.portfolio.pk, now=closing_desk.now)
        assert close_leg_of(paper).fence == leg.fence + 1
        run.refresh_from_db()
        assert run.ended_at == closing_desk.now
        assert not is_closing()
        closing_desk.work(seconds=3)
        assert position_of(paper) == Decimal("0.1")


class TestHold:
    def test_what_appears_again_is_closed_again_and_reported(
        self, closing_desk: ClosingDesk
    ) -> None:
        paper = closing_desk.account(long="0.1")
        closing_desk.trip()
        closing_desk.close()
        closing_desk.work(seconds=3)
        closing_desk.hold(paper, "0.4")

        closing_desk.work(seconds=10)

        assert position_of(paper) == 0
        assert close_status_of(paper) is CloseStatus.FLAT
        assert "Something to close again on main/perp" in Alert.objects.values_list(
            "subject", flat=True
        )

    def test_a_run_by_hand_ends_when_it_is_flat(self, closing_desk: ClosingDesk) -> None:
        paper = closing_desk.account(long="0.1")
        run = closing_desk.close(cause="flatten:1", is_held=False)
        closing_desk.work(seconds=3)
        run.refresh_from_db()
        assert run.ended_at is not None
        closing_desk.hold(paper, "0.4")
        closing_desk.work(seconds=10)
        assert position_of(paper) == Decimal("0.4")


class TestFaults:
    @pytest.mark.parametrize("fault", [Fault.GHOST, Fault.HANG, Fault.UNKNOWN, Fault.RETRYABLE])
    def test_a_fault_on_the_way_closes_once(self, closing_desk: ClosingDesk, fault: Fault) -> None:
        paper = closing_desk.account(long="0.3")
        closing_desk.fault(paper, fault, Call.REDUCE)
        closing_desk.close()

        closing_desk.work(seconds=20)

        assert close_status_of(paper) is CloseStatus.FLAT
        assert PaperReduction.objects.get().filled == Decimal("0.3")
        assert CloseIntent.objects.get().state == IntentState.FILLED

    def test_what_timed_out_is_not_sent_again_before_it_can_be_gone(
        self, closing_desk: ClosingDesk
    ) -> None:
        paper = closing_desk.account(long="0.3")
        closing_desk.fault(paper, Fault.HANG, Call.REDUCE)
        closing_desk.close()
        closing_desk.work(seconds=4.75)
        assert actions().count("oms.close_intent.sent") == 1
        assert CloseIntent.objects.get().state == IntentState.UNKNOWN
        closing_desk.work(seconds=10)
        assert actions().count("oms.close_intent.sent") == 2
        assert close_status_of(paper) is CloseStatus.FLAT

    def test_what_cannot_be_looked_up_is_not_sent_again(self, closing_desk: ClosingDesk) -> None:
        paper = closing_desk.account(long="0.3")
        closing_desk.fault(paper, Fault.GHOST, Call.REDUCE)
        closing_desk.fault(paper, Fault.UNKNOWN, Call.FIND_ORDER, remaining=1000)
        closing_desk.close()

        closing_desk.work(seconds=70)

        assert PaperReduction.objects.count() == 1
        assert close_status_of(paper) is CloseStatus.NEEDS_HUMAN
        assert is_closing()

    def test_a_refused_order_gets_another_client_id(self, closing_desk: ClosingDesk) -> None:
        paper = closing_desk.account(long="0.3")
        closing_desk.fault(paper, Fault.REJECTED, Call.REDUCE)
        closing_desk.close()
        closing_desk.work(seconds=5)
        assert close_status_of(paper) is CloseStatus.FLAT
        assert [row.state for row in CloseIntent.objects.order_by("pk")] == [
            IntentState.GONE,
            IntentState.FILLED,
        ]

    def test_a_key_that_is_refused_asks_for_a_human_at_once(
        self, closing_desk: ClosingDesk
    ) -> None:
        paper = closing_desk.account(long="0.3")
        closing_desk.fault(paper, Fault.AUTH_FAILED, Call.SNAPSHOT)
        closing_desk.close()
        closing_desk.work()
        assert close_status_of(paper) is CloseStatus.NEEDS_HUMAN
        assert Alert.objects.get().level == Level.NEEDS_HUMAN
        closing_desk.work(seconds=5)
        assert close_status_of(paper) is CloseStatus.FLAT
        assert close_leg_of(paper).needs_human_since is None

    def test_a_human_is_asked_once_while_it_goes_on_trying(self, closing_desk: ClosingDesk) -> None:
        paper = closing_desk.account(long="0.3")
        closing_desk.close()
        closing_desk.work(seconds=120, is_priced=False)
        assert close_status_of(paper) is CloseStatus.NEEDS_HUMAN
        assert Alert.objects.count() == 1
        closing_desk.work(seconds=10)
        assert close_status_of(paper) is CloseStatus.FLAT

    def test_a_worker_that_hangs_does_not_keep_a_human_from_being_asked(
        self, closing_desk: ClosingDesk
    ) -> None:
        paper = closing_desk.account(long="0.3")
        closing_desk.close()
        CloseLeg.objects.update(attempts=1, lease_until=closing_desk.now + timedelta(seconds=110))
        for job in closing.sweep_closes(now=closing_desk.now + timedelta(seconds=60)):
            job.join()
        assert close_status_of(paper) is CloseStatus.NEEDS_HUMAN


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("flushable_db", "sent_tasks", "redis")
def test_ten_workers_send_one_order() -> None:
    desk = ClosingDesk()
    paper = desk.account(long="0.3")
    desk.price()
    desk.close()
    (leg,) = closing.due_closes(now=desk.now)
    barrier = Barrier(10)

    def work() -> None:
        try:
            mine = CloseLeg.objects.select_related(*closing.ATTENDED).get(pk=leg.pk)
            barrier.wait()
            closing.send_close_leg(leg=mine, now=desk.now, ticks=no_ticks)
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert close_leg_of(paper).attempts == 1
    assert PaperReduction.objects.get().filled == Decimal("0.3")
    assert close_status_of(paper) is CloseStatus.FLAT
