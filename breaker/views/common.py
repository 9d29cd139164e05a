"""What every page needs: who asks, and the portfolio if it exists for them."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest
from django.utils import timezone

from breaker.models import Breaker
from breaker.selectors.rows import breakers_of
from portfolio.models import Portfolio
from portfolio.selectors import may_halt, visible_portfolios
from riskconsole.addresses import address_of
from riskconsole.audit.services import record
from riskconsole.people.models import User


def breaker_or_404(request: HttpRequest, slug: str) -> Breaker:
    """Return the breaker of a portfolio that the user may see; any other does not exist."""
    visible = visible_portfolios(user_of(request)).filter(slug=slug)
    found = breakers_of(visible)
    if found:
        return found[0]
    if Portfolio.objects.filter(slug=slug).exists():
        note_refusal(request, slug)
    raise Http404


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
        subject=f"portfolio:{slug}",
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
