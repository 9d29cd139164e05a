"""A request for a change that loosens: written down, taken back, ended undecided."""

import hashlib
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from breaker.domain.approval import (
    KIND_WORDS,
    LIFE,
    SHORTEST_REASON,
    SOLO_LIFE,
    RequestKind,
    RequestStatus,
)
from breaker.models import Breaker, ChangeRequest, Trip
from portfolio.models import Membership, Portfolio, Role
from riskconsole.alerts.models import Level
from riskconsole.alerts.services import raise_alert
from riskconsole.audit.chain import Payload, canonical
from riskconsole.audit.services import SYSTEM, record
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.live.publish import publish_on_commit
from riskconsole.people.models import SiteRole, User


class RequestRefused(RiskConsoleError):
    """A request cannot be made or decided as asked; field names what is wrong, where one is."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


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
def make_request(
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
    """Write the request down for the version that the breaker has now.

    :raises RequestRefused: if the requester may not ask for it, or the reason is too short
    """
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
