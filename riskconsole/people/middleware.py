"""What stands before every view: when a session was last seen, and the second factor."""

from collections.abc import Callable
from datetime import timedelta

from allauth.account.adapter import get_adapter
from allauth.usersessions.middleware import UserSessionsMiddleware
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from riskconsole.people.models import User
from riskconsole.people.selectors import has_second_factor

Answer = Callable[[HttpRequest], HttpResponse]
View = Callable[..., HttpResponse]

SEEN_EVERY = timedelta(minutes=1)


def open_without_second_factor(view: View) -> View:
    """Let people through to the view who still have to add their second factor."""
    view.is_open_without_second_factor = True  # type: ignore[attr-defined]
    return view


class SessionActivityMiddleware(UserSessionsMiddleware):
    """Notes when and from where a session was last seen, at most once a minute.

    A page that is open fetches itself every few seconds: a write for each would stand in the way
    of a trip.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request) if _is_known(request) else super().__call__(request)


class SecondFactorMiddleware:
    """Where a second factor is required, people without one reach only what adds it.

    And halting: it is one person's, at once. API tokens sign nobody in and are not concerned.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: View, *_arguments: object
    ) -> HttpResponse | None:
        if not settings.REQUIRE_MFA or not isinstance(request.user, User):
            return None
        is_api = request.resolver_match is not None and request.resolver_match.app_name == "ninja"
        if is_api or getattr(view, "is_open_without_second_factor", False):
            return None
        return None if has_second_factor(request.user) else redirect("mfa_index")


def _is_known(request: HttpRequest) -> bool:
    """Return whether the session was seen within a minute, as it comes now."""
    key = request.session.session_key
    if key is None or not request.user.is_authenticated:
        return True
    since = timezone.now() - SEEN_EVERY  # noqa: TID251 - a part of every view
    seen = UserSession.objects.filter(session_key=key, last_seen_at__gt=since)
    return seen.filter(ip=get_adapter().get_client_ip(request)).exists()
