"""What one person asks for and another decides: each form goes to one service."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from breaker.domain.approval import Reference, RequestKind
from breaker.forms.asking import AskForm, DisableForm, FlowForm, KeyForm, RemovalForm, ResetForm
from breaker.models import Breaker, ChangeRequest, Trip
from breaker.selectors.asking import reset_page
from breaker.services import asking
from breaker.services.requests import RequestRefused
from breaker.views.common import asked_breaker, user_of
from oms.selectors import key_hints
from riskconsole.addresses import address_of

FIRST_END = timedelta(hours=1)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def reset(request: HttpRequest, slug: str) -> HttpResponse:
    breaker, now = asked_breaker(request, slug, RequestKind.RESET), timezone.now()
    trip = Trip.objects.select_related("breaker").filter(breaker=breaker, reset_at=None).first()
    if trip is None:
        return redirect("breaker:portfolio", slug)
    form = ResetForm(request.POST or None)
    made = _made(
        form,
        lambda: asking.ask_reset(
            portfolio=breaker.portfolio,
            requester=user_of(request),
            reason=form.cleaned_data["reason"],
            reference=Reference(form.cleaned_data["reference"]),
            address=address_of(request),
            now=now,
        ),
    )
    context = {"page": reset_page(breaker, trip, now=now)}
    return _answer(request, made, "breaker/ask_reset.html", breaker, form, context)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def disable(request: HttpRequest, slug: str) -> HttpResponse:
    breaker, now = asked_breaker(request, slug, RequestKind.DISABLE), timezone.now()
    form = DisableForm(request.POST or None, initial={"until": (now + FIRST_END).time()})
    made = _made(
        form,
        lambda: asking.ask_disable(
            portfolio=breaker.portfolio,
            requester=user_of(request),
            reason=form.cleaned_data["reason"],
            until=form.end(now=now),
            address=address_of(request),
            now=now,
        ),
    )
    return _answer(request, made, "breaker/ask_disable.html", breaker, form)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def restore(request: HttpRequest, slug: str) -> HttpResponse:
    breaker, now = asked_breaker(request, slug, RequestKind.RESTORE), timezone.now()
    form = AskForm(request.POST or None)
    made = _made(
        form,
        lambda: asking.ask_restore(
            portfolio=breaker.portfolio,
            requester=user_of(request),
            reason=form.cleaned_data["reason"],
            address=address_of(request),
            now=now,
        ),
    )
    return _answer(request, made, "breaker/ask_restore.html", breaker, form)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def flow(request: HttpRequest, slug: str) -> HttpResponse:
    breaker, now = asked_breaker(request, slug, RequestKind.FLOW), timezone.now()
    form = FlowForm(request.POST or None)
    made = _made(
        form,
        lambda: asking.ask_flow(
            portfolio=breaker.portfolio,
            requester=user_of(request),
            reason=form.cleaned_data["reason"],
            amount=form.cleaned_data["amount"],
            address=address_of(request),
            now=now,
        ),
    )
    return _answer(request, made, "breaker/ask_flow.html", breaker, form)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def removal(request: HttpRequest, slug: str) -> HttpResponse:
    breaker, now = asked_breaker(request, slug, RequestKind.REMOVAL), timezone.now()
    accounts = breaker.portfolio.accounts.order_by("slug").values_list("slug", flat=True)
    form = RemovalForm(request.POST or None, accounts=list(accounts))
    made = _made(
        form,
        lambda: asking.ask_removal(
            portfolio=breaker.portfolio,
            requester=user_of(request),
            reason=form.cleaned_data["reason"],
            account=form.cleaned_data["account"],
            address=address_of(request),
            now=now,
        ),
    )
    return _answer(request, made, "breaker/ask_removal.html", breaker, form)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def key(request: HttpRequest, slug: str) -> HttpResponse:
    breaker, now = asked_breaker(request, slug, RequestKind.KEY), timezone.now()
    form = KeyForm(request.POST or None, hints=key_hints(breaker.portfolio))
    made = _made(
        form,
        lambda: asking.ask_key(
            portfolio=breaker.portfolio,
            requester=user_of(request),
            reason=form.cleaned_data["reason"],
            account=form.chosen[0],
            purpose=form.chosen[1],
            address=address_of(request),
            now=now,
        ),
    )
    return _answer(request, made, "breaker/ask_key.html", breaker, form)


def _made(form: AskForm, ask: Callable[[], ChangeRequest]) -> ChangeRequest | None:
    """Return the request; None where the form has to be shown, with what is wrong."""
    if not form.is_valid():
        return None
    try:
        return ask()
    except RequestRefused as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return None


def _answer(
    request: HttpRequest,
    made: ChangeRequest | None,
    template: str,
    breaker: Breaker,
    form: AskForm,
    context: Mapping[str, object] | None = None,
) -> HttpResponse:
    if made is not None:
        return redirect("breaker:approval", made.pk)
    facts = {"portfolio": breaker.portfolio, "breaker": breaker, "form": form}
    return render(request, template, {**facts, **(context or {})})
