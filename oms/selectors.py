"""What became of a cancel run, and which keys there are, ready to be shown."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Q, QuerySet
from django.views.decorators.debug import sensitive_variables

from oms.domain.cancel import LegStatus, Outcome
from oms.domain.close_plan import Obstacle, ResidualReason
from oms.domain.closing import STILL_OPEN, CloseStatus, IntentState
from oms.domain.credentials import Credentials, KeyPurpose
from oms.domain.orders import OrderSide, OrderType
from oms.models import CancelLeg, CancelRun, CloseLeg, CloseRun, LegOrder, VenueKey
from portfolio.domain.holdings import Side
from portfolio.models import Portfolio, VenueAccount
from riskconsole.kernel.clock import time_from
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import decimal_from
from riskconsole.sealing import unseal

# Legs whose account was seen to hold more than at the trip.
HAS_GROWN = ~Q(growth=[])


KeyName = tuple[str, KeyPurpose]


class NoCancelRun(RiskConsoleError):
    """No run has this cause; that is not the same as empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order of a leg; is_late says that it appeared after the trip."""

    id: str
    instrument: str
    side: OrderSide
    type: OrderType
    quantity: Decimal
    price: Decimal
    is_reduce_only: bool
    outcome: Outcome
    is_late: bool
    is_disobedient: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GrownRow:
    """A position, or a spot holding, that is larger than it was at the trip."""

    instrument: str
    side: Side
    quantity: Decimal
    grown_to: Decimal
    grown_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRow:
    """One account of a run.

    :param since: when its orders were confirmed gone, else since when they are not
    :param listed_at: begin of the last complete listing that was empty
    """

    account: str
    venue: str
    status: LegStatus
    cancelled: int
    orders: tuple[OrderRow, ...]
    grown: tuple[GrownRow, ...]
    attempts: int
    error: str
    since: datetime
    listed_at: datetime | None

    @property
    def needs_human(self) -> bool:
        """Whether only a person can go on: at the venue, or against who is trading."""
        return self.status is LegStatus.NEEDS_HUMAN or bool(self.grown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualRow:
    """What stays on an account that was closed, and why."""

    name: str
    side: Side
    quantity: Decimal
    reason: ResidualReason


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedRow:
    """What has to go and cannot be sent now."""

    instrument: str
    obstacle: Obstacle


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRow:
    """The closing of one account.

    :param sent, filled: orders that were sent, and those of them that were filled
    :param since: when it was found flat, else since when it is not
    """

    account: str
    venue: str
    status: CloseStatus
    sent: int
    filled: int
    residuals: tuple[ResidualRow, ...]
    blocked: tuple[BlockedRow, ...]
    error: str
    since: datetime

    @property
    def is_open(self) -> bool:
        return self.status in STILL_OPEN

    @property
    def needs_human(self) -> bool:
        """Whether only a person can go on, at the venue."""
        return self.status is CloseStatus.NEEDS_HUMAN


@dataclass(frozen=True, slots=True, kw_only=True)
class LegCounts:
    """How the accounts of a run stand; those that need a human may be empty and have grown."""

    total: int = 0
    empty: int = 0
    not_connected: int = 0
    needs_human: int = 0


def leg_counts(causes: Collection[str]) -> dict[str, LegCounts]:
    """Return the counts of these runs in one query; a run that is not there has none."""
    legs = CancelLeg.objects.filter(run__cause__in=causes)
    needs_human = Q(status=LegStatus.NEEDS_HUMAN) | HAS_GROWN
    rows = legs.values("run__cause").annotate(
        total=Count("pk"),
        empty=Count("pk", filter=Q(status=LegStatus.EMPTY)),
        not_connected=Count("pk", filter=Q(status=LegStatus.NOT_CONNECTED)),
        needs_human=Count("pk", filter=needs_human),
    )
    found = {row.pop("run__cause"): LegCounts(**row) for row in rows}
    return {cause: found.get(cause, LegCounts()) for cause in causes}


def legs_of(*, cause: str) -> tuple[LegRow, ...]:
    """Return every leg of the run with this cause, by account.

    :raises NoCancelRun: if there is none
    """
    legs = _run(cause).legs.select_related("account__venue").prefetch_related("orders")
    return tuple(_row(leg) for leg in legs.order_by("account__slug"))


def uncovered_accounts(*, cause: str) -> tuple[str, ...]:
    """Return the accounts that joined since the run was opened, and have no leg of it yet.

    :raises NoCancelRun: if there is none
    """
    run = _run(cause)
    accounts = VenueAccount.objects.filter(portfolio=run.portfolio_id)
    uncovered = accounts.exclude(cancel_legs__run=run).order_by("slug")
    return tuple(uncovered.values_list("slug", flat=True))


def open_orders_count(*, cause: str) -> int:
    """Return how many orders of the run are not known to be gone; kept ones left out.

    :raises NoCancelRun: if there is none
    """
    open_outcomes = (Outcome.FAILED, Outcome.UNKNOWN)
    return LegOrder.objects.filter(leg__run=_run(cause), outcome__in=open_outcomes).count()


def closes_of(*, cause: str) -> tuple[CloseRow, ...]:
    """Return every account of the close run with this cause; none where nothing is closed."""
    return _close_rows(CloseLeg.objects.filter(run__cause=cause))


def open_closes_of(*, portfolio_id: int) -> tuple[CloseRow, ...]:
    """Return the accounts of a portfolio whose closing is not done."""
    legs = CloseLeg.objects.filter(is_ended=False, status__in=STILL_OPEN)
    return _close_rows(legs.filter(run__portfolio=portfolio_id))


def closes_shown_of(*, portfolio_id: int) -> tuple[CloseRow, ...]:
    """Return the accounts of every close run that goes on, and of the newest one."""
    runs = CloseRun.objects.filter(portfolio=portfolio_id)
    newest = runs.order_by("-opened_at", "-pk").values_list("pk", flat=True)[:1]
    shown = Q(run__ended_at=None) | Q(run__in=list(newest))
    return _close_rows(CloseLeg.objects.filter(shown, run__portfolio=portfolio_id))


def grown_of(leg: CancelLeg) -> tuple[GrownRow, ...]:
    """Return what the account of a leg was seen to hold more of than at the trip."""
    return tuple(
        GrownRow(
            instrument=row["instrument"],
            side=Side(row["side"]),
            quantity=decimal_from(row["quantity"]),
            grown_to=decimal_from(row["grown_to"]),
            grown_at=time_from(row["grown_at"]),
        )
        for row in leg.growth
    )


def _run(cause: str) -> CancelRun:
    run = CancelRun.objects.filter(cause=cause).first()
    if run is None:
        raise NoCancelRun(f"There is no cancel run for {cause}")
    return run


def _row(leg: CancelLeg) -> LegRow:
    orders = tuple(_order_row(row) for row in sorted(leg.orders.all(), key=lambda row: row.pk))
    return LegRow(
        account=leg.account.slug,
        venue=leg.account.venue.slug,
        status=LegStatus(leg.status),
        cancelled=sum(row.outcome is Outcome.CANCELLED for row in orders),
        orders=orders,
        grown=grown_of(leg),
        attempts=leg.attempts,
        error=leg.error,
        since=_since(leg),
        listed_at=leg.listed_at,
    )


def _since(leg: CancelLeg) -> datetime:
    if leg.status == LegStatus.EMPTY and leg.confirmed_at is not None:
        return leg.confirmed_at
    return leg.unconfirmed_since


def _order_row(row: LegOrder) -> OrderRow:
    return OrderRow(
        id=row.order_id,
        instrument=row.instrument,
        side=OrderSide(row.side),
        type=OrderType(row.type),
        quantity=row.quantity,
        price=row.price,
        is_reduce_only=row.is_reduce_only,
        outcome=Outcome(row.outcome),
        is_late=row.is_late,
        is_disobedient=row.is_disobedient,
        created_at=row.created_at,
    )


def key_hints(portfolio: Portfolio) -> dict[KeyName, str]:
    """Return the last four characters of each key, by account and purpose."""
    keys = VenueKey.objects.filter(account__portfolio=portfolio, account__removed_at=None)
    found = keys.order_by("account__slug", "-purpose").values_list(
        "account__slug", "purpose", "key_hint"
    )
    return {(account, KeyPurpose(purpose)): hint for account, purpose, hint in found}


@sensitive_variables()
def credentials_of(*, account_id: int, purpose: KeyPurpose) -> Credentials | None:
    """Return the account's key for this purpose; None if it has none.

    :raises CannotOpen: if the master key is not the one that sealed it
    """
    keys = VenueKey.objects.filter(account=account_id, purpose=purpose)
    sealed = keys.values_list("sealed", flat=True).first()
    if sealed is None:
        return None
    opened = unseal(sealed, purpose=sealed_for(account_id=account_id, purpose=purpose))
    return Credentials(**json.loads(opened))


def sealed_for(*, account_id: int, purpose: str) -> str:
    """Return what a key is sealed for: a row copied to another account or purpose does not open."""
    return f"{purpose} key of account {account_id}"


def _close_rows(legs: QuerySet[CloseLeg]) -> tuple[CloseRow, ...]:
    found = legs.select_related("account__venue").annotate(
        sent=Count("intents"), filled=Count("intents", filter=Q(intents__state=IntentState.FILLED))
    )
    return tuple(
        _close_row(leg, sent=leg.sent, filled=leg.filled)
        for leg in found.order_by("account__slug", "pk")
    )


def _close_row(leg: CloseLeg, *, sent: int, filled: int) -> CloseRow:
    is_open = leg.status in STILL_OPEN
    return CloseRow(
        account=leg.account.slug,
        venue=leg.account.venue.slug,
        status=CloseStatus(leg.status),
        sent=sent,
        filled=filled,
        residuals=tuple(
            ResidualRow(
                name=row["name"],
                side=Side(row["side"]),
                quantity=decimal_from(row["quantity"]),
                reason=ResidualReason(row["reason"]),
            )
            for row in leg.residuals
        ),
        blocked=tuple(
            BlockedRow(instrument=row["instrument"], obstacle=Obstacle(row["obstacle"]))
            for row in leg.blocked
        ),
        error=leg.error,
        since=leg.unconfirmed_since if is_open else leg.confirmed_at or leg.unconfirmed_since,
    )
