"""The breakers, their limits, and new portfolios and accounts."""

from collections.abc import Callable
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from breaker.domain.approval import RequestKind
from breaker.domain.gate import answer
from breaker.forms.desk import AccountForm, EditForm, PortfolioForm, limit_values, shown_values
from breaker.models import Breaker
from breaker.selectors.breakers import BreakerRow, last_changes
from breaker.selectors.pending import pending_of
from breaker.selectors.rows import asked_ids, breakers_of, edited_ids, operated_ids, row_of
from breaker.services.desired.places import BadFile
from breaker.services.editing import Edit, Table, create_portfolio, edit, preview
from breaker.services.gate import facts_of
from breaker.services.requests import RequestRefused
from breaker.views.common import asked_breaker, breaker_or_404, refuse_all_but_admins, user_of
from portfolio.models import Venue
from portfolio.selectors import visible_portfolios
from riskconsole.addresses import address_of


@never_cache
@login_required
@require_GET
def breakers(request: HttpRequest) -> HttpResponse:
    now, user = timezone.now(), user_of(request)
    found = breakers_of(visible_portfolios(user))
    operated, edited, asked = operated_ids(user), edited_ids(user), asked_ids(user)
    changes = last_changes([breaker.portfolio.slug for breaker in found])
    pending = pending_of([breaker.portfolio_id for breaker in found], now=now)
    rows = [
        BreakerRow(
            row=row_of(
                breaker,
                gate=answer(facts_of(breaker, now=now)),
                now=now,
                may_halt=breaker.portfolio_id in operated,
                pending=pending[breaker.portfolio_id],
            ),
            last=changes.get(breaker.portfolio.slug),
            may_edit=breaker.portfolio_id in edited,
            may_ask=breaker.portfolio_id in asked,
        )
        for breaker in found
    ]
    return render(request, "breaker/breakers.html", {"rows": rows, "may_halt": bool(operated)})


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def limits(request: HttpRequest, slug: str) -> HttpResponse:
    breaker, now = asked_breaker(request, slug, RequestKind.CHANGE), timezone.now()
    form = EditForm(request.POST or None, initial=shown_values(breaker.portfolio))
    done = _edited(request, breaker, form, form.table, now=now)
    if done is not None:
        return _told(request, done, slug)
    context = {
        "portfolio": breaker.portfolio,
        "form": form,
        "pending": pending_of([breaker.portfolio_id], now=now)[breaker.portfolio_id],
    }
    return render(request, "breaker/limits.html", context)


@never_cache
@login_required
@require_POST
def limits_difference(request: HttpRequest, slug: str) -> HttpResponse:
    """Say of what is typed which part takes effect at once, and which needs a second person."""
    asked_breaker(request, slug, RequestKind.CHANGE)
    form = EditForm(request.POST)
    context: dict[str, object] = {"form": form}
    if form.is_valid():
        try:
            context["changes"] = preview(form.table(slug))
        except BadFile as error:
            form.take_problems(error)
    return render(request, "breaker/_difference.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def new_portfolio(request: HttpRequest) -> HttpResponse:
    refuse_all_but_admins(request)
    form = PortfolioForm(request.POST or None, initial=limit_values(Breaker()))
    if not form.is_valid() or not _created(request, form):
        return render(request, "breaker/new_portfolio.html", {"form": form})
    return redirect("breaker:portfolio", form.cleaned_data["slug"])


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def new_account(request: HttpRequest, slug: str) -> HttpResponse:
    breaker, now = breaker_or_404(request, slug), timezone.now()
    refuse_all_but_admins(request, slug=slug)
    venues = Venue.objects.order_by("slug").values_list("slug", flat=True)
    form = AccountForm(request.POST or None, venues=list(venues))
    done = _edited(request, breaker, form, form.document, now=now)
    if done is not None:
        return _told(request, done, slug)
    context = {"portfolio": breaker.portfolio, "form": form}
    return render(request, "breaker/new_account.html", context)


def _edited(
    request: HttpRequest,
    breaker: Breaker,
    form: EditForm | AccountForm,
    document: Callable[[str], Table],
    *,
    now: datetime,
) -> Edit | None:
    """Return what was done; None where the form has to be shown, with what is wrong."""
    if not form.is_valid():
        return None
    try:
        return edit(
            portfolio=breaker.portfolio,
            raw=document(breaker.portfolio.slug),
            editor=user_of(request),
            reason=form.cleaned_data["reason"],
            address=address_of(request),
            now=now,
        )
    except BadFile as error:
        form.take_problems(error)
    except RequestRefused as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
    return None


def _created(request: HttpRequest, form: PortfolioForm) -> bool:
    try:
        create_portfolio(
            raw=form.document(),
            creator=user_of(request),
            address=address_of(request),
            now=timezone.now(),
        )
    except BadFile as error:
        form.take_problems(error)
        return False
    return True


def _told(request: HttpRequest, done: Edit, slug: str) -> HttpResponse:
    for change in done.made:
        messages.info(request, f"Done: {str(change).lstrip('~+ ')}")
    if done.request is not None:
        messages.info(request, "The rest loosens what guards the portfolio: it waits for approval")
        return redirect("breaker:approval", done.request.pk)
    if not done.made:
        messages.info(request, "Nothing was different")
    return redirect("breaker:portfolio", slug)
