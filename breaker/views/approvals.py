"""Approvals: the list, one request, and the decision on it."""

from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from breaker.domain.approval import RequestStatus, Seen, Verdict, voter_refusal
from breaker.forms.deciding import ApprovalForm, RefusalForm, seal
from breaker.models import ChangeRequest
from breaker.selectors.approvals import approval_page, may_decide, word_of
from breaker.selectors.requests import decided_words, voter_facts
from breaker.selectors.waiting import decided_rows, visible_requests, waiting_rows
from breaker.services.approving import AlreadyDecided, Ballot, approve, checks_of, refuse
from breaker.services.requests import RequestRefused, withdraw
from breaker.views.common import note_refusal, request_or_404, user_of
from riskconsole.addresses import address_of
from riskconsole.people.step_up import ProvenRequest, second_factor_required


@never_cache
@login_required
@require_GET
def approvals(request: HttpRequest) -> HttpResponse:
    return render(request, "breaker/approvals.html", _lists(request, now=timezone.now()))


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def approval(request: HttpRequest, pk: int) -> HttpResponse:
    change, now = request_or_404(request, pk), timezone.now()
    if request.method == "GET":
        return _page(request, change, now=now)
    _refuse_outsider(request, change, now=now)
    if change.status != RequestStatus.OPEN:
        return _lost(request, change, decided_words(change, now=now))
    if request.POST.get("decision") == Verdict.REFUSED:
        return _refuse(request, change, now=now)
    if request.POST.get("decision") == Verdict.APPROVED:
        return _approve(request, change, now=now)
    return HttpResponseBadRequest("Approve or refuse")


@never_cache
@login_required
@require_POST
def withdraw_request(request: HttpRequest, pk: int) -> HttpResponse:
    change, user = request_or_404(request, pk), user_of(request)
    if change.requester_id != user.pk:
        note_refusal(request, _slug_of(change))
        raise PermissionDenied
    try:
        withdraw(request_id=pk, requester=user, address=address_of(request), now=timezone.now())
    except RequestRefused as error:
        messages.error(request, str(error))
    return redirect("breaker:approval", pk)


def _approve(request: HttpRequest, change: ChangeRequest, *, now: datetime) -> HttpResponse:
    """Check what was typed before the second factor is asked for: a code is good once."""
    form = _approval_form(request, change)
    refusal = voter_refusal(voter_facts(request=change, voter=user_of(request), now=now), now=now)
    if form.is_valid() and refusal:
        form.add_error(None, refusal)
    if not form.is_valid():
        return _page(request, change, now=now, approval=form)
    return _approve_proven(request, change, form)


@second_factor_required
def _approve_proven(
    request: ProvenRequest, change: ChangeRequest, form: ApprovalForm
) -> HttpResponse:
    now = timezone.now()
    ballot = Ballot(
        voter=request.user,
        note=form.cleaned_data["note"],
        exceptions=form.exceptions,
        seen=form.cleaned_data["seen"],
        proof=request.proof,
        address=address_of(request),
    )
    try:
        done = approve(request_id=change.pk, ballot=ballot, now=now)
    except AlreadyDecided as error:
        return _lost(request, change, str(error))
    except RequestRefused as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _page(request, change, now=now, approval=form)
    if done.status == RequestStatus.OPEN:
        messages.info(request, "Approved. It needs somebody else too.")
    return redirect("breaker:approval", change.pk)


def _refuse(request: HttpRequest, change: ChangeRequest, *, now: datetime) -> HttpResponse:
    form = RefusalForm(request.POST, prefix="refusal")
    if not form.is_valid():
        return _page(request, change, now=now, refusal=form)
    try:
        refuse(
            request_id=change.pk,
            voter=user_of(request),
            note=form.cleaned_data["note"],
            address=address_of(request),
            now=now,
        )
    except AlreadyDecided as error:
        return _lost(request, change, str(error))
    except RequestRefused as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _page(request, change, now=now, refusal=form)
    return redirect("breaker:approval", change.pk)


def _refuse_outsider(request: HttpRequest, change: ChangeRequest, *, now: datetime) -> None:
    """Let nobody decide but who has the role, and never the requester beside a second person."""
    if not may_decide(voter_facts(request=change, voter=user_of(request), now=now)):
        note_refusal(request, _slug_of(change))
        raise PermissionDenied


def _lost(request: HttpRequest, change: ChangeRequest, words: str) -> HttpResponse:
    """Say who was faster on the page that shows the decision."""
    messages.warning(request, words)
    return redirect("breaker:approval", change.pk)


def _page(
    request: HttpRequest,
    change: ChangeRequest,
    *,
    now: datetime,
    approval: ApprovalForm | None = None,
    refusal: RefusalForm | None = None,
) -> HttpResponse:
    checks = () if change.status != RequestStatus.OPEN else checks_of(change, now=now)
    page = approval_page(change, reader=user_of(request), checks=checks, now=now)
    seen = Seen(equity=page.numbers.equity if page.numbers else None, at=now)
    context = _lists(request, now=now) | {
        "page": page,
        "form": approval or _approval_form(request, change),
        "refusal": refusal or RefusalForm(prefix="refusal"),
        "seen": seal(seen, request_id=change.pk, reader_id=user_of(request).pk),
        "ticked": approval.exceptions if approval else frozenset(),
    }
    return render(request, "breaker/approval.html", context)


def _approval_form(request: HttpRequest, change: ChangeRequest) -> ApprovalForm:
    return ApprovalForm(
        request.POST if request.method == "POST" else None,
        word=word_of(change),
        request_id=change.pk,
        reader_id=user_of(request).pk,
    )


def _lists(request: HttpRequest, *, now: datetime) -> dict[str, object]:
    requests = visible_requests(user_of(request))
    return {
        "waiting": waiting_rows(requests, now=now),
        "decided": decided_rows(requests, now=now),
    }


def _slug_of(change: ChangeRequest) -> str:
    return change.portfolio.slug if change.portfolio else ""
