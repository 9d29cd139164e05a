from datetime import timedelta

import pytest

from oms.domain.cancel import LegStatus, Outcome
from oms.domain.orders import OrderSide
from oms.models import CancelLeg, LegOrder, PaperEntry, PaperVerb
from oms.models import PaperCall as Call
from oms.models import PaperFaultKind as Fault
from oms.services import cancelling, leases
from oms.venues import paper as paper_venue
from riskconsole.alerts.models import Alert, Level
from riskconsole.audit.models import AuditEntry
from tests.integration.oms.desk import (
    NOON,
    Desk,
    leg_of,
    no_ticks,
    outcomes_of,
    status_of,
)

PASSING = [
    (Fault.LATENCY, Call.ANY, 50),
    (Fault.RETRYABLE, Call.OPEN_ORDERS, 2),
    (Fault.RETRYABLE, Call.CANCEL_ALL, 2),
    (Fault.UNKNOWN, Call.ANY, 0),
    (Fault.HANG, Call.OPEN_ORDERS, 0),
    (Fault.HANG, Call.CANCEL_ALL, 0),
    (Fault.GHOST, Call.CANCEL_ALL, 0),
    (Fault.PARTIAL, Call.CANCEL_ALL, 1),
    (Fault.INCOMPLETE, Call.OPEN_ORDERS, 0),
    (Fault.APPEAR, Call.CANCEL_ALL, 0),
    (Fault.AUTH_FAILED, Call.ANY, 0),
    (Fault.NO_PERMISSION, Call.CANCEL_ALL, 0),
    (Fault.SUSPENDED, Call.ANY, 0),
    (Fault.UNSUPPORTED, Call.CANCEL_ALL, 0),
    (Fault.REJECTED, Call.CANCEL_ALL, 0),
]


@pytest.mark.parametrize(("kind", "call", "amount"), PASSING)
def test_a_passing_fault_ends_in_a_confirmed_empty_book(
    desk: Desk, kind: Fault, call: Call, amount: int
) -> None:
    paper = desk.account()
    for _ in range(3):
        desk.place(paper)
    desk.fault(paper, kind, call, amount=amount, remaining=3)
    desk.trip()

    desk.attend(seconds=120)

    assert status_of(paper) is LegStatus.EMPTY
    assert not paper.orders.exists()
    assert set(outcomes_of(paper)) <= {Outcome.CANCELLED}


LASTING = [
    (Fault.HANG, Call.ANY),
    (Fault.UNKNOWN, Call.OPEN_ORDERS),
    (Fault.RETRYABLE, Call.ANY),
    (Fault.AUTH_FAILED, Call.ANY),
    (Fault.INCOMPLETE, Call.OPEN_ORDERS),
    (Fault.SUSPENDED, Call.OPEN_ORDERS),
]


@pytest.mark.parametrize(("kind", "call"), LASTING)
def test_a_lasting_fault_is_never_empty_and_asks_for_a_human_once(
    desk: Desk, kind: Fault, call: Call
) -> None:
    paper = desk.account()
    desk.place(paper)
    desk.fault(paper, kind, call, remaining=10_000)
    desk.trip()

    seen = set()
    for _ in range(60):
        desk.attend(seconds=2)
        seen.add(status_of(paper))

    assert LegStatus.EMPTY not in seen
    assert status_of(paper) is LegStatus.NEEDS_HUMAN
    assert Alert.objects.filter(level=Level.NEEDS_HUMAN).count() == 1


@pytest.mark.parametrize(
    ("seconds", "expected"), [(59, LegStatus.PENDING), (70, LegStatus.NEEDS_HUMAN)]
)
def test_a_venue_that_is_down_needs_a_human_after_a_minute(
    desk: Desk, seconds: int, expected: LegStatus
) -> None:
    paper = desk.account()
    desk.fault(paper, Fault.RETRYABLE, remaining=10_000)
    desk.trip()

    desk.attend(seconds=seconds)

    assert status_of(paper) is expected


def test_an_attempt_that_hangs_does_not_keep_the_alarm_from_ringing(desk: Desk) -> None:
    paper = desk.account()
    desk.trip()
    leg = leg_of(paper)
    assert leases.claim(leg, now=NOON + timedelta(seconds=40))

    cancelling._ask_for_humans(now=NOON + timedelta(seconds=60))
    cancelling._ask_for_humans(now=NOON + timedelta(seconds=61))

    assert status_of(paper) is LegStatus.NEEDS_HUMAN
    assert Alert.objects.count() == 1


def test_needs_human_becomes_empty_once_the_venue_answers_again(desk: Desk) -> None:
    paper = desk.account()
    desk.place(paper)
    desk.fault(paper, Fault.AUTH_FAILED, remaining=10)
    desk.trip()

    desk.attend()
    at_first = status_of(paper)
    desk.attend(seconds=60)

    assert at_first is LegStatus.NEEDS_HUMAN
    assert status_of(paper) is LegStatus.EMPTY
    assert leg_of(paper).error == ""


