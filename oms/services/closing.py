"""Open a close run with the trip or by hand, and attend to its legs until every account is flat."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from oms.domain.cancel import NEEDS_HUMAN_AFTER, LegStatus
from oms.domain.closing import CloseStatus
from oms.models import CancelLeg, CloseLeg, CloseRun
from oms.services import close_reporting, leases
from oms.services.attempts import Stopwatch
from oms.services.cancelling import NoTransaction
from oms.services.close_attempts import Cash, CloseAttempt
from oms.services.close_settling import (
    commit_intent,
    lock_portfolio,
    note_closing,
    settle_intent,
    settle_leg,
    unsettled_of,
)
from oms.services.jobs import Job, start_jobs
from oms.venues.registry import adapter_for
from portfolio import marks
from portfolio.domain.holdings import AccountKind, VenueKind
from portfolio.domain.mark_text import MarkKey
from portfolio.domain.prices import Ageing
from portfolio.models import VenueAccount
from riskconsole.kernel.errors import RiskConsoleError

# What an attempt needs beside its leg.
ATTENDED = ("run", "account__venue", "account__portfolio")


class AlreadyClosing(RiskConsoleError):
    """The account is closed by its trip already, and will be until the reset; cause names it."""

    def __init__(self, message: str, *, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


def open_close_run(
    *,
    portfolio_id: int,
    cause: str,
    max_mark_age: timedelta,
    is_held: bool,
    now: datetime,
    account: str = "",
    instrument: str = "",
) -> CloseRun:
    """Write down that positions must go, one leg per account that the console can reach.

    Calling it again with the same cause returns the run that is already open. A run takes over the
    accounts of one by hand, and one that is held every account: nothing keeps a trip from
    committing. The caller's audit entry tells it.

    :param max_mark_age: of the mark that an order's limit is measured from
    :param is_held: what appears again is closed again, until end_close_runs()
    :param account: limits it to the account with this slug
    :param instrument: limits it to this instrument, or asset of a spot account
    :raises NoTransaction: if the caller holds no transaction
    :raises AlreadyClosing: if the run is by hand, and one that is held has the account
    """
    if not connection.in_atomic_block:
        raise NoTransaction(f"The close run of {cause} needs the transaction of what caused it")
    lock_portfolio(portfolio_id)
    if run := CloseRun.objects.filter(cause=cause).first():
        return run
    accounts = VenueAccount.objects.filter(portfolio=portfolio_id)
    accounts = accounts.exclude(venue__kind=VenueKind.MANUAL)
    if account:
        accounts = accounts.filter(slug=account)
    if not is_held:
        _refuse_held(accounts)
    _take_over(accounts, now=now)
    run = CloseRun.objects.create(
        cause=cause,
        portfolio_id=portfolio_id,
        max_mark_age=max_mark_age,
        is_held=is_held,
        opened_at=now,
    )
    CloseLeg.objects.bulk_create(
        CloseLeg(
            run=run,
            account=found,
            instruments=[instrument] if instrument else None,
            next_attempt_at=now,
            unconfirmed_since=now,
        )
        for found in accounts.order_by("pk")
    )
    note_closing(portfolio_id=portfolio_id)
    return run


def end_close_runs(*, portfolio_id: int, now: datetime) -> None:
    """End every run with the reset that lets the desk trade again; the caller's entry tells it.

    Each leg's fence is taken, so that an attempt in flight sends and settles nothing more.
    """
    lock_portfolio(portfolio_id)
    _end(CloseLeg.objects.filter(run__portfolio=portfolio_id, is_ended=False))
    CloseRun.objects.filter(portfolio=portfolio_id, ended_at=None).update(ended_at=now)
    note_closing(portfolio_id=portfolio_id)


def send_close_leg(
    *, leg: CloseLeg, now: datetime, ticks: Callable[[], float] = time.monotonic
) -> CloseStatus:
    """Make one attempt to close an account, unless somebody was faster or its orders are not gone.

    :param leg: as it was read when it was due, with what ATTENDED names
    :param ticks: seconds that no one can set; they date the calls within the attempt
    """
    if _has_orders(leg) or not leases.claim(leg, now=now):
        return CloseStatus(leg.status)
    if leg.attempts == 1:
        # The time it waited for its orders to go was not its own.
        CloseLeg.objects.filter(pk=leg.pk).update(unconfirmed_since=now)
    attempt = _attempt_on(leg, watch=Stopwatch(now, ticks))
    attempt.run()
    return settle_leg(leg_id=leg.pk, fence=leg.fence, attempt=attempt)


def sweep_closes(*, now: datetime) -> list[Job]:
    """Attend to every due leg, and ask for a human where one waits too long.

    The jobs are started, not awaited: an account that hangs holds up no other, and no sweep.
    """
    _ask_for_humans(now=now)
    return start_jobs(_attend, due_closes(now=now), now=now)


def due_closes(*, now: datetime) -> list[CloseLeg]:
    """Return the legs whose next attempt is due and whose account's orders are gone."""
    legs = CloseLeg.objects.filter(leases.due(now=now)).exclude(Exists(_standing_orders()))
    return list(legs.order_by("next_attempt_at", "pk").select_related(*ATTENDED))


