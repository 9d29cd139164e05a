"""What the live hub asks of the database: what a session may see, and how that stands now."""

from datetime import datetime
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.utils import timezone

from breaker.domain.gate import Gate, answer
from breaker.models import Breaker
from breaker.selectors.rows import breakers_of
from breaker.services.gate import facts_of
from portfolio.models import Portfolio
from portfolio.selectors import visible_portfolios
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import known_money_text, known_ratio_text
from riskconsole.live.events import PortfolioState
from riskconsole.live.hub import Access
from riskconsole.people.models import User
from riskconsole.people.selectors import has_second_factor

WHOLE_SITE = ""


def access_of(session_key: str) -> Access | None:
    """Return who the session's user is, what they may see and as what; None once signed out.

    Who has yet to add a second factor stays signed in and sees nothing.
    """
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    if not isinstance(user, User):
        return None
    if settings.REQUIRE_MFA and not has_second_factor(user):
        return Access(user_id=user.pk, rights=frozenset())
    slugs = visible_portfolios(user).values_list("slug", flat=True)
    roles = user.memberships.values_list("portfolio__slug", "role")
    site = {(WHOLE_SITE, user.site_role)} if user.site_role else set()
    rights = frozenset({*((slug, "") for slug in slugs), *roles, *site})
    return Access(user_id=user.pk, rights=rights)


def snapshot_of(slugs: frozenset[str]) -> list[PortfolioState]:
    """Return the present state of these portfolios, in the shape of its frame."""
    now = timezone.now()  # noqa: TID251 - what a view is to a page, this is to a socket
    breakers = breakers_of(Portfolio.objects.filter(slug__in=slugs))
    return [
        _state(breaker, gate=answer(facts_of(breaker, now=now)), now=now) for breaker in breakers
    ]


def _state(breaker: Breaker, *, gate: Gate, now: datetime) -> PortfolioState:
    portfolio, evaluation = breaker.portfolio, breaker.portfolio.evaluation
    is_armed = portfolio.armed_at is not None
    return PortfolioState(
        type="portfolio.state",
        portfolio=portfolio.slug,
        version=breaker.version,
        number=evaluation.number,
        equity=known_money_text(evaluation.equity) if is_armed else None,
        loss_ratio=known_ratio_text(evaluation.loss_ratio) if is_armed else None,
        state=gate.state,
        health=gate.health,
        mode=gate.mode,
        at=time_text(evaluation.finished_at or now),
    )
