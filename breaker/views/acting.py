"""What an operator does: halt, pause, end the pause, and in a demo start a crash."""

import logging
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from breaker.domain.gate import answer
from breaker.forms.halting import CrashForm, HaltAllForm, HaltForm
from breaker.models import Breaker
from breaker.selectors.portfolio import halt_effects
from breaker.selectors.rows import breakers_of, operated_ids
from breaker.services import tripping, upkeep
from breaker.services.gate import MayNotResume, facts_of
from breaker.services.gate import pause as pause_gate
from breaker.services.gate import resume as resume_gate
from breaker.services.upkeep import NotDisabled
from breaker.views.common import actor_of, note, note_refusal, operated_breaker, user_of
from oms.venues.paper_market import start_crash
from portfolio.models import Portfolio
from riskconsole.addresses import address_of
from riskconsole.people.middleware import open_without_second_factor

logger = logging.getLogger(__name__)


@open_without_second_factor
@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def halt(request: HttpRequest, slug: str) -> HttpResponse:
    breaker, now = operated_breaker(request, slug), timezone.now()
    form = HaltForm(request.POST if request.method == "POST" else None, word=slug)
    if not form.is_valid():
        return _halt_page(request, breaker, form, now=now)
    tripping.halt(
        portfolio_id=breaker.portfolio_id,
        reason=form.cleaned_data["reason"],
        actor=actor_of(request),
        address=address_of(request),
        now=now,
    )
    return redirect("breaker:portfolio", slug)


@open_without_second_factor
@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def halt_all(request: HttpRequest) -> HttpResponse:
    """Halt every portfolio that the user may halt; whatever stops one stops no other."""
    breakers = breakers_of(Portfolio.objects.filter(pk__in=operated_ids(user_of(request))))
    if not breakers:
        note_refusal(request, "")
        raise PermissionDenied
    form = HaltAllForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(request, "breaker/halt_all.html", {"breakers": breakers, "form": form})
    reason = form.cleaned_data["reason"]
    failed = [one.portfolio.name for one in breakers if not _halt(request, one, reason=reason)]
    if failed:
        messages.error(request, f"NOT halted: {', '.join(failed)}. Halt them one by one.")
    return redirect("breaker:breakers")


@never_cache
@login_required
@require_POST
def enable(request: HttpRequest, slug: str) -> HttpResponse:
    """Watch a disabled portfolio again, before its time."""
    breaker = operated_breaker(request, slug)
    try:
        upkeep.enable(
            portfolio_id=breaker.portfolio_id,
            actor=actor_of(request),
            address=address_of(request),
            now=timezone.now(),
        )
    except NotDisabled as error:
        messages.error(request, str(error))
    return redirect("breaker:portfolio", slug)


@never_cache
@login_required
@require_POST
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    breaker = operated_breaker(request, slug)
    pause_gate(
        portfolio_id=breaker.portfolio_id,
        actor=actor_of(request),
        address=address_of(request),
        now=timezone.now(),
    )
    return redirect("breaker:portfolio", slug)


@never_cache
@login_required
@require_POST
def resume(request: HttpRequest, slug: str) -> HttpResponse:
    breaker = operated_breaker(request, slug)
    try:
        resume_gate(
            portfolio_id=breaker.portfolio_id,
            actor=actor_of(request),
            address=address_of(request),
            now=timezone.now(),
        )
    except MayNotResume as error:
        messages.error(request, str(error))
    return redirect("breaker:portfolio", slug)


@never_cache
@login_required
@require_POST
def crash(request: HttpRequest) -> HttpResponse:
    """Let the simulated market of a demo's portfolio fall."""
    form = CrashForm(request.POST)
    if not settings.IS_DEMO or not form.is_valid():
        raise Http404
    slug = form.cleaned_data["portfolio"]
    breaker = operated_breaker(request, slug)
    with transaction.atomic():
        start_crash(portfolio_id=breaker.portfolio_id)
        note(request, action="oms.crash.started", slug=slug)
    return redirect("breaker:overview")


def _halt(request: HttpRequest, breaker: Breaker, *, reason: str) -> bool:
    """Return whether the halt is durable."""
    try:
        tripping.halt(
            portfolio_id=breaker.portfolio_id,
            reason=reason,
            actor=actor_of(request),
            address=address_of(request),
            now=timezone.now(),
        )
    except Exception:
        logger.exception("%s was not halted", breaker.portfolio.slug)
        return False
    return True


def _halt_page(
    request: HttpRequest, breaker: Breaker, form: HaltForm, *, now: datetime
) -> HttpResponse:
    context = {
        "portfolio": breaker.portfolio,
        "gate": answer(facts_of(breaker, now=now)),
        "effects": halt_effects(breaker),
        "form": form,
    }
    return render(request, "breaker/halt.html", context)
