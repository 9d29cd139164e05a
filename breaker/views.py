"""The overview, each portfolio, and what an operator does there."""

from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from breaker.domain.gate import answer
from breaker.forms import CrashForm, HaltForm
from breaker.models import Breaker
from breaker.selectors import series
from breaker.selectors.drawing import window_of
from breaker.selectors.events import FEED_ACTIONS, FEED_READS
from breaker.selectors.overview import overview_of
from breaker.selectors.portfolio import halt_effects, portfolio_page
from breaker.selectors.recent import SPARK_SPAN, spark_points
from breaker.selectors.rows import breakers_of, operated_ids, row_of
from breaker.services import tripping
from breaker.services.gate import MayNotResume, facts_of
from breaker.services.gate import pause as pause_gate
from breaker.services.gate import resume as resume_gate
from oms.venues.paper_market import start_crash
from portfolio.models import Portfolio
from portfolio.selectors import may_halt, visible_portfolios
from riskconsole.addresses import address_of
from riskconsole.audit.selectors import newest_entries, slugs_readable_by
from riskconsole.audit.services import record
from riskconsole.people.models import User


@never_cache
@login_required
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    now, user = timezone.now(), _user(request)
    breakers = breakers_of(visible_portfolios(user))
    operated = operated_ids(user)
    points = spark_points([breaker.portfolio_id for breaker in breakers], now=now)
    sparks = window_of(points.values(), span=SPARK_SPAN, now=now)
    rows = [
        row_of(
            breaker,
            gate=answer(facts_of(breaker, now=now)),
            now=now,
            may_halt=breaker.portfolio_id in operated,
            window=sparks,
            points=points[breaker.portfolio_id],
        )
        for breaker in breakers
    ]
    entries = newest_entries(slugs=slugs_readable_by(user), limit=FEED_READS, actions=FEED_ACTIONS)
    page = overview_of(rows, sparks=sparks, entries=entries, now=now)
    return render(request, "breaker/overview.html", {"page": page})


@never_cache
@login_required
@require_GET
def portfolio(request: HttpRequest, slug: str) -> HttpResponse:
    now, user = timezone.now(), _user(request)
    breaker = _breaker_or_404(request, slug)
    row = row_of(
        breaker,
        gate=answer(facts_of(breaker, now=now)),
        now=now,
        may_halt=may_halt(user=user, portfolio=breaker.portfolio),
    )
    context = {
        "page": portfolio_page(row, now=now),
        "row": row,
        "ranges": list(series.RANGES),
        "range": _range_of(request),
    }
    return render(request, "breaker/portfolio.html", context)


@never_cache
@login_required
@gzip_page
@require_GET
def equity(request: HttpRequest, slug: str) -> JsonResponse:
    """Answer with the chart of a range; gzip is safe, nothing secret stands beside what is sent."""
    breaker, now = _breaker_or_404(request, slug), timezone.now()
    start = series.start_of(_range_of(request), now=now, breaker=breaker)
    return JsonResponse(series.chart_facts(breaker, start=start, end=now))


@never_cache
@login_required
@require_GET
def equity_table(request: HttpRequest, slug: str) -> HttpResponse:
    breaker, now, name = _breaker_or_404(request, slug), timezone.now(), _range_of(request)
    start = series.start_of(name, now=now, breaker=breaker)
    context = {
        "portfolio": breaker.portfolio,
        "range": name,
        "points": series.table_points(breaker, start=start, end=now),
    }
    return render(request, "breaker/equity_table.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def halt(request: HttpRequest, slug: str) -> HttpResponse:
    breaker, now = _operated_breaker(request, slug), timezone.now()
    form = HaltForm(request.POST if request.method == "POST" else None, slug=slug)
    if not form.is_valid():
        return _halt_page(request, breaker, form, now=now)
    tripping.halt(
        portfolio_id=breaker.portfolio_id,
        reason=form.cleaned_data["reason"],
        actor=_actor(request),
        address=address_of(request),
        now=now,
    )
    return redirect("breaker:portfolio", slug)


@never_cache
@login_required
@require_POST
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    breaker = _operated_breaker(request, slug)
    pause_gate(
        portfolio_id=breaker.portfolio_id,
        actor=_actor(request),
        address=address_of(request),
        now=timezone.now(),
    )
    return redirect("breaker:portfolio", slug)


@never_cache
@login_required
@require_POST
def resume(request: HttpRequest, slug: str) -> HttpResponse:
    breaker = _operated_breaker(request, slug)
    try:
        resume_gate(
            portfolio_id=breaker.portfolio_id,
            actor=_actor(request),
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
    breaker = _operated_breaker(request, slug)
    with transaction.atomic():
        start_crash(portfolio_id=breaker.portfolio_id)
        _note(request, action="oms.crash.started", slug=slug)
    return redirect("breaker:overview")


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


def _breaker_or_404(request: HttpRequest, slug: str) -> Breaker:
    """Return the breaker of a portfolio that the user may see; any other does not exist."""
    visible = visible_portfolios(_user(request)).filter(slug=slug)
    found = breakers_of(visible)
    if found:
        return found[0]
    if Portfolio.objects.filter(slug=slug).exists():
        _note_refusal(request, slug)
    raise Http404


def _operated_breaker(request: HttpRequest, slug: str) -> Breaker:
    """Return the breaker of a portfolio that the user may halt."""
    breaker = _breaker_or_404(request, slug)
    if not may_halt(user=_user(request), portfolio=breaker.portfolio):
        _note_refusal(request, slug)
        raise PermissionDenied
    return breaker


def _note_refusal(request: HttpRequest, slug: str) -> None:
    with transaction.atomic():
        _note(request, action="people.access.refused", slug=slug)


def _note(request: HttpRequest, *, action: str, slug: str) -> None:
    record(
        action=action,
        subject=f"portfolio:{slug}",
        portfolio=slug,
        payload={"method": request.method or "", "path": request.path[:200]},
        now=timezone.now(),
        actor=_actor(request),
        address=address_of(request),
    )


def _range_of(request: HttpRequest) -> str:
    name = request.GET.get("range", series.DEFAULT_RANGE)
    return name if name in series.RANGES else series.DEFAULT_RANGE


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _actor(request: HttpRequest) -> str:
    return f"user:{_user(request).username}"
