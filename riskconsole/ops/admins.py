"""Pages of the site's admins: for everybody else they do not exist."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from riskconsole.addresses import address_of
from riskconsole.people.models import SiteRole, User
from riskconsole.people.services import note_refused_access

View = Callable[..., HttpResponse]


class AdminRequest(HttpRequest):
    """A request whose user is an admin of the site."""

    user: User


def admins_only(view: View) -> View:
    """Answer 404 to everybody but an admin of the site, and write down who asked."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        if isinstance(request.user, User) and request.user.site_role == SiteRole.ADMIN:
            return view(request, *args, **kwargs)
        if isinstance(request.user, User):
            note_refused_access(
                user=request.user,
                what=f"{request.method} {request.path[:200]}",
                address=address_of(request),
                now=timezone.now(),  # noqa: TID251 - a part of the view
            )
        raise Http404

    return never_cache(login_required(guarded))


def actor_of(request: AdminRequest) -> str:
    return f"user:{request.user.username}"
