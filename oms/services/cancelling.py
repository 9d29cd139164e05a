"""Open a cancel run with the trip, and attend to its legs until every account is empty."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from threading import Thread

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from oms.domain.cancel import (
    HOLD_EVERY,
    NEEDS_HUMAN_AFTER,
    LegStatus,
    Outcome,
    Rules,
)
from oms.models import CancelLeg, CancelRun
from oms.services import reporting
from oms.services.attempts import Attempt, Stopwatch
from oms.services.baseline import balances_of, store_baseline, stored_lines
from oms.services.settling import note_asked, settle
from oms.services.threads import start_threads
from oms.venues.registry import adapter_for
from portfolio.domain.holdings import AccountKind, VenueKind
from portfolio.models import VenueAccount
from riskconsole.celery import enqueue_on_commit

CANCEL_LEG_TASK = "oms.cancel_leg"

# Longer than the time-outs of the six calls of one attempt together.
LEASE = timedelta(seconds=30)

# Further ahead than any lease or pause reaches.
TOO_FAR = timedelta(minutes=2)

OPEN = (LegStatus.PENDING, LegStatus.NEEDS_HUMAN)
HELD = (LegStatus.EMPTY,)


@transaction.atomic
def open_cancel_run(
    *, portfolio_id: int, cause: str, keep_reduce_only: bool, now: datetime
) -> CancelRun:
    """Write down that every order of the portfolio must go, one leg per venue account.

    Calling it again with the same cause returns the run that is already open. The caller's audit
    entry tells it.
    """
    run, is_new = CancelRun.objects.get_or_create(
        cause=cause,
        defaults={
            "portfolio_id": portfolio_id,
            "keep_reduce_only": keep_reduce_only,
            "opened_at": now,
        },
    )
    if is_new:
        accounts = VenueAccount.objects.filter(portfolio_id=portfolio_id)
        _add_legs(run=run, accounts=accounts.select_related("venue", "portfolio"), now=now)
    return run


def send_cancel_leg(
    *, leg_id: int, now: datetime, ticks: Callable[[], float] = time.monotonic
) -> LegStatus:
    """Make one attempt to empty an account, unless somebody else is at it or it is not due.

    :param ticks: seconds that no one can set; they date the listings within the attempt
    """
    leg = _claim(leg_id=leg_id, now=now)
    if leg is None:
        return LegStatus(CancelLeg.objects.values_list("status", flat=True).get(pk=leg_id))
    attempt = _attempt_on(leg, watch=Stopwatch(now, ticks))
    attempt.run()
    return settle(leg_id=leg_id, fence=leg.fence, attempt=attempt)


def sweep_legs(*, now: datetime) -> list[Thread]:
    """Attend to every due leg that is not empty, and ask for a human where one waits too long.

    The threads are started, not awaited: an account that hangs holds up no other, and no sweep.
    """
    _ask_for_humans(now=now)
    return start_threads(_attend, due_leg_ids(now=now), now=now)


def sweep_holds(*, now: datetime) -> list[Thread]:
    """Ask every empty account again every 5 s, as sweep_legs() does, until its run has ended."""
    _cover_new_accounts(now=now)
    return start_threads(_attend, due_hold_ids(now=now), now=now)


def due_leg_ids(*, now: datetime) -> list[int]:
    """Return the legs whose next attempt is due and whose account is not confirmed empty."""
    return _due_ids(OPEN, now=now)


def due_hold_ids(*, now: datetime) -> list[int]:
    """Return the legs whose account is confirmed empty and must be asked again."""
    return _due_ids(HELD, now=now)


def _add_legs(*, run: CancelRun, accounts: Iterable[VenueAccount], now: datetime) -> None:
    legs = CancelLeg.objects.bulk_create(
        CancelLeg(
            run=run,
            account=account,
            status=_first_status(account),
            next_attempt_at=now,
            unconfirmed_since=now,
            baseline_at=account.as_of and now,
        )
        for account in accounts
    )
    for leg in legs:
        if leg.status == LegStatus.PENDING:
            store_baseline(leg, stored_lines(leg.account))
            enqueue_on_commit(CANCEL_LEG_TASK, leg_id=leg.pk)


def _first_status(account: VenueAccount) -> LegStatus:
    is_manual = account.venue.kind == VenueKind.MANUAL
    return LegStatus.NOT_CONNECTED if is_manual else LegStatus.PENDING


def _cover_new_accounts(*, now: datetime) -> None:
    """Give an account that joined a halted portfolio a leg of its own."""
    uncovered = VenueAccount.objects.exclude(cancel_legs__run=OuterRef("pk"))
    runs = CancelRun.objects.filter(ended_at__isnull=True)
    joined = uncovered.filter(portfolio=OuterRef("portfolio"))
    for run in runs.filter(Exists(joined)):
        _cover(run_id=run.pk, now=now)


@transaction.atomic
def _cover(*, run_id: int, now: datetime) -> None:
    run = CancelRun.objects.select_for_update().get(pk=run_id)
    accounts = VenueAccount.objects.filter(portfolio=run.portfolio_id)
    missing = accounts.exclude(cancel_legs__run=run).select_related("venue", "portfolio")
    _add_legs(run=run, accounts=missing, now=now)


def _due(*, now: datetime) -> Q:
    """Return what is due; a time further ahead than any wait was set by a clock that jumped."""
    is_due = Q(next_attempt_at__lte=now) | Q(next_attempt_at__gt=now + TOO_FAR)
    is_free = (
        Q(lease_until__isnull=True) | Q(lease_until__lte=now) | Q(lease_until__gt=now + TOO_FAR)
    )
    return is_due & is_free & Q(is_ended=False)


def _due_ids(statuses: Iterable[LegStatus], *, now: datetime) -> list[int]:
    legs = CancelLeg.objects.filter(_due(now=now), status__in=statuses)
    return list(legs.order_by("next_attempt_at", "pk").values_list("pk", flat=True))


def _attend(leg_id: int, now: datetime) -> None:
    send_cancel_leg(leg_id=leg_id, now=now)


@transaction.atomic
def _claim(*, leg_id: int, now: datetime) -> CancelLeg | None:
    """Take the leg for one attempt; a process that dies frees it when its lease ends."""
    legs = CancelLeg.objects.filter(_due(now=now), pk=leg_id, status__in=OPEN + HELD)
    taken = legs.update(lease_until=now + LEASE, fence=F("fence") + 1, attempts=F("attempts") + 1)
    if not taken:
        return None
    related = CancelLeg.objects.select_related("run", "account__venue", "account__portfolio")
    return related.get(pk=leg_id)


def _attempt_on(leg: CancelLeg, *, watch: Stopwatch) -> Attempt:
    rules = _rules_of(leg)
    has_kept = leg.orders.filter(outcome=Outcome.KEPT).exists()
    checked_at = leg.positions_checked_at
    return Attempt(
        adapter=adapter_for(leg.account),
        rules=rules,
        may_cancel_all=not (rules.keep_reduce_only or leg.confirmed_at or has_kept),
        is_first=leg.first_empty_at is None,
        checks_positions=checked_at is None or watch.started_at - checked_at >= HOLD_EVERY,
        may_send=lambda orders: note_asked(
            leg_id=leg.pk, fence=leg.fence, orders=orders, rules=rules, now=watch.now()
        ),
        watch=watch,
    )


def _rules_of(leg: CancelLeg) -> Rules:
    is_spot = leg.account.kind == AccountKind.SPOT
    return Rules(
        committed_at=leg.run.opened_at,
        keep_reduce_only=leg.run.keep_reduce_only,
        holdings=balances_of(leg.account) if is_spot else None,
    )


def _ask_for_humans(*, now: datetime) -> None:
    """Raise NEEDS_HUMAN for legs that nobody could attend to, an attempt that hangs included."""
    waiting = CancelLeg.objects.filter(
        status=LegStatus.PENDING, is_ended=False, unconfirmed_since__lte=now - NEEDS_HUMAN_AFTER
    )
    for leg in waiting.select_related("run", "account__venue", "account__portfolio"):
        _ask_for_human(leg, now=now)


@transaction.atomic
def _ask_for_human(leg: CancelLeg, *, now: datetime) -> None:
    still = CancelLeg.objects.filter(
        pk=leg.pk, status=LegStatus.PENDING, unconfirmed_since=leg.unconfirmed_since
    )
    if not still.update(status=LegStatus.NEEDS_HUMAN):
        return
    leg.status = LegStatus.NEEDS_HUMAN
    reporting.report_settled(leg=leg, before=LegStatus.PENDING, changes=(), grown={}, now=now)
