"""People, for admins: who is there, who comes, who goes, and as what."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from breaker.services.requests import RequestRefused
from portfolio.models import Role
from portfolio.selectors import is_any_armed
from portfolio.services.members import BadMember, add_member, remove_member
from riskconsole.addresses import address_of
from riskconsole.ops.admins import AdminRequest, actor_of, admins_only
from riskconsole.ops.people_forms import InvitationForm, MemberForm, SiteRoleForm
from riskconsole.ops.people_requests import (
    ask_for_role,
    ask_for_second_factor,
    ask_for_site_role,
)
from riskconsole.ops.people_rows import invitation_rows, person_rows
from riskconsole.people import standing
from riskconsole.people.approval import NeedsApproval
from riskconsole.people.invitations import BadInvitation, invite, revoke_invitation
from riskconsole.people.models import SiteRole, User
from riskconsole.people.standing import BadStanding

Ask = Callable[[AdminRequest], None]


@admins_only
@require_GET
def people(request: AdminRequest) -> HttpResponse:
    context = {
        "people": person_rows(User.objects.all(), reader=request.user),
        "invitations": invitation_rows(now=timezone.now()),
    }
    return render(request, "people/people.html", context)


@admins_only
@require_http_methods(["GET", "POST"])
def invite_person(request: AdminRequest) -> HttpResponse:
    form = InvitationForm(request.POST or None)
    if not form.is_valid():
        return render(request, "people/invite.html", {"form": form})
    try:
        secret = invite(
            person=form.person(),
            invited_by=request.user,
            is_any_armed=is_any_armed(),
            address=address_of(request),
            now=timezone.now(),
        )
    except (BadInvitation, NeedsApproval) as error:
        form.add_error(None, str(error))
        return render(request, "people/invite.html", {"form": form})
    return _link_page(request, form.cleaned_data["username"], "ops:invitation", secret)


@admins_only
@require_POST
def revoke(request: AdminRequest, pk: int) -> HttpResponse:
    with _told(request):
        revoke_invitation(
            invitation_id=pk,
            actor=actor_of(request),
            address=address_of(request),
            now=timezone.now(),
        )
    return redirect("ops:people")


@admins_only
@require_GET
def person(request: AdminRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    (row,) = person_rows(User.objects.filter(pk=pk), reader=request.user)
    context = {
        "row": row,
        "member_form": MemberForm(),
        "site_role_form": SiteRoleForm(initial={"site_role": user.site_role}),
        "is_any_armed": is_any_armed(),
    }
    return render(request, "people/person.html", context)


@admins_only
@require_POST
def add_role(request: AdminRequest, pk: int) -> HttpResponse:
    user, form = get_object_or_404(User, pk=pk), MemberForm(request.POST)
    if form.is_valid():
        portfolio, role = form.cleaned_data["portfolio"], Role(form.cleaned_data["role"])
        with _told(
            request, or_ask=partial(ask_for_role, portfolio=portfolio, user=user, role=role)
        ):
            add_member(
                portfolio=portfolio,
                user=user,
                role=role,
                is_any_armed=is_any_armed(),
                actor=actor_of(request),
                address=address_of(request),
                now=timezone.now(),
            )
    return redirect("ops:person", pk)


@admins_only
@require_POST
def remove_role(request: AdminRequest, pk: int) -> HttpResponse:
    user, form = get_object_or_404(User, pk=pk), MemberForm(request.POST)
    if form.is_valid():
        with _told(request):
            remove_member(
                portfolio=form.cleaned_data["portfolio"],
                user=user,
                role=Role(form.cleaned_data["role"]),
                actor=actor_of(request),
                address=address_of(request),
                now=timezone.now(),
            )
    return redirect("ops:person", pk)


@admins_only
@require_POST
def site_role(request: AdminRequest, pk: int) -> HttpResponse:
    user, form = get_object_or_404(User, pk=pk), SiteRoleForm(request.POST)
    if form.is_valid():
        wanted = form.cleaned_data["site_role"]
        site_role = SiteRole(wanted) if wanted else None
        with _told(request, or_ask=_asking_for(user, site_role)):
            standing.change_site_role(
                user=user,
                site_role=site_role,
                by=request.user,
                is_any_armed=is_any_armed(),
                address=address_of(request),
                now=timezone.now(),
            )
    return redirect("ops:person", pk)


@admins_only
@require_POST
def password_link(request: AdminRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    try:
        secret = standing.make_password_link(
            user=user, by=request.user, address=address_of(request), now=timezone.now()
        )
    except BadStanding as error:
        messages.error(request, str(error))
        return redirect("ops:person", pk)
    return _link_page(request, user.username, "ops:password", secret)


@admins_only
@require_POST
def reset_second_factor(request: AdminRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    with _told(request, or_ask=partial(ask_for_second_factor, user=user)):
        standing.reset_second_factor(
            user=user,
            by=request.user,
            is_any_armed=is_any_armed(),
            address=address_of(request),
            now=timezone.now(),
        )
    return redirect("ops:person", pk)


@admins_only
@require_POST
def deactivate(request: AdminRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    with _told(request):
        standing.deactivate(
            user=user, by=request.user, address=address_of(request), now=timezone.now()
        )
    return redirect("ops:person", pk)


@admins_only
@require_POST
def activate(request: AdminRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    with _told(request):
        standing.activate(
            user=user,
            roles=user.memberships.values_list("role", flat=True),
            by=request.user,
            is_any_armed=is_any_armed(),
            address=address_of(request),
            now=timezone.now(),
        )
    return redirect("ops:person", pk)


def _asking_for(user: User, site_role: SiteRole | None) -> Ask | None:
    if site_role is None:
        return None
    return partial(ask_for_site_role, user=user, site_role=site_role)


@contextmanager
def _told(request: AdminRequest, *, or_ask: Ask | None = None) -> Iterator[None]:
    """Tell on the next page why something was refused.

    :param or_ask: what asks a second person for it, where that is what it needs
    """
    try:
        yield
    except NeedsApproval as error:
        _ask_instead(request, error, or_ask)
    except (BadMember, BadStanding, BadInvitation) as error:
        messages.error(request, str(error))


def _ask_instead(request: AdminRequest, error: NeedsApproval, ask: Ask | None) -> None:
    if ask is None:
        messages.error(request, str(error))
        return
    try:
        ask(request)
    except RequestRefused as refused:
        messages.error(request, f"{error}. {refused}")


def _link_page(request: AdminRequest, username: str, name: str, secret: str) -> HttpResponse:
    link = request.build_absolute_uri(reverse(name, args=[secret]))
    return render(request, "people/link.html", {"username": username, "link": link})
