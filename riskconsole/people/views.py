"""Sign in, sign out, sign up as the first admin, choose a theme."""

from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from riskconsole.addresses import address_of
from riskconsole.people import selectors, services
from riskconsole.people.forms import FirstAdminForm, ThemeForm
from riskconsole.people.models import User

BACKEND = "django.contrib.auth.backends.ModelBackend"


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(_next_of(request))
    if request.method == "GET":
        return _sign_in_page(request, AuthenticationForm(request))
    return _try_sign_in(request)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        services.note_sign_out(user=request.user, address=address_of(request), now=timezone.now())
    logout(request)
    return redirect("people:sign-in")


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


@login_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    form = ThemeForm(request.POST)
    if form.is_valid() and isinstance(request.user, User):
        services.choose_theme(user=request.user, theme=form.cleaned_data["theme"])
    return redirect(_next_of(request))


def _try_sign_in(request: HttpRequest) -> HttpResponse:
    now, address = timezone.now(), address_of(request)
    username = request.POST.get("username", "").strip()
    if selectors.is_sign_in_throttled(username=username, address=address, now=now):
        return _sign_in_page(request, AuthenticationForm(request), is_throttled=True)
    form = AuthenticationForm(request, request.POST)
    if not form.is_valid():
        services.note_failed_sign_in(username=username, address=address, now=now)
        return _sign_in_page(request, form)
    login(request, form.get_user())
    services.note_sign_in(user=form.get_user(), address=address, now=now)
    return redirect(_next_of(request))


def _sign_in_page(
    request: HttpRequest, form: AuthenticationForm, *, is_throttled: bool = False
) -> HttpResponse:
    context = {"form": form, "next": _next_of(request), "is_throttled": is_throttled}
    return render(request, "people/sign_in.html", context, status=429 if is_throttled else 200)


def _sign_up(request: HttpRequest, secret: str, form: FirstAdminForm) -> HttpResponse:
    now, address = timezone.now(), address_of(request)
    try:
        user = services.create_first_admin(
            secret=secret,
            username=form.cleaned_data["username"],
            email=form.cleaned_data["email"],
            password=form.cleaned_data["password1"],
            now=now,
            address=address,
        )
    except services.LinkNotUsable:
        return render(request, "people/first_admin.html", {"form": None}, status=404)
    login(request, user, backend=BACKEND)
    services.note_sign_in(user=user, address=address, now=now)
    return redirect(resolve_url("breaker:overview"))


def _next_of(request: HttpRequest) -> str:
    """Return the page of this console to go on to; an address elsewhere counts as none."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_here = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_here else resolve_url("breaker:overview")