def _refuse_held(accounts: QuerySet[VenueAccount]) -> None:
    legs = CloseLeg.objects.filter(account__in=accounts, is_ended=False, run__is_held=True)
    held = legs.select_related("run", "account").order_by("pk").first()
    if held is not None:
        cause = held.run.cause
        raise AlreadyClosing(f"{held.account.slug} is closed by {cause} already", cause=cause)


def _take_over(accounts: QuerySet[VenueAccount], *, now: datetime) -> None:
    """End what goes on on these accounts, and the runs that have nothing left to do."""
    going_on = CloseLeg.objects.filter(account__in=accounts, is_ended=False)
    runs = list(going_on.values_list("run", flat=True))
    _end(going_on)
    still = CloseLeg.objects.filter(run=OuterRef("pk"), is_ended=False)
    CloseRun.objects.filter(~Exists(still), pk__in=runs).update(ended_at=now)


def _end(legs: QuerySet[CloseLeg]) -> None:
    legs.update(fence=F("fence") + 1, lease_until=None, is_ended=True)


def _standing_orders() -> QuerySet[CancelLeg]:
    """Return the legs of the same account that still cancel its orders."""
    legs = CancelLeg.objects.filter(account=OuterRef("account"), run__ended_at=None, is_ended=False)
    return legs.exclude(status=LegStatus.EMPTY)


def _has_orders(leg: CloseLeg) -> bool:
    return CloseLeg.objects.filter(Exists(_standing_orders()), pk=leg.pk).exists()


def _attend(leg: CloseLeg, now: datetime) -> None:
    send_close_leg(leg=leg, now=now)


def _attempt_on(leg: CloseLeg, *, watch: Stopwatch) -> CloseAttempt:
    account, portfolio = leg.account, leg.account.portfolio
    is_spot = account.kind == AccountKind.SPOT
    ours = {"leg_id": leg.pk, "fence": leg.fence}
    return CloseAttempt(
        adapter=adapter_for(account),
        cash=Cash(currency=portfolio.reference_currency, pegs=frozenset(portfolio.pegs))
        if is_spot
        else None,
        only=None if leg.instruments is None else frozenset(leg.instruments),
        unsettled=unsettled_of(leg),
        mark_of=partial(_fresh_mark, venue=account.venue.slug, max_age=leg.run.max_mark_age),
        commit=lambda close, held, now: commit_intent(**ours, close=close, held=held, now=now),
        settle=lambda client_id, outcome, error, now: settle_intent(
            **ours, client_id=client_id, outcome=outcome, error=error, now=now
        ),
        watch=watch,
    )


def _fresh_mark(
    instrument: str, now: datetime, *, venue: str, max_age: timedelta
) -> Decimal | None:
    """Return the venue's own mark if it is fresh: another venue's price is no limit here."""
    key = MarkKey(venue=venue, instrument=instrument)
    found = marks.states([key]).get(key)
    mark = found.accepted if found else None
    if mark is None or not Ageing(max_mark_age=max_age, now=now).is_fresh(mark, None):
        return None
    return mark.price


def _ask_for_humans(*, now: datetime) -> None:
    """Raise NEEDS_HUMAN for legs whose attempts hang; the others say so themselves."""
    waiting = CloseLeg.objects.filter(
        status=CloseStatus.CLOSING,
        is_ended=False,
        attempts__gt=0,
        unconfirmed_since__lte=now - NEEDS_HUMAN_AFTER,
    )
    for leg in waiting.select_related(*ATTENDED):
        _ask_for_human(leg, now=now)


@transaction.atomic
def _ask_for_human(leg: CloseLeg, *, now: datetime) -> None:
    still = CloseLeg.objects.filter(
        pk=leg.pk, status=CloseStatus.CLOSING, unconfirmed_since=leg.unconfirmed_since
    )
    if not still.update(status=CloseStatus.NEEDS_HUMAN):
        return
    leg.status = CloseStatus.NEEDS_HUMAN
    close_reporting.report_settled(
        leg=leg, before=CloseStatus.CLOSING, was_left=leg.residuals, now=now
    )
