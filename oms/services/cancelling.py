"""Open a cancel run with the trip, and attend to its legs until every account is empty."""

import time
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.functional import SimpleLazyObject

from oms.domain.cancel import (
    HOLD_EVERY,
    NEEDS_HUMAN_AFTER,
    LegStatus,
    Outcome,
    Rules,
)
from oms.domain.growth import line_rows
from oms.models import CancelLeg, CancelRun
from oms.services import leases, reporting
from oms.services.attempts import Attempt, Stopwatch
from oms.services.baseline import balances_of, stored_lines
from oms.services.jobs import Job, start_jobs
from oms.services.settling import note_asked, settle
from oms.venues.registry import adapter_for
from portfolio.domain.holdings import AccountKind, VenueKind
from portfolio.models import VenueAccount
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.wake import wake

# Where the sweep that lingers hears of a run that was opened.
LEGS_WAKE = "oms:legs"

# What an attempt needs beside its leg.
ATTENDED = ("run", "account__venue")

OPEN = (LegStatus.PENDING, LegStatus.NEEDS_HUMAN)
HELD = (LegStatus.EMPTY,)


class NoTransaction(RiskConsoleError):
    """A cancel run must commit or roll back with the trip that opens it."""


def open_cancel_run(
    *, portfolio_id: int, cause: str, keep_reduce_only: bool, now: datetime
) -> CancelRun:
    """Write down that every order of the portfolio must go, one leg per venue account.

    Calling it again with the same cause returns the run that is already open. The caller's audit
    entry tells it.

    :raises NoTransaction: if the caller holds no transaction
    """
    if not connection.in_atomic_block:
        raise NoTransaction(f"The cancel run of {cause} needs the transaction of what caused it")
    run = CancelRun.objects.filter(cause=cause).first()
    if run is None:
        run = CancelRun.objects.create(
            cause=cause,
            portfolio_id=portfolio_id,
            keep_reduce_only=keep_reduce_only,
            opened_at=now,
        )
        _add_legs(run=run, accounts=VenueAccount.objects.filter(portfolio=portfolio_id), now=now)
    return run


def end_cancel_run(*, cause: str, excepted: Collection[str], now: datetime) -> None:
    """End the run with the reset that lets the desk trade again; the caller's entry tells it.

    Each leg's fence is taken, so that an attempt in flight sends and settles nothing more. The legs
    of excepted accounts go on, only against the orders that were created before.

    :param excepted: slugs of accounts that the reset accepts as they are
    """
    CancelRun.objects.filter(cause=cause).update(ended_at=now)
    legs = CancelLeg.objects.filter(run__cause=cause)
    legs.update(fence=F("fence") + 1, lease_until=None)
    going_on = Q(account__slug__in=excepted) & ~Q(status=LegStatus.NOT_CONNECTED)
    legs.filter(going_on).update(only_before=now, next_attempt_at=now)
    legs.exclude(going_on).update(is_ended=True)


def send_cancel_leg(
    *, leg: CancelLeg, now: datetime, ticks: Callable[[], float] = time.monotonic
) -> LegStatus:
    """Make one attempt to empty an account, unless somebody was faster.

    :param leg: as it was read when it was due, its run and its account's venue loaded
    :param ticks: seconds that no one can set; they date the listings within the attempt
    """
    if not leases.claim(leg, now=now):
        return LegStatus(leg.status)
    attempt = _attempt_on(leg, watch=Stopwatch(now, ticks))
    attempt.run()
    return settle(leg_id=leg.pk, fence=leg.fence, attempt=attempt)


def sweep_legs(*, now: datetime) -> list[Job]:
    """Attend to every due leg that is not empty, and ask for a human where one waits too long.

    The jobs are started, not awaited: an account that hangs holds up no other, and no sweep.
    """
    _ask_for_humans(now=now)
    return start_jobs(_attend, due_legs(now=now), now=now)


def attend_new(*, now: datetime) -> list[Job]:
    """Attend to the legs that nobody attended to yet, and leave all others to the next sweep."""
    new = CancelLeg.objects.filter(attempts=0, status=LegStatus.PENDING, is_ended=False)
    return start_jobs(_attend, new.select_related(*ATTENDED), now=now)


def sweep_holds(*, now: datetime) -> list[Job]:
    """Ask every empty account again every 5 s, as sweep_legs() does, until its run has ended."""
    _cover_new_accounts(now=now)
    return start_jobs(_attend, due_holds(now=now), now=now)


def due_legs(*, now: datetime) -> list[CancelLeg]:
    """Return the legs whose next attempt is due and whose account is not confirmed empty."""
    return _due_legs(OPEN, now=now)


def due_holds(*, now: datetime) -> list[CancelLeg]:
    """Return the legs whose account is confirmed empty and must be asked again."""
    return _due_legs(HELD, now=now)


def _add_legs(*, run: CancelRun, accounts: QuerySet[VenueAccount], now: datetime) -> None:
    """Add a leg per account, and wake the sweep once they are committed."""
    found = list(accounts.select_related("venue", "portfolio").order_by("pk"))
    held = stored_lines(found)
    CancelLeg.objects.bulk_create(
        CancelLeg(
            run=run,
            account=account,
            status=_first_status(account),
            next_attempt_at=now,
            unconfirmed_since=now,
            baseline=line_rows(held[account.pk]) if account.as_of else None,
        )
        for account in found
    )
    transaction.on_commit(_wake_sweep, robust=True)


def _wake_sweep() -> None:
    wake(LEGS_WAKE)


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
    if run.ended_at is not None:
        return
    accounts = VenueAccount.objects.filter(portfolio=run.portfolio_id)
    _add_legs(run=run, accounts=accounts.exclude(cancel_legs__run=run), now=now)


def _due_legs(statuses: Iterable[LegStatus], *, now: datetime) -> list[CancelLeg]:
    legs = CancelLeg.objects.filter(leases.due(now=now), status__in=statuses)
    return list(legs.order_by("next_attempt_at", "pk").select_related(*ATTENDED))


def _attend(leg: CancelLeg, now: datetime) -> None:
    send_cancel_leg(leg=leg, now=now)


def _attempt_on(leg: CancelLeg, *, watch: Stopwatch) -> Attempt:
    rules = _rules_of(leg)
    checked_at = leg.positions_checked_at
    return Attempt(
        adapter=adapter_for(leg.account),
        rules=rules,
        may_cancel_all=not (
            rules.keep_reduce_only or rules.only_before or leg.confirmed_at or _has_kept(leg)
        ),
        is_first=leg.first_empty_at is None,
        checks_positions=checked_at is None or watch.started_at - checked_at >= HOLD_EVERY,
        may_send=lambda orders: note_asked(leg=leg, orders=orders, rules=rules, now=watch.now()),
        watch=watch,
    )


def _has_kept(leg: CancelLeg) -> bool:
    """Return whether an order was kept; before its first attempt a leg has met none."""
    return leg.attempts > 1 and leg.orders.filter(outcome=Outcome.KEPT).exists()


def _rules_of(leg: CancelLeg) -> Rules:
    # Read only if a listing has an order to measure by it: the first cancel must not wait for it.
    holdings: Any = SimpleLazyObject(partial(balances_of, leg.account))
    return Rules(
        committed_at=leg.run.opened_at,
        keep_reduce_only=leg.run.keep_reduce_only,
        holdings=holdings if leg.account.kind == AccountKind.SPOT else None,
        only_before=leg.only_before,
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
