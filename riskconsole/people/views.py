"""The first admin, the theme, one's own account, and the second factor before a decision."""

from allauth.account.internal.flows.reauthentication import resume_request
from allauth.account.utils import perform_login
from allauth.mfa.webauthn.internal.auth import begin_authentication
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from riskconsole.addresses import address_of, by_its_name
from riskconsole.kernel.numbers import choices_of
from riskconsole.people import selectors, services, step_up
from riskconsole.people.account_forms import AppCodeForm, PasskeyAgainForm
from riskconsole.people.forms import FirstAdminForm, ThemeForm
from riskconsole.people.middleware import open_without_second_factor
from riskconsole.people.models import Theme, User


@by_its_name
@sensitive_post_parameters("password1", "password2")
@never_cache
@require_http_methods(["GET", "POST"])
def first_admin(request: HttpRequest, secret: str) -> HttpResponse:
    if not services.is_link_usable(secret=secret, now=timezone.now()):
        return render(request, "people/first_admin.html", {"form": None}, status=404)
    form = FirstAdminForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(request, "people/first_admin.html", {"form": form})
    return _sign_up(request, secret, form)


@open_without_second_factor
@login_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    form = ThemeForm(request.POST)
    if form.is_valid():
        services.choose_theme(user=_user(request), theme=form.cleaned_data["theme"])
    return redirect(_next_of(request))


@never_cache
@login_required
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    return render(request, "people/settings.html", {"themes": choices_of(Theme)})


@open_without_second_factor
@never_cache
@login_required
@require_GET
def second_factor(request: HttpRequest) -> HttpResponse:
    context = {
        "page": selectors.second_factors_of(_user(request)),
        "requires_second_factor": settings.REQUIRE_MFA,
    }
    return render(request, "mfa/index.html", context)


@never_cache
@login_required
@require_GET
def sessions(request: HttpRequest) -> HttpResponse:
    live = UserSession.objects.purge_and_list(_user(request))
    rows = selectors.session_rows(live, current=request.session.session_key)
    return render(request, "usersessions/usersession_list.html", {"rows": rows})


@never_cache
@login_required
@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    others = UserSession.objects.exclude(session_key=request.session.session_key)
    session = get_object_or_404(others, pk=pk, user=_user(request))
    services.end_session(
        session=session,
        actor=f"user:{_user(request).username}",
        address=address_of(request),
        now=timezone.now(),
    )
    return redirect("usersessions_list")


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def prove(request: HttpRequest) -> HttpResponse:
    """Ask for a passkey or a code, then play the POST again that was held for it."""
    user = _user(request)
    is_passkey = "credential" in request.POST
    code = AppCodeForm(None if is_passkey else request.POST or None, user=user)
    passkey = PasskeyAgainForm(request.POST if is_passkey else None, user=user)
    posted = passkey if is_passkey else code
    if request.method == "POST" and request.POST.get("held", "") != step_up.held_id(request):
        step_up.forget_held(request)
        messages.error(request, "Another tab sent something else, so neither was done: repeat it.")
        return redirect("breaker:overview")
    if not posted.is_valid():
        return _prove_page(request, code, passkey)
    posted.save()
    return resume_request(request) or redirect("breaker:overview")


def _prove_page(request: HttpRequest, code: AppCodeForm, passkey: PasskeyAgainForm) -> HttpResponse:
    user = _user(request)
    page = selectors.second_factors_of(user)
    context = {
        "code": code,
        "passkey": passkey,
        "page": page,
        "held": step_up.held_id(request),
        "next": _next_of(request),
        "js_data": {"request_options": begin_authentication(user)} if page.passkeys else None,
    }
    return render(request, "people/step_up.html", context)


def _sign_up(request: HttpRequest, secret: str, form: FirstAdminForm) -> HttpResponse:
    try:
        user = services.create_first_admin(
            secret=secret,
            username=form.cleaned_data["username"],
            email=form.cleaned_data["email"],
            password=form.cleaned_data["password1"],
            now=timezone.now(),
            address=address_of(request),
        )
    except services.LinkNotUsable:
        return render(request, "people/first_admin.html", {"form": None}, status=404)
    return perform_login(request, user)


def _next_of(request: HttpRequest) -> str:
    """Return the page of this console to go on to; an address elsewhere counts as none."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_here = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_here else resolve_url("breaker:overview")


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
