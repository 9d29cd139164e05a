from datetime import timedelta

import pytest

from oms.domain.cancel import LegStatus, Outcome
from oms.models import PaperCall as Call
from oms.models import PaperFaultKind as Fault
from oms.selectors import NoCancelRun, legs_of, open_orders_count
from tests.integration.oms.desk import NOON, Desk


def test_a_run_that_does_not_exist_is_not_an_empty_one(desk: Desk) -> None:
    with pytest.raises(NoCancelRun):
        legs_of(cause="trip:1")
    with pytest.raises(NoCancelRun):
        open_orders_count(cause="trip:1")


def test_a_leg_tells_what_was_cancelled_and_since_when_it_is_empty(desk: Desk) -> None:
    paper = desk.account()
    desk.place(paper)
    desk.trip()
    desk.attend(seconds=2)

    (leg,) = legs_of(cause="trip:1")

    assert (leg.account, leg.venue, leg.status) == ("perp", "paper", LegStatus.EMPTY)
    assert (leg.cancelled, [order.outcome for order in leg.orders]) == (1, [Outcome.CANCELLED])
    assert leg.since == NOON + timedelta(seconds=1)
    assert open_orders_count(cause="trip:1") == 0
    assert not leg.needs_human


def test_an_order_that_stays_open_is_counted(desk: Desk) -> None:
    paper = desk.account()
    desk.place(paper)
    desk.fault(paper, Fault.REJECTED, Call.CANCEL_ALL, remaining=99)
    desk.fault(paper, Fault.REJECTED, Call.CANCEL_ORDERS, remaining=99)
    desk.trip()
    desk.attend()

    assert open_orders_count(cause="trip:1") == 1
    assert legs_of(cause="trip:1")[0].since == NOON


def test_a_grown_position_needs_a_human_although_no_order_is_open(desk: Desk) -> None:
    paper = desk.account(long="0.1")
    desk.trip()
    desk.hold(paper, "0.2")
    desk.attend(seconds=3)

    (leg,) = legs_of(cause="trip:1")

    assert leg.status is LegStatus.EMPTY
    assert leg.needs_human
