"""What people do with an incident: note, acknowledge, take a copy."""

from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from breaker.facts import trip_facts
from breaker.forms.incidents import AcknowledgeForm, NoteForm
from breaker.models import Breaker, Trip
from breaker.services import incident_bundle, incident_report, incidents
from breaker.services.incident_bundle import Copy
from breaker.views.common import actor_of, note_refusal, operated_breaker, user_of
from breaker.views.incidents import incident_or_404, shown_incident
from portfolio.selectors import may_note
from riskconsole.addresses import address_of


@never_cache
@login_required
@require_POST
def note(request: HttpRequest, trip_id: int) -> HttpResponse:
    trip, user = incident_or_404(request, trip_id), user_of(request)
    if not may_note(user=user, portfolio=trip.breaker.portfolio):
        note_refusal(request, trip.breaker.portfolio.slug)
        raise PermissionDenied
    form = NoteForm(request.POST)
    if not form.is_valid():
        return shown_incident(request, trip, form)
    incidents.add_note(
        trip=trip,
        author=user,
        text=form.cleaned_data["text"],
        address=address_of(request),
        now=timezone.now(),
    )
    return redirect("breaker:incident", trip.pk)


@never_cache
@login_required
@require_POST
def acknowledge(request: HttpRequest, trip_id: int) -> HttpResponse:
    trip = incident_or_404(request, trip_id)
    breaker = operated_breaker(request, trip.breaker.portfolio.slug)
    _acknowledge(request, breaker, since=trip.at)
    return redirect("breaker:incident", trip.pk)


@never_cache
@login_required
@require_POST
def acknowledge_warning(request: HttpRequest, slug: str) -> HttpResponse:
    """Take notice of the very warning that was on the screen."""
    breaker, form = operated_breaker(request, slug), AcknowledgeForm(request.POST)
    if not form.is_valid():
        raise Http404
    _acknowledge(request, breaker, since=form.cleaned_data["since"])
    return redirect("breaker:incidents")


@never_cache
@login_required
@require_POST
def export(request: HttpRequest, trip_id: int) -> HttpResponseBase:
    """Send a copy of the incident, after the log has the copy's hash."""
    trip, now = incident_or_404(request, trip_id), timezone.now()
    kind = request.POST.get("format", "")
    if kind == "html":
        copy = incident_report.write(trip, now=now)
    elif kind == "zip":
        copy = incident_bundle.write(
            trip, facts=trip_facts(trip), taken_by=actor_of(request), now=now
        )
    else:
        raise Http404
    return _sent(request, trip, copy)


def _sent(request: HttpRequest, trip: Trip, copy: Copy) -> HttpResponseBase:
    incidents.note_export(
        trip=trip,
        author=user_of(request),
        name=copy.name,
        sha256=copy.sha256,
        address=address_of(request),
        now=timezone.now(),
    )
    return FileResponse(
        copy.file, as_attachment=True, filename=copy.name, content_type=copy.content_type
    )


def _acknowledge(request: HttpRequest, breaker: Breaker, *, since: datetime) -> None:
    try:
        incidents.acknowledge(
            breaker=breaker,
            since=since,
            user=user_of(request),
            address=address_of(request),
            now=timezone.now(),
        )
    except incidents.NothingToAcknowledge as error:
        messages.error(request, str(error))
