from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from threading import Barrier, Event, Thread

import pytest
from django.db import connection

from oms import tasks
from oms.domain.cancel import LegStatus, Outcome
from oms.models import CancelLeg, PaperAccount, PaperEntry, PaperVerb
from oms.models import PaperCall as Call
from oms.models import PaperFaultKind as Fault
from oms.services import cancelling
from oms.services.jobs import Job
from oms.venues import paper_book, registry
from oms.venues.paper import PaperAdapter
from riskconsole.audit.models import AuditEntry
from tests.integration.oms.desk import BTC_PERP, Desk, leg_of, no_ticks, outcomes_of, status_of

COPIES = 10

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("flushable_db", "sent_tasks", "redis"),
]


@pytest.fixture
def racing_desk(flushable_db: None) -> Desk:
    return Desk()


def run_copies(desk: Desk, paper: PaperAccount) -> None:
    """Run ten copies of the task at once and wait for all."""
    barrier = Barrier(COPIES)

    def copy() -> None:
        try:
            leg = leg_of(paper)
            barrier.wait()
            cancelling.send_cancel_leg(leg=leg, now=desk.now, ticks=no_ticks)
        finally:
            connection.close()

    threads = [Thread(target=copy) for _ in range(COPIES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_ten_copies_of_the_task_make_one_attempt(racing_desk: Desk) -> None:
    paper = racing_desk.account()
    for _ in range(3):
        racing_desk.place(paper)
    racing_desk.trip()

    run_copies(racing_desk, paper)

    assert leg_of(paper).attempts == 1
    assert PaperEntry.objects.filter(verb=PaperVerb.CANCELLED).count() == 3
    assert AuditEntry.objects.filter(action="oms.cancel_leg.settled").count() == 1


def test_ten_sweeps_at_once_confirm_each_account_once(racing_desk: Desk) -> None:
    papers = [racing_desk.account(slug) for slug in ("a", "b", "c")]
    racing_desk.trip()

    for seconds in (0, 2):
        now = racing_desk.now + timedelta(seconds=seconds)
        sweeps = [cancelling.sweep_legs(now=now) for _ in range(COPIES)]
        for thread in (thread for threads in sweeps for thread in threads):
            thread.join()

    assert [status_of(paper) for paper in papers] == [LegStatus.EMPTY] * 3
    assert [leg.attempts for leg in CancelLeg.objects.all()] == [2, 2, 2]


def test_an_account_that_hangs_holds_up_no_other(
    racing_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung, free = racing_desk.account("hung"), racing_desk.account("free")
    racing_desk.place(free)
    racing_desk.fault(hung, Fault.HANG, Call.OPEN_ORDERS)
    racing_desk.trip()
    may_go_on = Event()
    waiting = partial(PaperAdapter, sleep=lambda _seconds: may_go_on.wait(timeout=30))
    monkeypatch.setattr(registry, "PaperAdapter", waiting)

    of_hung, of_free = cancelling.sweep_legs(now=racing_desk.now)
    of_free.join(timeout=20)
    meanwhile = outcomes_of(free), of_hung.is_alive()
    may_go_on.set()
    of_hung.join(timeout=20)

    assert meanwhile == ([Outcome.CANCELLED], True)
    assert leg_of(hung).lease_until is None


def test_a_fill_and_a_cancel_at_once_are_one_effect(racing_desk: Desk) -> None:
    paper = racing_desk.account()
    order = racing_desk.place(paper)
    barrier = Barrier(2)

    def race(effect: Callable[[], object]) -> None:
        barrier.wait()
        try:
            effect()
        finally:
            connection.close()

    effects = (
        partial(paper_book.cancel, account=paper, ids=[str(order.pk)]),
        partial(paper_book.match_orders, account=paper, marks={BTC_PERP: Decimal(50000)}),
    )
    threads = [Thread(target=race, args=(effect,)) for effect in effects]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert paper.journal.exclude(verb=PaperVerb.PLACED).count() == 1


def test_a_sweep_that_lingers_cancels_as_soon_as_a_run_is_opened(
    racing_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = racing_desk.account()
    racing_desk.place(paper)
    monkeypatch.setattr(cancelling, "sweep_legs", lambda **_: None)
    monkeypatch.setattr(tasks, "LINGER_SECONDS", 1.5)
    started: list[Job] = []
    attend_new = cancelling.attend_new
    monkeypatch.setattr(cancelling, "attend_new", lambda **when: started.extend(attend_new(**when)))

    racing_desk.trip()
    tasks.sweep_legs()
    for job in started:
        job.join(timeout=20)

    assert outcomes_of(paper) == [Outcome.CANCELLED]
    assert not paper.orders.exists()


def test_what_was_read_before_another_took_the_leg_claims_nothing(racing_desk: Desk) -> None:
    paper = racing_desk.account()
    racing_desk.trip()
    early, late = leg_of(paper), leg_of(paper)

    cancelling.send_cancel_leg(leg=early, now=racing_desk.now, ticks=no_ticks)
    cancelling.send_cancel_leg(leg=late, now=racing_desk.now, ticks=no_ticks)

    assert leg_of(paper).attempts == 1
