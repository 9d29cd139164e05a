"""The log as pages and files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from riskconsole.addresses import address_of
from riskconsole.audit import checkpoints, checks
from riskconsole.audit.export import Format, streamed
from riskconsole.audit.forms import MAX_SEQUENCE, LogFilter
from riskconsole.audit.models import AuditEntry
from riskconsole.audit.rows import entry_page, entry_row
from riskconsole.audit.seal import seal
from riskconsole.audit.selectors import (
    log_length,
    newest_rows,
    row_with_neighbours,
    slugs_readable_by,
)
from riskconsole.audit.services import note_export, note_refusal
from riskconsole.audit.signing import public_key_text
from riskconsole.celery import enqueue_on_commit

if TYPE_CHECKING:
    from riskconsole.people.models import User

PAGE_LENGTH = 50
# A log of this length is checked while the person waits, a longer one in the background.
CHECKED_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One active filter, and the address without it."""

    label: str
    value: str
    without: str


@never_cache
@login_required
@require_GET
def log(request: HttpRequest) -> HttpResponse:
    form, slugs = LogFilter(request.GET), slugs_readable_by(_user(request))
    found = newest_rows(form.query(slugs=slugs), limit=PAGE_LENGTH + 1) if form.is_valid() else []
    rows, active = [entry_row(row) for row in found[:PAGE_LENGTH]], form.active()
    has_older = len(found) > PAGE_LENGTH
    context = {
        "form": form,
        "entries": rows,
        "chips": _chips(form, active),
        "asked": urlencode(active),
        "older": urlencode(active | {"before": rows[-1].sequence}) if has_older else "",
        "is_filtered": bool(active or request.GET.get("before")),
        "is_older": bool(request.GET.get("before")),
        "reads_everything": slugs is None,
        "seal": seal(now=timezone.now()) if slugs is None else None,
    }
    return render(request, "audit/log.html", context)


@never_cache
@login_required
@require_GET
def entry(request: HttpRequest, sequence: int) -> HttpResponse:
    """Show an entry with everything it holds; one that may not be read does not exist."""
    slugs = slugs_readable_by(_user(request))
    if sequence > MAX_SEQUENCE:
        raise Http404
    before, row, behind = row_with_neighbours(sequence, slugs=slugs)
    if row is None:
        if AuditEntry.objects.filter(sequence=sequence).exists():
            _note_refusal(request)
        raise Http404
    page = entry_page(row, previous=before, following=behind)
    return render(request, "audit/entry.html", {"page": page, "reads_everything": slugs is None})


@never_cache
@login_required
@require_POST
def export(request: HttpRequest) -> HttpResponseBase:
    """Send what the filter of the address asks for as a file."""
    form, slugs = LogFilter(request.GET), slugs_readable_by(_user(request))
    format = request.POST.get("format", "")
    if format not in set(Format) or not form.is_valid():
        raise Http404
    length, now = log_length(), timezone.now()
    note_export(
        format=format,
        asked=urlencode(form.active()),
        entries=length,
        portfolio=form.cleaned_data["portfolio"] if slugs is None else "",
        actor=_actor(request),
        address=address_of(request),
        now=now,
    )
    lines = streamed(form.query(slugs=slugs), format=Format(format), last=length)
    kind = "text/csv" if format == Format.CSV else "application/x-ndjson"
    name = f"audit-log-{now:%Y%m%d-%H%M%S}.{format}"
    return _file(StreamingHttpResponse(lines, content_type=f"{kind}; charset=utf-8"), name)


@never_cache
@login_required
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """Check the whole log now, or have it checked where that takes longer than one waits."""
    _require_whole_log(request)
    now = timezone.now()
    asked = checks.ask(actor=_actor(request), now=now)
    if log_length() <= CHECKED_AT_ONCE:
        checks.run(check_id=asked.pk, now=now)
    else:
        enqueue_on_commit(checks.CHECK_TASK)
    return redirect("audit:log")


@never_cache
@login_required
@require_GET
def checkpoint(request: HttpRequest) -> HttpResponseBase:
    """Send the newest checkpoint, to be kept elsewhere."""
    _require_whole_log(request)
    newest = checkpoints.newest()
    if newest is None:
        raise Http404
    kind = "application/x-ndjson; charset=utf-8"
    answer = HttpResponse(checkpoints.text_of(newest), content_type=kind)
    return _file(answer, f"audit-checkpoint-{newest.size}.ndjson")


@never_cache
@login_required
@require_GET
def public_key(request: HttpRequest) -> HttpResponseBase:
    """Send the key by which anyone can check the checkpoints."""
    _require_whole_log(request)
    answer = HttpResponse(public_key_text(), content_type="application/x-pem-file")
    return _file(answer, "audit-public-key.pem")


def _file(answer: HttpResponseBase, name: str) -> HttpResponseBase:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _chips(form: LogFilter, active: Mapping[str, str]) -> list[Chip]:
    return [
        Chip(
            label=str(form[name].label),
            value=value,
            without=urlencode({other: text for other, text in active.items() if other != name}),
        )
        for name, value in active.items()
    ]


def _require_whole_log(request: HttpRequest) -> None:
    """Return if the reader may read everything; for anyone else there is nothing here."""
    if slugs_readable_by(_user(request)) is not None:
        _note_refusal(request)
        raise Http404


def _note_refusal(request: HttpRequest) -> None:
    note_refusal(
        what=f"{request.method} {request.path}",
        actor=_actor(request),
        address=address_of(request),
        now=timezone.now(),
    )


def _user(request: HttpRequest) -> "User":
    """Return who is signed in: every view here asks for that first."""
    return cast("User", request.user)


def _actor(request: HttpRequest) -> str:
    return f"user:{_user(request).username}"
