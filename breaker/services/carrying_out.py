"""What each kind of approved request does, inside the transaction that approves it.

Each function moves the portfolio's reference before the breaker's version: the database lets
either loosen only by a request that was made for the version before.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F

from breaker.domain.approval import Reference
from breaker.domain.machine import BreakerState, check_transition
from breaker.models import Breaker, ChangeRequest, Trip
from breaker.selectors.requests import choice_of, end_of
from breaker.services.desired.execution import make_approved
from breaker.services.desired.places import BadFile
from breaker.services.desired.steps import By
from breaker.services.requests import RequestRefused
from oms.domain.credentials import KeyPurpose
from oms.services.cancelling import end_cancel_run
from oms.services.closing import end_close_runs
from oms.services.keys import KeyRefused, release_key
from portfolio.domain.holdings import VenueKind
from portfolio.domain.valuation import Book
from portfolio.models import Evaluation, Portfolio, VenueAccount
from portfolio.services import flows, history
from riskconsole.alerts.models import Level
from riskconsole.alerts.services import raise_alert
from riskconsole.audit.chain import Payload
from riskconsole.audit.services import record
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import (
    EXACT,
    decimal_from,
    known_money_text,
    money_text,
    to_money_step,
)
from riskconsole.live.publish import publish_on_commit
from riskconsole.people import standing
from riskconsole.people.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An approved request, checked, on its way to be carried out.

    :param book: what the portfolio holds at the marks that it was checked at
    """

    request: ChangeRequest
    payload: Mapping[str, Any]
    approver: User
    exceptions: frozenset[str]
    book: Book | None
    address: str
    now: datetime

    @property
    def equity(self) -> Decimal:
        """The portfolio's equity at the marks that the request was checked at."""
        return self.book_of_portfolio.equity

    @property
    def book_of_portfolio(self) -> Book:
        if self.book is None:
            raise RequestRefused("This request concerns no portfolio")
        return self.book

    @property
    def portfolio(self) -> Portfolio:
        """The portfolio that it concerns.

        :raises RequestRefused: if it concerns the site
        """
        if self.request.portfolio is None:
            raise RequestRefused("This request concerns no portfolio")
        return self.request.portfolio


def reset(order: Order) -> None:
    """Let the desk trade again: the trip, its legs and its cancel run end."""
    portfolio, trip = order.portfolio, order.request.trip
    if trip is None:
        raise RequestRefused("This request concerns no trip")
    is_rebase = choice_of(dict(order.payload)) is Reference.REBASE
    equity = to_money_step(order.equity)
    before = portfolio.reference_equity
    _except_accounts(order)
    if is_rebase:
        Portfolio.objects.filter(pk=portfolio.pk).update(reference_equity=equity)
    end_cancel_run(cause=f"trip:{trip.pk}", excepted=order.exceptions, now=order.now)
    end_close_runs(portfolio_id=portfolio.pk, now=order.now)
    _move(
        order,
        BreakerState.ACTIVE,
        is_rebased=portfolio.breaker.is_rebased or is_rebase,
    )
    Trip.objects.filter(pk=trip.pk).update(reset_at=order.now)
    _forget_blindness(portfolio)
    history.keep_around(portfolio_id=portfolio.pk, at=order.now)
    _tell_people(order, f"{portfolio.name} was reset: the gate opens once it is evaluated")
    _record(
        order,
        "breaker.reset.happened",
        {
            "trip": trip.pk,
            "reference": "REBASE" if is_rebase else "KEEP",
            "equity": money_text(equity),
            "reference_before": known_money_text(before),
            "reference_after": money_text(equity) if is_rebase else known_money_text(before),
        },
    )


def disable(order: Order) -> None:
    """Stop watching until the end that was asked for."""
    until = end_of(dict(order.payload))
    if until <= order.now:
        raise RequestRefused("The end that was asked for is past")
    _move(order, BreakerState.DISABLED, disabled_until=until)
    _tell_people(order, f"{order.portfolio.name} is not guarded until {time_text(until)}")
    _record(
        order,
        "breaker.disable.began",
        {"until": time_text(until), "reason": order.request.reason},
    )


def confirm_restore(order: Order) -> None:
    """Let a portfolio go on although its database was restored."""
    _bump(order, is_restored=False)
    _record(order, "breaker.restore.confirmed", {})


def make_change(order: Order) -> None:
    """Make what the document says so, although it loosens."""
    by = By(now=order.now, actor=f"user:{order.approver.username}", address=order.address)
    try:
        make_approved(
            json.loads(order.payload["document"]),
            portfolio=order.request.portfolio.slug if order.request.portfolio else "",
            by=by,
        )
    except BadFile as error:
        raise RequestRefused(f"This cannot be done any more: {error}") from error
    _use_version_up(order)