def test_one_account_that_is_down_leaves_the_others_alone(desk: Desk) -> None:
    dead, alive = desk.account("dead"), desk.account("alive")
    desk.place(alive)
    desk.fault(dead, Fault.RETRYABLE, remaining=10_000)
    desk.trip()

    desk.attend(seconds=3)

    assert (status_of(dead), status_of(alive)) == (LegStatus.PENDING, LegStatus.EMPTY)


class TestOutcomes:
    def test_a_time_out_after_acceptance_cancels_nothing_twice(self, desk: Desk) -> None:
        paper = desk.account()
        order = desk.place(paper)
        desk.fault(paper, Fault.GHOST, Call.CANCEL_ALL)
        desk.trip()

        desk.attend(seconds=3)

        effects = PaperEntry.objects.filter(order_id=str(order.pk), verb=PaperVerb.CANCELLED)
        assert effects.count() == 1
        assert outcomes_of(paper) == [Outcome.CANCELLED]

    def test_an_order_is_unknown_while_no_listing_tells(self, desk: Desk) -> None:
        paper = desk.account()
        desk.place(paper)
        desk.fault(paper, Fault.HANG, Call.CANCEL_ALL)
        desk.trip()
        desk.fault(paper, Fault.LATENCY, Call.OPEN_ORDERS)
        desk.fault(paper, Fault.HANG, Call.OPEN_ORDERS, remaining=2)
        desk.attend()

        assert outcomes_of(paper) == [Outcome.UNKNOWN]

    def test_an_order_that_the_venue_will_not_cancel_has_failed(self, desk: Desk) -> None:
        paper = desk.account()
        desk.place(paper)
        desk.fault(paper, Fault.REJECTED, Call.CANCEL_ALL, remaining=9)
        desk.fault(paper, Fault.REJECTED, Call.CANCEL_ORDERS, remaining=9)
        desk.trip()

        desk.attend()

        assert outcomes_of(paper) == [Outcome.FAILED]
        assert status_of(paper) is LegStatus.PENDING

    def test_an_order_filled_before_we_asked_is_gone(self, desk: Desk) -> None:
        paper = desk.account()
        kept = desk.place(paper, is_reduce_only=True, side=OrderSide.SELL)
        desk.trip(keep_reduce_only=True)
        desk.attend(seconds=2)
        kept.delete()

        desk.attend(seconds=6)

        assert outcomes_of(paper) == [Outcome.GONE]

    def test_a_crash_between_cancel_and_settling_resumes_and_keeps_the_count(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paper = desk.account()
        order = desk.place(paper)
        desk.trip()

        def die(**_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(cancelling, "settle", die)
            with pytest.raises(KeyboardInterrupt):
                desk.attend()
        desk.attend(seconds=29)
        while_the_lease_lasts = leg_of(paper).attempts
        desk.attend(seconds=3)

        assert while_the_lease_lasts == 1
        assert (status_of(paper), outcomes_of(paper)) == (LegStatus.EMPTY, [Outcome.CANCELLED])
        assert PaperEntry.objects.filter(order_id=str(order.pk), verb="CANCELLED").count() == 1


class TestFence:
    def test_an_attempt_that_lost_its_leg_sends_and_settles_nothing(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paper = desk.account()
        desk.place(paper)
        desk.trip()
        leg = leg_of(paper)
        listed = paper_venue.PaperAdapter.open_orders

        def list_while_another_takes_over(adapter: paper_venue.PaperAdapter) -> object:
            CancelLeg.objects.filter(pk=leg.pk).update(fence=99)
            return listed(adapter)

        monkeypatch.setattr(paper_venue.PaperAdapter, "open_orders", list_while_another_takes_over)
        cancelling.send_cancel_leg(leg=leg, now=NOON, ticks=no_ticks)

        assert paper.orders.count() == 1
        assert not LegOrder.objects.exists()
        assert not AuditEntry.objects.exists()

    def test_a_clock_set_back_does_not_hold_a_leg_for_an_hour(self, desk: Desk) -> None:
        paper = desk.account()
        desk.fault(paper, Fault.RETRYABLE, remaining=5)
        desk.trip()
        desk.attend(seconds=1)

        an_hour_back = desk.now - timedelta(hours=1)

        assert cancelling.due_legs(now=an_hour_back) == [leg_of(paper)]


def test_the_alarm_names_account_venue_and_reason(desk: Desk) -> None:
    paper = desk.account()
    desk.fault(paper, Fault.SUSPENDED, remaining=99)
    desk.trip()

    desk.attend()

    alert = Alert.objects.get()
    assert alert.subject == "Orders not confirmed gone on main/perp"
    assert "Suspended: SNAPSHOT was answered with SUSPENDED" in alert.body
    assert status_of(paper) is LegStatus.NEEDS_HUMAN
