"""The list of incidents, and each incident with its chart."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from breaker.forms.incidents import IncidentFilter, NoteForm
from breaker.models import Trip
from breaker.selectors import series
from breaker.selectors.incident import incident_page
from breaker.selectors.incidents import MAX_ID, incident_list, unacknowledged_warnings
from breaker.selectors.rows import operated_ids
from breaker.selectors.timeline import Show
from breaker.views.common import note_refusal, user_of
from portfolio.selectors import may_halt, may_note, visible_portfolios


@never_cache
@login_required
@require_GET
def incidents(request: HttpRequest) -> HttpResponse:
    now, user = timezone.now(), user_of(request)
    portfolios = visible_portfolios(user)
    form = IncidentFilter(request.GET)
    wanted: dict[str, Any] = {"portfolio": "", "before": None}
    if form.is_valid():
        wanted = form.cleaned_data
    context = {
        "form": form,
        "portfolio": wanted["portfolio"],
        "portfolios": portfolios,
        "page": incident_list(portfolios, slug=wanted["portfolio"], before=wanted["before"]),
        "is_newest": wanted["before"] is None,
        "warnings": unacknowledged_warnings(portfolios, operated=operated_ids(user), now=now),
    }
    return render(request, "breaker/incidents.html", context)


@never_cache
@login_required
@require_GET
def incident(request: HttpRequest, trip_id: int) -> HttpResponse:
    return shown_incident(request, incident_or_404(request, trip_id), NoteForm())


@never_cache
@login_required
@require_GET
def equity(request: HttpRequest, trip_id: int) -> JsonResponse:
    """Answer with the chart around the trip."""
    trip, now = incident_or_404(request, trip_id), timezone.now()
    start, end = series.around(trip, _range_of(request), now=now)
    return JsonResponse(series.incident_chart(trip, start=start, end=end))


@never_cache
@login_required
@require_GET
def equity_table(request: HttpRequest, trip_id: int) -> HttpResponse:
    trip, now, name = incident_or_404(request, trip_id), timezone.now(), _range_of(request)
    start, end = series.around(trip, name, now=now)
    context = {
        "portfolio": trip.breaker.portfolio,
        "range": name,
        "points": series.table_points(trip.breaker, start=start, end=end),
    }
    return render(request, "breaker/equity_table.html", context)


def incident_or_404(request: HttpRequest, trip_id: int) -> Trip:
    """Return a trip of a portfolio that the user may see; any other does not exist."""
    trips = Trip.objects.select_related("breaker__portfolio__evaluation")
    trip = trips.filter(pk=trip_id).first() if trip_id <= MAX_ID else None
    if trip is None:
        raise Http404
    portfolio = trip.breaker.portfolio
    if not visible_portfolios(user_of(request)).filter(pk=portfolio.pk).exists():
        note_refusal(request, portfolio.slug)
        raise Http404
    return trip


def shown_incident(request: HttpRequest, trip: Trip, form: NoteForm) -> HttpResponse:
    now, user, portfolio = timezone.now(), user_of(request), trip.breaker.portfolio
    context: dict[str, Any] = {
        "page": incident_page(trip, show=_show_of(request), now=now),
        "form": form,
        "show": _show_of(request),
        "shows": list(Show),
        "may_note": may_note(user=user, portfolio=portfolio),
        "may_acknowledge": may_halt(user=user, portfolio=portfolio),
        "ranges": list(series.AROUND),
        "range": _range_of(request),
    }
    return render(request, "breaker/incident.html", context)


def _show_of(request: HttpRequest) -> Show:
    name = request.GET.get("show", Show.ALL)
    return Show(name) if name in set(Show) else Show.ALL


def _range_of(request: HttpRequest) -> str:
    name = request.GET.get("range", series.DEFAULT_AROUND)
    return name if name in series.AROUND else series.DEFAULT_AROUND
