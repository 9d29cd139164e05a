"""Requests as rows of a list: what waits, what was decided, and how many wait for one person."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from breaker.domain.approval import Reference, RequestKind, RequestStatus
from breaker.models import ChangeRequest
from breaker.selectors.requests import choice_of, end_of
from portfolio.models import Role
from portfolio.selectors import visible_portfolios
from riskconsole.people.models import SiteRole, User

MOST_DECIDED = 20
SITE = "the site"
CHANGED = re.compile(r"^[~+] (?:portfolio [\w-]+: )?")
TITLES: Mapping[RequestKind, str] = {
    RequestKind.RESET: "Reset {name}",
    RequestKind.DISABLE: "Disable {name}",
    RequestKind.RESTORE: "{name}: go on after a restore",
    RequestKind.CHANGE: "Change {name}",
    RequestKind.FLOW: "{name}: deposit or withdrawal",
    RequestKind.REMOVAL: "{name}: remove an account",
    RequestKind.KEY: "{name}: remove or swap a key",
    RequestKind.SECOND_FACTOR: "Reset a second factor",
}
CHOICES: Mapping[Reference, str] = {
    Reference.KEEP: "Keep the reference",
    Reference.REBASE: "Move the reference to the equity at the approval",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """One request.

    :param asks: what is asked for, a line each
    :param left: until it expires
    :param outcome: who decided it, in words; empty while it is open
    """

    pk: int
    kind: RequestKind
    title: str
    slug: str
    requester: str
    asks: tuple[str, ...]
    status: RequestStatus
    is_solo: bool
    created_at: datetime
    expires_at: datetime
    left: timedelta
    closed_at: datetime | None
    closed_for: timedelta | None
    outcome: str

    @property
    def is_open(self) -> bool:
        return self.status is RequestStatus.OPEN


def visible_requests(user: User) -> QuerySet[ChangeRequest]:
    """Return the requests that the user may see: any other does not exist."""
    visible = Q(portfolio__in=visible_portfolios(user))
    if user.is_active and user.site_role:
        visible |= Q(portfolio=None)
    return ChangeRequest.objects.filter(visible).select_related("portfolio", "requester")


def waiting_rows(requests: QuerySet[ChangeRequest], *, now: datetime) -> tuple[RequestRow, ...]:
    """Return the open ones, the one that expires first on top."""
    waiting = requests.filter(status=RequestStatus.OPEN).order_by("expires_at", "pk")
    return _rows(waiting, now=now)


def decided_rows(requests: QuerySet[ChangeRequest], *, now: datetime) -> tuple[RequestRow, ...]:
    """Return the newest of the closed ones."""
    closed = requests.exclude(status=RequestStatus.OPEN).order_by("-closed_at", "-pk")
    return _rows(closed[:MOST_DECIDED], now=now)


def waiting_for(user: User, *, now: datetime) -> int:
    """Return how many open requests this person could decide."""
    decides = Q(portfolio__memberships__user=user, portfolio__memberships__role=Role.APPROVER)
    if user.site_role == SiteRole.ADMIN:
        decides |= Q(portfolio=None)
    waiting = ChangeRequest.objects.filter(decides, status=RequestStatus.OPEN, expires_at__gt=now)
    others = waiting.filter(Q(is_solo=True) | ~Q(requester=user))
    return others.exclude(votes__approver=user).distinct().count()


def row_of_request(request: ChangeRequest, *, now: datetime) -> RequestRow:
    """Return the row of a request with its portfolio and requester loaded."""
    kind, name = RequestKind(request.kind), SITE
    if request.portfolio is not None:
        name = request.portfolio.name
    return RequestRow(
        pk=request.pk,
        kind=kind,
        title=TITLES[kind].format(name=name),
        slug=request.portfolio.slug if request.portfolio else "",
        requester=request.requester.username,
        asks=asks_of(kind, json.loads(request.payload)),
        status=RequestStatus(request.status),
        is_solo=request.is_solo,
        created_at=request.created_at,
        expires_at=request.expires_at,
        left=request.expires_at - now,
        closed_at=request.closed_at,
        closed_for=None if request.closed_at is None else now - request.closed_at,
        outcome=request.outcome or ("" if request.closed_at is None else request.status.lower()),
    )


def asks_of(kind: RequestKind, payload: dict[str, Any]) -> tuple[str, ...]:
    """Return what the payload asks for, in words."""
    if kind is RequestKind.RESET:
        return (CHOICES[choice_of(payload)],)
    if kind is RequestKind.DISABLE:
        return (f"Not guarded until {end_of(payload):%H:%M:%S} UTC",)
    if kind is RequestKind.CHANGE:
        return tuple(_plain(line) for line in payload["changes"])
    if kind is RequestKind.FLOW:
        return (f"{payload['amount']} is neither profit nor loss",)
    if kind is RequestKind.REMOVAL:
        return (f"Account {payload['account']} leaves as a cash flow of its last equity",)
    if kind is RequestKind.KEY:
        key = f"{payload['purpose']} key of account {payload['account']}"
        return (f"The {key}, ...{payload['key_hint']}, may be removed or swapped within an hour",)
    if kind is RequestKind.SECOND_FACTOR:
        return (f"{payload['user']} may enrol a new second factor",)
    return ("The portfolio goes on although its database was restored",)


def _plain(line: str) -> str:
    """Return a change without its sign and its portfolio, which the title names."""
    return CHANGED.sub("", line).replace("->", "→")


def _rows(requests: Iterable[ChangeRequest], *, now: datetime) -> tuple[RequestRow, ...]:
    return tuple(row_of_request(request, now=now) for request in requests)
