"""The log as a page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from riskconsole.audit.forms import LogFilter
from riskconsole.audit.models import AuditEntry
from riskconsole.audit.selectors import log_length, newest_entries, slugs_readable_by
from riskconsole.kernel.clock import time_from

PAGE_LENGTH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """One entry; facts is its payload, one fact a line."""

    sequence: int
    at: datetime
    actor: str
    address: str
    action: str
    tone: str
    subject: str
    portfolio: str
    facts: str
    hash: str


@never_cache
@login_required
@require_GET
def log(request: HttpRequest) -> HttpResponse:
    form = LogFilter(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    slugs = slugs_readable_by(request.user)  # type: ignore[arg-type]
    length = log_length() if slugs is None else None
    found = [] if form.errors else newest_entries(slugs=slugs, limit=PAGE_LENGTH + 1, **wanted)
    shown = found[:PAGE_LENGTH]
    context = {
        "form": form,
        "entries": [_row(entry) for entry in shown],
        "older": _older(wanted, shown) if len(found) > PAGE_LENGTH else "",
        "is_filtered": any(wanted.values()),
        "reads_everything": slugs is None,
        "log_length": length,
        "newest": _newest(wanted),
    }
    return render(request, "audit/log.html", context)


def _newest(wanted: Mapping[str, str | int]) -> str:
    kept = {name: value for name, value in wanted.items() if value and name != "before"}
    return f"?{urlencode(kept)}"


def _older(wanted: Mapping[str, str | int], shown: list[AuditEntry]) -> str:
    return urlencode(
        {name: value for name, value in wanted.items() if value} | {"before": shown[-1].sequence}
    )


def _row(entry: AuditEntry) -> EntryRow:
    return EntryRow(
        sequence=entry.sequence,
        at=time_from(entry.at),
        actor=entry.actor.removeprefix("user:"),
        address=entry.address,
        action=entry.action,
        tone=_tone(entry.action),
        subject=entry.subject,
        portfolio=entry.portfolio,
        facts=json.dumps(json.loads(entry.payload), indent=2, ensure_ascii=False),
        hash=entry.hash,
    )


def _tone(action: str) -> str:
    if action.startswith(("breaker.trip", "breaker.halt")):
        return "trip"
    return "warn" if action.startswith(("breaker.warning", "people.access.refused")) else ""
