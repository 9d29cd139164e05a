"""What every page needs: who asks, and the portfolio if it exists for them."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest
from django.utils import timezone

from breaker.domain.approval import RequestKind
from breaker.models import Breaker, ChangeRequest
from breaker.selectors.rows import breakers_of
from breaker.selectors.waiting import visible_requests
from breaker.services.requests import may_request
from portfolio.models import Portfolio
from portfolio.selectors import may_halt, visible_portfolios
from riskconsole.addresses import address_of
from riskconsole.audit.services import record
from riskconsole.people.models import SiteRole, User


def breaker_or_404(request: HttpRequest, slug: str) -> Breaker:
    """Return the breaker of a portfolio that the user may see; any other does not exist."""
    visible = visible_portfolios(user_of(request)).filter(slug=slug)
    found = breakers_of(visible)
    if found:
        return found[0]
    if Portfolio.objects.filter(slug=slug).exists():
        note_refusal(request, slug)
    raise Http404


def request_or_404(request: HttpRequest, pk: int) -> ChangeRequest:
    """Return a change request that the user may see, with all that its page reads."""
    visible = visible_requests(user_of(request)).filter(pk=pk)
    found = visible.select_related(
        "portfolio__breaker", "portfolio__evaluation", "trip__breaker"
    ).first()
    if found is not None:
        return found
    hidden = ChangeRequest.objects.filter(pk=pk).values_list("portfolio__slug", flat=True)
    for slug in hidden:
        note_refusal(request, slug or "")
    raise Http404


def asked_breaker(request: HttpRequest, slug: str, kind: RequestKind) -> Breaker:
    """Return the breaker of a portfolio of which the user may ask this."""
    breaker = breaker_or_404(request, slug)
    if not may_request(kind=kind, portfolio=breaker.portfolio, user=user_of(request)):
        note_refusal(request, slug)
        raise PermissionDenied
    return breaker


def refuse_all_but_admins(request: HttpRequest, *, slug: str = "") -> None:
    if user_of(request).site_role != SiteRole.ADMIN:
        note_refusal(request, slug)
        raise PermissionDenied


def operated_breaker(request: HttpRequest, slug: str) -> Breaker:
    """Return the breaker of a portfolio that the user may halt."""
    breaker = breaker_or_404(request, slug)
    if not may_halt(user=user_of(request), portfolio=breaker.portfolio):
        note_refusal(request, slug)
        raise PermissionDenied
    return breaker


def note_refusal(request: HttpRequest, slug: str) -> None:
    with transaction.atomic():
        note(request, action="people.access.refused", slug=slug)


def note(request: HttpRequest, *, action: str, slug: str) -> None:
    record(
        action=action,
        subject=f"portfolio:{slug}" if slug else "site",
        portfolio=slug,
        payload={"method": request.method or "", "path": request.path[:200]},
        now=timezone.now(),
        actor=actor_of(request),
        address=address_of(request),
    )


def user_of(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def actor_of(request: HttpRequest) -> str:
    return f"user:{user_of(request).username}"
