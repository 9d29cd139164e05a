"""People around one portfolio: who operates it, who only looks, and who is a stranger to it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from breaker.models import Trip
from breaker.services.desk import desks
from portfolio.models import Portfolio, Role
from riskconsole.alerts import routes
from riskconsole.people.models import User
from tests.factories import make_member, make_portfolio, make_user, push
from tests.functional.breaker import bad_night

SignedIn = Callable[..., Client]


@pytest.fixture(autouse=True)
def _fresh(redis: Redis, sent_tasks: list[tuple[str, dict[str, object]]]) -> None:
    desks.forget()


@pytest.fixture
def main(db: None) -> Portfolio:
    """Return a portfolio with a loss of 2 %, and a second one that none of the people know."""
    portfolio = make_portfolio("main")
    make_portfolio("other")
    push(portfolio, {"USDT": "9800"}, now=timezone.now())
    make_user("alice", portfolio=portfolio, role=Role.OPERATOR)
    make_user("bob", portfolio=portfolio, role=Role.VIEWER)
    make_user("charlie")
    make_user("audrey", site="AUDITOR")
    make_user("adam", site="ADMIN")
    return portfolio


@pytest.fixture
def signed_in() -> SignedIn:
    def sign_in(username: str, *, enforce_csrf_checks: bool = False) -> Client:
        client = Client(enforce_csrf_checks=enforce_csrf_checks)
        client.force_login(User.objects.get(username=username))
        return client

    return sign_in


@pytest.fixture
def night(main: Portfolio, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Trip:
    """Return the open trip of a bad night, seen by bob, operated by alice."""
    settings.ALERT_URLS = ("json://pager.example", "slack://chat.example")
    monkeypatch.setattr(routes, "send", lambda *, route, **_: route.startswith("1:"))
    trip = bad_night.play(begin=timezone.now() - timedelta(minutes=20))
    for username, role in (("alice", Role.OPERATOR), ("bob", Role.VIEWER)):
        make_member(User.objects.get(username=username), trip.breaker.portfolio, role)
    return trip
