"""Ask for a change that loosens, take it back, and end what nobody decided in time."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from breaker.domain.approval import (
    KIND_WORDS,
    LIFE,
    LONGEST_DISABLE,
    SHORTEST_REASON,
    SOLO_LIFE,
    Reference,
    RequestKind,
    RequestStatus,
)
from breaker.domain.machine import WATCHED
from breaker.models import Breaker, ChangeRequest, Trip
from breaker.services.desired.execution import concerned
from breaker.services.desired.places import BadFile
from oms.domain.credentials import KeyPurpose
from oms.selectors import key_hints
from portfolio.models import Membership, Portfolio, Role
from riskconsole.alerts.models import Level
from riskconsole.alerts.services import raise_alert
from riskconsole.audit.chain import Payload, canonical
from riskconsole.audit.services import SYSTEM, record
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import ZERO, money_text, to_money_step
from riskconsole.live.publish import publish_on_commit
from riskconsole.people.models import SiteRole, User


class RequestRefused(RiskConsoleError):
    """A request cannot be made or decided as asked; field names what is wrong, where one is."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


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
    return _ask(
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
    return _ask(
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
    return _ask(
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
    return _ask(
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
    return _ask(
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
    return _ask(
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
    return _ask(
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
    return _ask(
        RequestKind.SECOND_FACTOR,
        portfolio=None,
        requester=requester,
        reason=reason,
        payload={"user": user.username},
        address=address,
        now=now,
    )


@transaction.atomic
def withdraw(*, request_id: int, requester: User, address: str, now: datetime) -> None:
    """Take a request back; only who made it may.

    :raises RequestRefused: if it is somebody else's, or decided
    """
    open_one = ChangeRequest.objects.filter(
        pk=request_id, requester=requester, status=RequestStatus.OPEN
    )
    request = open_one.select_related("portfolio").first()
    if request is None or not _close(open_one, RequestStatus.WITHDRAWN, "", now=now):
        raise RequestRefused("This request is not open, or not yours")
    tell(
        request,
        action="breaker.request.withdrawn",
        actor=f"user:{requester.username}",
        address=address,
        now=now,
    )


@transaction.atomic
def void_outdated(*, portfolio_id: int | None = None, now: datetime) -> None:
    """End the requests that expired, and those made for a version that is gone.

    All are locked before the first is told, since whoever withdraws one takes the log after it.
    """
    waiting = ChangeRequest.objects.filter(status=RequestStatus.OPEN)
    if portfolio_id is not None:
        waiting = waiting.filter(portfolio=portfolio_id)
    is_of_old_version = Q(portfolio__isnull=False) & ~Q(version=F("portfolio__breaker__version"))
    outdated = waiting.filter(Q(expires_at__lte=now) | is_of_old_version)
    if not outdated.exists():
        return
    locked = outdated.select_for_update(of=("self",)).select_related("portfolio").order_by("pk")
    requests = list(locked)
    for request in requests:
        _close(ChangeRequest.objects.filter(pk=request.pk), *_ending(request, now=now), now=now)
    for request in requests:
        status, why = _ending(request, now=now)
        tell(request, action=f"breaker.request.{status.lower()}", payload={"why": why}, now=now)


def _ending(request: ChangeRequest, *, now: datetime) -> tuple[RequestStatus, str]:
    if request.expires_at <= now:
        return RequestStatus.EXPIRED, "nobody decided in time"
    return RequestStatus.VOID, "the breaker changed since it was asked for"


def _close(
    requests: QuerySet[ChangeRequest], status: RequestStatus, outcome: str, *, now: datetime
) -> bool:
    return requests.update(status=status, closed_at=now, outcome=outcome) == 1


@transaction.atomic
def _ask(
    kind: RequestKind,
    *,
    portfolio: Portfolio | None,
    requester: User,
    reason: str,
    payload: Payload,
    address: str,
    now: datetime,
    trip: Trip | None = None,
) -> ChangeRequest:
    """Write the request down for the version that the breaker has now."""
    _check_requester(kind, portfolio=portfolio, requester=requester)
    text = canonical(payload)
    breaker = None if portfolio is None else Breaker.objects.get(portfolio=portfolio)
    request = _create(
        kind=kind,
        portfolio=portfolio,
        trip=trip,
        version=None if breaker is None else breaker.version,
        requester=requester,
        reason=_checked_reason(reason),
        payload=text,
        payload_hash=payload_hash(text),
        quorum=1 if breaker is None else breaker.quorum,
        is_solo=settings.IS_SOLO,
        created_at=now,
        expires_at=now + (SOLO_LIFE if settings.IS_SOLO else LIFE),
    )
    _raise_alert(request, now=now)
    tell(
        request,
        action="breaker.request.made",
        actor=f"user:{requester.username}",
        address=address,
        payload={"reason": request.reason, "version": request.version, "asks": payload},
        now=now,
    )
    return request


def payload_hash(text: str) -> str:
    """Return the SHA-256 that binds every vote to what was asked for."""
    return hashlib.sha256(text.encode()).hexdigest()


def tell(
    request: ChangeRequest,
    *,
    action: str,
    now: datetime,
    actor: str = SYSTEM,
    address: str = "",
    payload: Payload | None = None,
) -> None:
    """Publish the request's change and put it into the log, marked where one person acts alone."""
    slug = request.portfolio.slug if request.portfolio else ""
    publish_on_commit(
        {
            "type": "request.changed",
            "portfolio": slug,
            "version": request.version or 0,
            "request": request.pk,
        }
    )
    facts: dict[str, object] = {"kind": request.kind, "payload_hash": request.payload_hash}
    if request.is_solo:
        facts["solo"] = "one person works alone"
    record(
        action=action,
        subject=f"request:{request.pk}",
        portfolio=slug,
        actor=actor,
        address=address,
        payload={**facts, **(payload or {})},  # type: ignore[dict-item]
        now=now,
    )


def may_request(*, kind: RequestKind, portfolio: Portfolio | None, user: User) -> bool:
    """Return whether the user may ask for this."""
    if not user.is_active:
        return False
    is_admin = user.site_role == SiteRole.ADMIN
    if portfolio is None:
        return is_admin
    if is_admin and kind in {RequestKind.CHANGE, RequestKind.REMOVAL, RequestKind.KEY}:
        return True
    return Membership.objects.filter(portfolio=portfolio, user=user, role=Role.OPERATOR).exists()


def _check_requester(kind: RequestKind, *, portfolio: Portfolio | None, requester: User) -> None:
    if not may_request(kind=kind, portfolio=portfolio, user=requester):
        where = portfolio.name if portfolio else "the site"
        raise RequestRefused(f"You may not ask to {KIND_WORDS[kind]} of {where}")


def _checked_reason(reason: str) -> str:
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
    if len(cleaned) < SHORTEST_REASON:
        raise RequestRefused(
            f"The reason needs at least {SHORTEST_REASON} characters, this has {len(cleaned)}",
            field="reason",
        )
    return cleaned


def _create(**columns: object) -> ChangeRequest:
    """Create the row; of two resets of one trip the database lets one be."""
    create: Callable[..., ChangeRequest] = ChangeRequest.objects.create
    try:
        with transaction.atomic():
            return create(**columns)
    except IntegrityError as error:
        if columns["trip"] is None:
            raise
        raise RequestRefused("A reset of this trip has been asked for already") from error


def _raise_alert(request: ChangeRequest, *, now: datetime) -> None:
    name = request.portfolio.name if request.portfolio else "The site"
    words = KIND_WORDS[RequestKind(request.kind)]
    raise_alert(
        portfolio=request.portfolio.slug if request.portfolio else "",
        cause=f"request:{request.pk}",
        level=Level.INFO,
        subject=f"{name}: {request.requester.username} asks to {words}",
        body=f"{request.reason}\nIt waits for an approver until {time_text(request.expires_at)}.",
        now=now,
    )
