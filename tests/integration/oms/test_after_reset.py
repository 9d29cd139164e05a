"""A reset lets the desk trade again: no leg touches what is placed from then on."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from oms.domain.cancel import LegStatus, Outcome
from oms.models import CancelLeg, CancelRun, LegOrder, PaperAccount
from oms.models import PaperCall as Call
from oms.models import PaperFaultKind as Fault
from oms.services import cancelling, leases
from oms.services.attempts import Attempt, Stopwatch
from oms.services.feeding import take_snapshot
from oms.services.settling import settle
from oms.venues.paper import PaperAdapter
from portfolio.domain.quality import Health, QualityLimits, assess
from portfolio.models import Portfolio, VenueAccount
from portfolio.selectors import stored_book_of
from tests.integration.oms.desk import Desk, actions, leg_of, no_ticks, outcomes_of, status_of


def reset(desk: Desk, *excepted: str) -> None:
    cancelling.end_cancel_run(cause="trip:1", excepted=excepted, now=desk.now)


class TestFences:
    def test_an_attempt_in_flight_sends_nothing_more(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paper = desk.account()
        desk.place(paper)
        desk.trip()
        resetting_during(monkeypatch, PaperAdapter.open_orders, lambda: reset(desk))

        desk.attend()

        assert paper.orders.count() == 1
        assert not LegOrder.objects.exists()

    def test_nor_does_it_send_what_is_left_by_id(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paper = desk.account()
        for _ in range(3):
            desk.place(paper)
        desk.fault(paper, Fault.PARTIAL, Call.CANCEL_ALL, amount=1)
        desk.trip()
        resetting_during(monkeypatch, PaperAdapter.cancel_all, lambda: reset(desk))

        desk.attend()

        assert paper.orders.count() == 2

    def test_it_settles_nothing(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        paper = desk.account()
        desk.trip()
        desk.attend()
        before = CancelLeg.objects.values().get()
        desk.now += timedelta(seconds=1)
        resetting_during(monkeypatch, PaperAdapter.open_orders, lambda: reset(desk))

        desk.attend()

        leg = leg_of(paper)
        assert (leg.status, leg.listed_at) == (before["status"], before["listed_at"])
        assert leg.is_ended
        assert "oms.cancel_leg.settled" not in actions()

    def test_an_older_fence_of_a_leg_that_goes_on_settles_nothing(self, desk: Desk) -> None:
        paper = desk.account()
        desk.trip()
        leg = cancelling.due_legs(now=desk.now)[0]
        assert leases.claim(leg, now=desk.now)
        attempt: Attempt = cancelling._attempt_on(leg, watch=Stopwatch(desk.now, no_ticks))
        reset(desk, "perp")

        attempt.run()

        assert settle(leg_id=leg.pk, fence=leg.fence, attempt=attempt) is LegStatus.PENDING
        assert leg_of(paper).attempts == 1
        assert leg_of(paper).listed_at is None


def resetting_during(
    monkeypatch: pytest.MonkeyPatch, call: Callable[..., object], reset_now: Callable[[], None]
) -> None:
    """Let the reset commit while the venue answers this call for the first time."""
    done: list[bool] = []

    def answering(self: PaperAdapter, *args: object) -> object:
        answer = call(self, *args)
        if not done:
            done.append(True)
            reset_now()
        return answer

    monkeypatch.setattr(PaperAdapter, call.__name__, answering)


class TestEnded:
    @pytest.mark.parametrize("is_empty", [False, True])
    def test_every_leg_ends_and_new_orders_stay(self, desk: Desk, is_empty: bool) -> None:
        paper = desk.account()
        desk.trip()
        desk.attend(seconds=2 if is_empty else 0)
        assert (status_of(paper) is LegStatus.EMPTY) == is_empty
        reset(desk)
        desk.place(paper, at=desk.now)

        desk.attend(seconds=60)

        assert paper.orders.count() == 1
        assert CancelRun.objects.get().ended_at is not None
        assert leg_of(paper).is_ended
        assert not cancelling.due_legs(now=desk.now) + cancelling.due_holds(now=desk.now)

    def test_no_sweep_asks_the_venue(self, desk: Desk) -> None:
        desk.account()
        desk.trip()
        desk.attend(seconds=2)
        reset(desk)
        desk.now += timedelta(seconds=60)

        assert not cancelling.sweep_legs(now=desk.now)
        assert not cancelling.sweep_holds(now=desk.now)
        assert not cancelling.attend_new(now=desk.now)

    def test_an_account_that_was_added_later_gets_no_leg(self, desk: Desk) -> None:
        desk.account()
        desk.trip()
        reset(desk)
        later = desk.account("later")

        cancelling.sweep_holds(now=desk.now)

        assert not CancelLeg.objects.filter(account=later.account).exists()

    def test_a_manual_account_has_nothing_to_go_on_with(self, desk: Desk) -> None:
        paper = desk.account()
        desk.trip()
        CancelLeg.objects.update(status=LegStatus.NOT_CONNECTED)

        reset(desk, "perp")

        assert leg_of(paper).is_ended


class TestExcepted:
    @pytest.fixture
    def paper(self, desk: Desk) -> PaperAccount:
        """Return an account that nobody could empty, accepted by a reset a minute later."""
        paper = desk.account()
        desk.place(paper)
        desk.place(paper)
        desk.trip()
        desk.fault(paper, Fault.RETRYABLE, remaining=6)
        desk.attend(seconds=1)
        desk.now += timedelta(seconds=60)
        reset(desk, "perp")
        return paper

    def test_its_leg_cancels_what_was_there_and_ends(self, desk: Desk, paper: PaperAccount) -> None:
        desk.attend(seconds=30)

        assert not paper.orders.exists()
        assert set(outcomes_of(paper)) == {Outcome.CANCELLED}
        assert (status_of(paper), leg_of(paper).is_ended) == (LegStatus.EMPTY, True)

    @pytest.mark.parametrize(("seconds", "is_left"), [(-1, False), (0, True), (5, True)])
    def test_an_order_from_the_reset_on_is_left_alone(
        self, desk: Desk, paper: PaperAccount, seconds: int, is_left: bool
    ) -> None:
        order = desk.place(paper, at=desk.now + timedelta(seconds=seconds))

        desk.attend(seconds=30)

        assert list(paper.orders.all()) == ([order] if is_left else [])
        assert (status_of(paper), leg_of(paper).is_ended) == (LegStatus.EMPTY, True)

    def test_it_never_cancels_all(
        self, desk: Desk, paper: PaperAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_: PaperAdapter) -> None:
            pytest.fail("everything would have been cancelled")

        monkeypatch.setattr(PaperAdapter, "cancel_all", refuse)
        desk.place(paper, at=desk.now)

        desk.attend(seconds=30)

        assert paper.orders.count() == 1

    def test_new_orders_are_no_disobedience(self, desk: Desk, paper: PaperAccount) -> None:
        desk.place(paper, at=desk.now + timedelta(seconds=1))

        desk.attend(seconds=30)

        assert "oms.disobedience.seen" not in actions()
        assert "oms.late_order.seen" not in actions()

    def test_a_position_may_grow_again(self, desk: Desk, paper: PaperAccount) -> None:
        desk.hold(paper, "0.5")

        desk.attend(seconds=30)

        assert leg_of(paper).growth == []

    def test_it_is_not_held_once_it_ended(self, desk: Desk, paper: PaperAccount) -> None:
        desk.attend(seconds=30)
        attempts = leg_of(paper).attempts
        desk.place(paper, at=desk.now - timedelta(hours=1))

        desk.attend(seconds=60)

        assert leg_of(paper).attempts == attempts
        assert paper.orders.count() == 1

    def test_one_that_was_empty_already_is_asked_once_more_at_most(self, desk: Desk) -> None:
        paper = desk.account()
        desk.trip()
        desk.attend(seconds=2)
        assert status_of(paper) is LegStatus.EMPTY
        reset(desk, "perp")

        desk.attend(seconds=1)

        assert leg_of(paper).is_ended

    def test_others_end_beside_it(self, desk: Desk) -> None:
        excepted, other = desk.account("perp"), desk.account("spot")
        desk.trip()

        reset(desk, "perp")

        assert (leg_of(excepted).is_ended, leg_of(other).is_ended) == (False, True)


class TestHealth:
    """An excepted account keeps its last quantities, flagged, until its next whole snapshot."""

    def health(self, desk: Desk) -> Health:
        limits = QualityLimits(
            max_mark_age=timedelta(seconds=10),
            max_snapshot_age=timedelta(seconds=60),
            blind_trip_after=timedelta(seconds=300),
        )
        book = stored_book_of(desk.portfolio.pk)
        return assess(book=book, limits=limits, now=desk.now, armed_at=desk.now).health

    def test_it_is_out_of_health_and_counts_as_it_was(self, desk: Desk) -> None:
        desk.account(balances={"USDT": "10000"})
        desk.now += timedelta(hours=1)
        assert self.health(desk) is Health.BLIND
        VenueAccount.objects.update(is_excepted=True)

        assert self.health(desk) is Health.OK
        book = stored_book_of(desk.portfolio.pk)
        assert book.equity == Decimal(10000)
        assert [str(flag) for line in book.lines() for flag in line.flags] == [
            "not read since the reset"
        ]

    def test_its_next_snapshot_brings_it_back(self, desk: Desk) -> None:
        paper = desk.account(balances={"USDT": "10000"})
        VenueAccount.objects.update(is_excepted=True)
        version = Portfolio.objects.get().holdings_version
        desk.now += timedelta(hours=1)

        take_snapshot(account_id=paper.account.pk, now=desk.now)

        account = VenueAccount.objects.get()
        assert (account.is_excepted, account.as_of) == (False, desk.now)
        assert Portfolio.objects.get().holdings_version > version
        assert not stored_book_of(desk.portfolio.pk).lines()[0].flags
        desk.now += timedelta(seconds=400)
        assert self.health(desk) is Health.BLIND

    def test_a_snapshot_that_failed_does_not(self, desk: Desk) -> None:
        paper = desk.account()
        VenueAccount.objects.update(is_excepted=True)
        desk.fault(paper, Fault.RETRYABLE, Call.SNAPSHOT)

        with pytest.raises(Exception, match="must wait"):
            take_snapshot(account_id=paper.account.pk, now=desk.now)

        assert VenueAccount.objects.get().is_excepted
