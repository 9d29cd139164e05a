"""The overview, and each portfolio with its chart."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from breaker.domain.approval import RequestKind
from breaker.domain.gate import answer
from breaker.selectors import series
from breaker.selectors.drawing import window_of
from breaker.selectors.events import FEED_ACTIONS, FEED_READS
from breaker.selectors.overview import overview_of
from breaker.selectors.pending import pending_of
from breaker.selectors.portfolio import portfolio_page
from breaker.selectors.recent import SPARK_SPAN, spark_points
from breaker.selectors.rows import breakers_of, operated_ids, row_of
from breaker.services.gate import facts_of
from breaker.services.requests import may_request
from breaker.views.common import breaker_or_404, user_of
from oms.selectors import key_hints
from portfolio.selectors import may_halt, visible_portfolios
from riskconsole.audit.selectors import newest_entries, slugs_readable_by


@never_cache
@login_required
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    now, user = timezone.now(), user_of(request)
    breakers = breakers_of(visible_portfolios(user))
    operated = operated_ids(user)
    points = spark_points([breaker.portfolio_id for breaker in breakers], now=now)
    pending = pending_of([breaker.portfolio_id for breaker in breakers], now=now)
    sparks = window_of(points.values(), span=SPARK_SPAN, now=now)
    rows = [
        row_of(
            breaker,
            gate=answer(facts_of(breaker, now=now)),
            now=now,
            may_halt=breaker.portfolio_id in operated,
            pending=pending[breaker.portfolio_id],
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
    now, user = timezone.now(), user_of(request)
    breaker = breaker_or_404(request, slug)
    row = row_of(
        breaker,
        gate=answer(facts_of(breaker, now=now)),
        now=now,
        may_halt=may_halt(user=user, portfolio=breaker.portfolio),
        pending=pending_of([breaker.portfolio_id], now=now)[breaker.portfolio_id],
    )
    context = {
        "may_ask": may_request(kind=RequestKind.RESET, portfolio=breaker.portfolio, user=user),
        "may_edit": may_request(kind=RequestKind.CHANGE, portfolio=breaker.portfolio, user=user),
        "has_keys": bool(key_hints(breaker.portfolio)),
        "page": portfolio_page(row, now=now),
        "row": row,
        "ranges": list(series.RANGES),
        "range": _range_of(request),
    }
    return render(request, "breaker/portfolio.html", context)


@never_cache
@login_required
@require_GET
def equity(request: HttpRequest, slug: str) -> JsonResponse:
    """Answer with the chart of a range."""
    breaker, now = breaker_or_404(request, slug), timezone.now()
    start = series.start_of(_range_of(request), now=now, breaker=breaker)
    return JsonResponse(series.chart_facts(breaker, start=start, end=now))


@never_cache
@login_required
@require_GET
def equity_table(request: HttpRequest, slug: str) -> HttpResponse:
    breaker, now, name = breaker_or_404(request, slug), timezone.now(), _range_of(request)
    start = series.start_of(name, now=now, breaker=breaker)
    context = {
        "portfolio": breaker.portfolio,
        "range": name,
        "points": series.table_points(breaker, start=start, end=now),
    }
    return render(request, "breaker/equity_table.html", context)


def _range_of(request: HttpRequest) -> str:
    name = request.GET.get("range", series.DEFAULT_RANGE)
    return name if name in series.RANGES else series.DEFAULT_RANGE
