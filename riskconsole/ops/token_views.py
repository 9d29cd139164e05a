"""API tokens, for admins: made, shown once, ended at once."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from riskconsole.addresses import address_of
from riskconsole.ops.admins import AdminRequest, actor_of, admins_only
from riskconsole.ops.people_forms import TokenForm
from riskconsole.people.selectors import tokens as every_token
from riskconsole.people.services import BadToken, create_token, revoke_token


@admins_only
@require_GET
def tokens(request: AdminRequest) -> HttpResponse:
    return render(request, "people/tokens.html", {"tokens": every_token()})


@admins_only
@require_http_methods(["GET", "POST"])
def create(request: AdminRequest) -> HttpResponse:
    form = TokenForm(request.POST or None)
    if not form.is_valid():
        return render(request, "people/token_create.html", {"form": form})
    try:
        text = create_token(
            **form.cleaned_data,
            actor=actor_of(request),
            address=address_of(request),
            now=timezone.now(),
        )
    except BadToken as error:
        form.add_error("name", str(error))
        return render(request, "people/token_create.html", {"form": form})
    return render(request, "people/token.html", {"name": form.cleaned_data["name"], "text": text})


@admins_only
@require_POST
def revoke(request: AdminRequest, name: str) -> HttpResponse:
    try:
        revoke_token(
            name=name, actor=actor_of(request), address=address_of(request), now=timezone.now()
        )
    except BadToken as error:
        messages.error(request, str(error))
    return redirect("ops:tokens")
