"""What a one-time link opens: an account for somebody invited, a new password for somebody else."""

from allauth.account.utils import perform_login
from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from riskconsole.addresses import address_of, by_its_name
from riskconsole.ops.joining import join
from riskconsole.people.approval import NeedsApproval
from riskconsole.people.invitations import invitation_of
from riskconsole.people.models import User
from riskconsole.people.services import LinkNotUsable
from riskconsole.people.standing import password_link_of, set_password_by_link


@by_its_name
@sensitive_post_parameters("new_password1", "new_password2")
@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    now = timezone.now()
    found = invitation_of(secret=secret, now=now)
    if found is None:
        return _gone(request)
    person = User(username=found.username, email=found.email)
    form = SetPasswordForm(person, request.POST or None)
    if not form.is_valid():
        return render(request, "people/invitation.html", {"form": form, "person": person})
    try:
        password = form.cleaned_data["new_password1"]
        user = join(secret=secret, password=password, address=address_of(request), now=now)
    except (LinkNotUsable, NeedsApproval) as error:
        return _gone(request, str(error))
    return perform_login(request, user)  # type: ignore[no-any-return]


@by_its_name
@sensitive_post_parameters("new_password1", "new_password2")
@never_cache
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest, secret: str) -> HttpResponse:
    now = timezone.now()
    found = password_link_of(secret=secret, now=now)
    if found is None:
        return _gone(request)
    form = SetPasswordForm(found.user, request.POST or None)
    if not form.is_valid():
        return render(request, "people/invitation.html", {"form": form, "person": found.user})
    try:
        chosen = form.cleaned_data["new_password1"]
        set_password_by_link(secret=secret, password=chosen, address=address_of(request), now=now)
    except LinkNotUsable as error:
        return _gone(request, str(error))
    messages.success(request, "The new password is set: sign in with it.")
    return redirect("account_login")


def _gone(request: HttpRequest, why: str = "") -> HttpResponse:
    return render(request, "people/link_gone.html", {"why": why}, status=404)
