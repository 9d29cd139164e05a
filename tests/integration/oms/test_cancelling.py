import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks
from redis import Redis

from oms.domain.cancel import LegStatus, Outcome
from oms.domain.orders import OrderSide, OrderType
from oms.models import CancelLeg, PaperVerb
from oms.models import PaperCall as Call
from oms.models import PaperFaultKind as Fault
from oms.services import cancelling
from portfolio.domain.holdings import AccountKind, VenueKind
from portfolio.models import VenueAccount
from riskconsole.alerts.models import Alert, Level
from riskconsole.wake import wait
from tests.integration.oms.desk import (
    BTC_SPOT,
    NOON,
    Desk,
    actions,
    leg_of,
    make_venue,
    outcomes_of,
    status_of,
)


class TestOpenCancelRun:
    def test_opens_one_leg_per_account_and_wakes_the_sweep_once_they_are_committed(
        self,
        desk: Desk,
        redis: Redis,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        paper = desk.account()
        manual = VenueAccount.objects.create(
            portfolio=desk.portfolio,
            venue=make_venue("manual", VenueKind.MANUAL),
            slug="cash",
            kind=AccountKind.SPOT,
        )

        with django_capture_on_commit_callbacks(execute=True):
            desk.trip()
            was_woken_before = redis.exists(cancelling.LEGS_WAKE)

        assert status_of(paper) is LegStatus.PENDING
        assert CancelLeg.objects.get(account=manual).status == LegStatus.NOT_CONNECTED
        assert (was_woken_before, wait(cancelling.LEGS_WAKE, seconds=1)) == (0, True)

    def test_is_the_same_run_for_the_same_cause(self, desk: Desk) -> None:
        desk.account()

        assert desk.trip() == desk.trip()
        assert CancelLeg.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_refuses_a_caller_without_a_transaction(self, flushable_db: None) -> None:
        with pytest.raises(cancelling.NoTransaction, match="trip:1"):
            cancelling.open_cancel_run(
                portfolio_id=1, cause="trip:1", keep_reduce_only=False, now=NOON
            )

    def test_covers_an_account_that_joins_a_halted_portfolio(self, desk: Desk) -> None:
        desk.trip()
        joined = desk.account("late")

        cancelling._cover_new_accounts(now=desk.now)

        assert status_of(joined) is LegStatus.PENDING


class TestSendCancelLeg:
    def test_needs_two_empty_listings_a_second_apart(self, desk: Desk) -> None:
        paper = desk.account()
        desk.place(paper)
        desk.trip()

        desk.attend(seconds=0.5)
        after_the_first = status_of(paper), outcomes_of(paper)
        desk.attend(seconds=1)
        desk.attend(seconds=0.5)

        assert after_the_first == (LegStatus.PENDING, [Outcome.CANCELLED])
        assert status_of(paper) is LegStatus.EMPTY

    def test_leaves_a_manual_account_to_people(self, desk: Desk) -> None:
        account = VenueAccount.objects.create(
            portfolio=desk.portfolio,
            venue=make_venue("manual", VenueKind.MANUAL),
            slug="cash",
            kind=AccountKind.SPOT,
        )
        desk.trip()

        desk.attend(seconds=120)

        leg = CancelLeg.objects.get(account=account)
        assert (leg.status, leg.attempts) == (LegStatus.NOT_CONNECTED, 0)

    def test_asks_for_a_human_where_there_is_no_connection_and_goes_on_trying(
        self, desk: Desk
    ) -> None:
        account = VenueAccount.objects.create(
            portfolio=desk.portfolio,
            venue=make_venue("kraken", VenueKind.EXCHANGE),
            slug="kraken",
            kind=AccountKind.SPOT,
        )
        desk.trip()

        desk.attend(seconds=20)

        leg = CancelLeg.objects.get(account=account)
        assert (leg.status, leg.attempts > 3) == (LegStatus.NEEDS_HUMAN, True)
        assert "kraken has no key" in leg.error
        assert Alert.objects.filter(level=Level.NEEDS_HUMAN).count() == 1

    def test_cancels_130_orders_over_pages(self, desk: Desk) -> None:
        paper = desk.account()
        for _ in range(130):
            desk.place(paper)
        desk.trip()

        desk.attend(seconds=2)

        assert status_of(paper) is LegStatus.EMPTY
        assert outcomes_of(paper) == [Outcome.CANCELLED] * 130
        assert paper.journal.filter(verb=PaperVerb.CANCELLED).count() == 130

    def test_writes_one_entry_for_each_change_and_none_for_a_repeated_answer(
        self, desk: Desk
    ) -> None:
        paper = desk.account()
        desk.place(paper)
        desk.trip()

        desk.attend(seconds=30)

        assert leg_of(paper).attempts > 5
        assert actions() == ["oms.cancel_leg.settled", "oms.cancel_leg.settled"]


class TestKeepReduceOnly:
    def test_keeps_what_can_only_reduce_and_cancels_the_rest(self, desk: Desk) -> None:
        paper = desk.account()
        stop = desk.place(
            paper, side=OrderSide.SELL, order_type=OrderType.STOP, is_reduce_only=True
        )
        desk.place(paper)
        desk.trip(keep_reduce_only=True)

        desk.attend(seconds=2)

        assert list(paper.orders.all()) == [stop]
        assert sorted(outcomes_of(paper)) == [Outcome.CANCELLED, Outcome.KEPT]
        assert status_of(paper) is LegStatus.EMPTY

    def test_off_by_default_so_that_everything_goes(self, desk: Desk) -> None:
        paper = desk.account()
        desk.place(paper, side=OrderSide.SELL, is_reduce_only=True)
        desk.trip()

        desk.attend(seconds=2)

        assert outcomes_of(paper) == [Outcome.CANCELLED]

    def test_keeps_stop_sells_of_a_spot_account_up_to_the_holding(self, desk: Desk) -> None:
        paper = desk.account(kind=AccountKind.SPOT, balances={"BTC": "1", "USDT": "10"})
        for quantity in ("0.6", "0.4", "0.1"):
            desk.place(
                paper,
                instrument=BTC_SPOT,
                side=OrderSide.SELL,
                order_type=OrderType.STOP,
                quantity=quantity,
            )
        desk.trip(keep_reduce_only=True)

        desk.attend(seconds=2)

        assert outcomes_of(paper) == [Outcome.CANCELLED, Outcome.KEPT, Outcome.KEPT]

    def test_cancels_nothing_blindly_while_it_cannot_list(self, desk: Desk) -> None:
        paper = desk.account()
        desk.place(paper, is_reduce_only=True)
        desk.fault(paper, Fault.RETRYABLE, Call.OPEN_ORDERS, remaining=3)
        desk.trip(keep_reduce_only=True)

        desk.attend(seconds=10)

        assert paper.orders.count() == 1


def test_without_a_listing_everything_is_cancelled_all_the_same(desk: Desk) -> None:
    paper = desk.account()
    desk.place(paper)
    desk.fault(paper, Fault.RETRYABLE, Call.OPEN_ORDERS, remaining=9)
    desk.trip()

    desk.attend()

    assert not paper.orders.exists()
    assert status_of(paper) is LegStatus.PENDING
