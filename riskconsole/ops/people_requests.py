"""Ask a second admin for what one alone may not do to people once a portfolio is armed."""

from collections.abc import Mapping

from django.contrib import messages
from django.utils import timezone

from breaker.services.asking import ask_change, ask_second_factor
from portfolio.models import Portfolio, Role
from riskconsole.addresses import address_of
from riskconsole.ops.admins import AdminRequest
from riskconsole.people.models import SiteRole, User

ASKED = "Asked for: another admin has to approve it."


def ask_for_role(request: AdminRequest, *, portfolio: Portfolio, user: User, role: Role) -> None:
    """Ask that somebody gets a role in a portfolio.

    :raises RequestRefused: without a reason that is long enough
    """
    member = {"user": user.username, "role": role.value}
    wanted = {"portfolio": [{"slug": portfolio.slug, "member": [member]}]}
    _ask(request, wanted, f"{user.username} becomes {role} of {portfolio.name}")


def ask_for_site_role(request: AdminRequest, *, user: User, site_role: SiteRole) -> None:
    """Ask that somebody gets a role on the site.

    :raises RequestRefused: without a reason that is long enough
    """
    wanted = {"user": [{"username": user.username, "site_role": site_role.value}]}
    _ask(request, wanted, f"{user.username} becomes {site_role} of the site")


def ask_for_second_factor(request: AdminRequest, *, user: User) -> None:
    """Ask that somebody may enrol a new second factor.

    :raises RequestRefused: without a reason that is long enough
    """
    ask_second_factor(
        user=user,
        requester=request.user,
        reason=_reason(request),
        address=address_of(request),
        now=timezone.now(),  # noqa: TID251 - a part of the view that asks
    )
    messages.success(request, ASKED)


def _ask(request: AdminRequest, wanted: Mapping[str, object], line: str) -> None:
    ask_change(
        portfolio=None,
        requester=request.user,
        reason=_reason(request),
        wanted=wanted,
        lines=[line],
        address=address_of(request),
        now=timezone.now(),  # noqa: TID251 - a part of the view that asks
    )
    messages.success(request, ASKED)


def _reason(request: AdminRequest) -> str:
    return request.POST.get("reason", "")
