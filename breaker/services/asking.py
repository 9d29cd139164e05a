"""What may be asked for: each kind of request, with what is checked before it is written down."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from breaker.domain.approval import LONGEST_DISABLE, Reference, RequestKind, RequestStatus
from breaker.domain.machine import WATCHED
from breaker.models import Breaker, ChangeRequest, Trip
from breaker.services.desired.execution import concerned
from breaker.services.desired.places import BadFile
from breaker.services.requests import RequestRefused, make_request
from oms.domain.credentials import KeyPurpose
from oms.selectors import key_hints
from portfolio.models import Portfolio
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import ZERO, money_text, to_money_step
from riskconsole.people.models import User


def ask_reset(
    *,
    portfolio: Portfolio,
    requester: User,
    reason: str,
    reference: Reference,
    address: str,
    now: datetime,
) -> ChangeRequest:
    """Ask that the open trip is reset; there is one open request for each trip.

    :raises RequestRefused: if the breaker is not TRIGGERED, or a reset is asked for already
    """
    trip = Trip.objects.filter(breaker__portfolio=portfolio, reset_at=None).first()
    if trip is None:
        raise RequestRefused(f"{portfolio.name} is not triggered")
    if ChangeRequest.objects.filter(trip=trip, status=RequestStatus.OPEN).exists():
        raise RequestRefused("A reset of this trip has been asked for already")
    return make_request(
        RequestKind.RESET,
        portfolio=portfolio,
        trip=trip,
        requester=requester,
        reason=reason,
        payload={"trip": trip.pk, "reference": reference},
        address=address,
        now=now,
    )


def ask_disable(
    *,
    portfolio: Portfolio,
    requester: User,
    reason: str,
    until: datetime,
    address: str,
    now: datetime,
) -> ChangeRequest:
    """Ask that a watched breaker is disabled until a time, at most eight hours ahead.

    :raises RequestRefused: if it is not watched, or the end is past or too far
    """
    if Breaker.objects.get(portfolio=portfolio).state not in WATCHED:
        raise RequestRefused(f"{portfolio.name} is not ACTIVE or WARNING")
    if not now < until <= now + LONGEST_DISABLE:
        raise RequestRefused("The end must be within the next 8 hours", field="until")
    return make_request(
        RequestKind.DISABLE,
        portfolio=portfolio,
        requester=requester,
        reason=reason,
        payload={"until": time_text(until)},
        address=address,
        now=now,
    )


def ask_restore(
    *, portfolio: Portfolio, requester: User, reason: str, address: str, now: datetime
) -> ChangeRequest:
    """Ask that a portfolio goes on although its database was restored.

    :raises RequestRefused: if no restore was noticed
    """
    if not Breaker.objects.get(portfolio=portfolio).is_restored:
        raise RequestRefused(f"No restore of {portfolio.name} was noticed")
    return make_request(
        RequestKind.RESTORE,
        portfolio=portfolio,
        requester=requester,
        reason=reason,
        payload={},
        address=address,
        now=now,
    )


def ask_flow(
    *,
    portfolio: Portfolio,
    requester: User,
    reason: str,
    amount: Decimal,
    address: str,
    now: datetime,
) -> ChangeRequest:
    """Ask that money which has come (above zero) or gone (below) is no profit and no loss.

    :raises RequestRefused: for zero, and for a portfolio that is not armed and protected
    """
    amount = to_money_step(amount)
    if amount == ZERO:
        raise RequestRefused("The amount must not be zero", field="amount")
    if portfolio.armed_at is None or portfolio.reference_equity is None:
        raise RequestRefused(f"{portfolio.name} is not armed and protected yet")
    return make_request(
        RequestKind.FLOW,
        portfolio=portfolio,
        requester=requester,
        reason=reason,
        payload={"amount": money_text(amount)},
        address=address,
        now=now,
    )


def ask_removal(
    *,
    portfolio: Portfolio,
    requester: User,
    reason: str,
    account: str,
    address: str,
    now: datetime,
) -> ChangeRequest:
    """Ask that an account no longer belongs to its armed portfolio.

    :raises RequestRefused: if it has no such account
    """
    if not portfolio.accounts.filter(slug=account, removed_at=None).exists():
        raise RequestRefused(f"{portfolio.name} has no account {account}", field="account")
    return make_request(
        RequestKind.REMOVAL,
        portfolio=portfolio,
        requester=requester,
        reason=reason,
        payload={"account": account},
        address=address,
        now=now,
    )


def ask_key(
    *,
    portfolio: Portfolio,
    requester: User,
    reason: str,
    account: str,
    purpose: KeyPurpose,
    address: str,
    now: datetime,
) -> ChangeRequest:
    """Ask that a key of an armed portfolio may be removed, or swapped for another account's.

    :raises RequestRefused: if there is no such key
    """
    hint = key_hints(portfolio).get((account, purpose))
    if hint is None:
        raise RequestRefused(f"{portfolio.name} has no {purpose} key of {account}", field="key")
    return make_request(
        RequestKind.KEY,
        portfolio=portfolio,
        requester=requester,
        reason=reason,
        payload={"account": account, "purpose": purpose, "key_hint": hint},
        address=address,
        now=now,
    )


def ask_change(
    *,
    portfolio: Portfolio | None,
    requester: User,
    reason: str,
    wanted: Mapping[str, object],
    lines: list[str],
    address: str,
    now: datetime,
) -> ChangeRequest:
    """Ask that what a document says is made so; what it changes has been checked.

    :param portfolio: the only one that it concerns; None for people and venues
    :param lines: the differences as a person reads them
    :raises RequestRefused: if it concerns anything else
    """
    try:
        concerned(wanted, portfolio=portfolio.slug if portfolio else "")
    except BadFile as error:
        raise RequestRefused(str(error)) from error
    return make_request(
        RequestKind.CHANGE,
        portfolio=portfolio,
        requester=requester,
        reason=reason,
        payload={"document": json.dumps(wanted, sort_keys=True), "changes": lines},
        address=address,
        now=now,
    )


def ask_second_factor(
    *, user: User, requester: User, reason: str, address: str, now: datetime
) -> ChangeRequest:
    """Ask that somebody may enrol a new second factor."""
    return make_request(
        RequestKind.SECOND_FACTOR,
        portfolio=None,
        requester=requester,
        reason=reason,
        payload={"user": user.username},
        address=address,
        now=now,
    )