def note_flow(order: Order) -> None:
    """Count money that came or went as neither profit nor loss."""
    portfolio, amount = order.portfolio, decimal_from(order.payload["amount"])
    equity = order.equity
    before = EXACT.subtract(equity, amount)
    moved = flows.apply_flow(portfolio=portfolio, before=before, after=equity)
    _bump(order)
    _record(
        order,
        "portfolio.flow.noted",
        {
            "amount": money_text(amount),
            "equity_before": money_text(before),
            "equity_after": money_text(equity),
            "reference_before": known_money_text(portfolio.reference_equity),
            "reference_after": known_money_text(moved.reference_equity),
        },
    )


def remove(order: Order) -> None:
    """Let an account end as a cash flow of its last equity."""
    portfolio = order.portfolio
    account = VenueAccount.objects.filter(
        portfolio=portfolio, slug=order.payload["account"]
    ).first()
    if account is None:
        raise RequestRefused("The account does not belong to the portfolio any more")
    worth = order.book_of_portfolio.equity_of(account.pk)
    rest = EXACT.subtract(order.equity, worth)
    flows.remove_account(account=account, now=order.now)
    moved = flows.apply_flow(portfolio=portfolio, before=order.equity, after=rest)
    _bump(order)
    _record(
        order,
        "portfolio.account.removed",
        {
            "account": account.slug,
            "equity": money_text(worth),
            "reference_before": known_money_text(portfolio.reference_equity),
            "reference_after": known_money_text(moved.reference_equity),
        },
    )


def let_go_of_key(order: Order) -> None:
    """Let one person remove or swap a key within an hour; who sets the new one types it himself."""
    account, purpose = order.payload["account"], KeyPurpose(order.payload["purpose"])
    try:
        until = release_key(
            portfolio_id=order.portfolio.pk,
            account=account,
            purpose=purpose,
            key_hint=order.payload["key_hint"],
            approval=f"request:{order.request.pk}",
            now=order.now,
        )
    except KeyRefused as error:
        raise RequestRefused(f"This cannot be done any more: {error}") from error
    _bump(order)
    _record(
        order,
        "oms.key.released",
        {"account": account, "purpose": purpose, "until": time_text(until)},
    )


def reset_second_factor(order: Order) -> None:
    """Let somebody enrol a new second factor."""
    user = User.objects.filter(username=order.payload["user"]).first()
    if user is None:
        raise RequestRefused("There is no such user any more")
    standing.reset_second_factor(
        user=user,
        by=order.approver,
        is_any_armed=True,
        address=order.address,
        now=order.now,
        approval=f"request:{order.request.pk}",
    )


def _move(order: Order, after: BreakerState, **columns: object) -> None:
    breaker = order.portfolio.breaker
    check_transition(BreakerState(breaker.state), after, is_approved=True)
    _bump(order, state=after, state_since=order.now, **columns)
    publish_on_commit(
        {
            "type": "breaker.changed",
            "portfolio": order.portfolio.slug,
            "version": breaker.version + 1,
            "state": after,
            "at": time_text(order.now),
        }
    )


def _bump(order: Order, **columns: object) -> None:
    """Write the columns with the next version, over the one that the request was made for."""
    version = order.request.version or 0
    as_asked = Breaker.objects.filter(portfolio=order.portfolio, version=version)
    if not as_asked.update(**columns, version=F("version") + 1):
        raise RequestRefused("The breaker changed since this was asked for: ask again")


def _use_version_up(order: Order) -> None:
    """Move the version on, unless the change of a limit did: what was approved is used once."""
    portfolio, version = order.request.portfolio, order.request.version
    if portfolio is not None and version is not None:
        as_asked = Breaker.objects.filter(portfolio=portfolio, version=version)
        as_asked.update(version=F("version") + 1)


def _except_accounts(order: Order) -> None:
    """An account that could not be read keeps its last quantities; a manual one was read by eye."""
    VenueAccount.objects.filter(portfolio=order.portfolio, slug__in=order.exceptions).exclude(
        venue__kind=VenueKind.MANUAL
    ).update(is_excepted=True)
    Portfolio.objects.filter(pk=order.portfolio.pk).update(
        holdings_version=F("holdings_version") + 1
    )


def _forget_blindness(portfolio: Portfolio) -> None:
    Evaluation.objects.filter(portfolio=portfolio).update(
        blind_since=None, not_blind_since=None, warning_clear_since=None
    )


def _tell_people(order: Order, subject: str) -> None:
    raise_alert(
        portfolio=order.portfolio.slug,
        cause=f"request:{order.request.pk}",
        level=Level.WARNING,
        subject=subject,
        body=(
            f"{order.request.requester.username} asked, {order.approver.username} approved.\n"
            f"{order.request.reason}"
        ),
        now=order.now,
    )


def _record(order: Order, action: str, payload: Payload) -> None:
    record(
        action=action,
        subject=f"portfolio:{order.portfolio.slug}",
        portfolio=order.portfolio.slug,
        actor=f"user:{order.approver.username}",
        address=order.address,
        payload={"request": order.request.pk, **payload},
        now=order.now,
    )
