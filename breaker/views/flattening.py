"""Close what a halted or paused portfolio holds, after a look at what that is and costs."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from breaker.forms.confirming import TypedConfirmation
from breaker.selectors.flattening import NothingThere, flatten_preview
from breaker.services import flattening
from breaker.services.flattening import MayNotFlatten
from breaker.views.common import actor_of, operated_breaker
from oms.services.closing import AlreadyClosing
from riskconsole.addresses import address_of


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def flatten(request: HttpRequest, slug: str) -> HttpResponse:
    breaker = operated_breaker(request, slug)
    form = TypedConfirmation(request.POST if request.method == "POST" else None, word=slug)
    if not form.is_valid():
        preview = flatten_preview(breaker.portfolio)
        context = {"portfolio": breaker.portfolio, "preview": preview, "form": form}
        return render(request, "breaker/flatten.html", context)
    try:
        flattening.flatten(
            portfolio_id=breaker.portfolio_id,
            actor=actor_of(request),
            address=address_of(request),
            now=timezone.now(),
        )
    except (MayNotFlatten, NothingThere, AlreadyClosing) as error:
        messages.error(request, str(error))
    return redirect("breaker:portfolio", slug)
