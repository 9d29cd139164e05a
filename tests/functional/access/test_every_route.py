"""A table names every address, method and role; one that it does not name fails."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from breaker.domain.approval import Reference
from breaker.models import ChangeRequest, Trip
from breaker.services.asking import ask_reset
from breaker.services.tripping import halt
from portfolio.models import Portfolio, Role
from riskconsole.audit.models import AuditEntry
from riskconsole.people.models import User
from riskconsole.people.services import create_token
from tests.clock import NOON
from tests.factories import make_portfolio, make_user
from tests.functional.access.routes import ROLES, TABLE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

METHODS = ("GET", "POST")
# Machines call these with a token, tests/functional/api says who; and Django's own back office,
# whose pages tests/functional/people names.
ELSEWHERE = ("api/", "admin/")
PARTS = {
    "<slug:slug>": "main",
    "<int:sequence>": "{entry}",
    "<int:trip_id>": "{trip}",
    "<str:secret>": "unknown-secret",
    "<str:name>": "bot",
}
NUMBERS = {
    "approvals/": "{request}",
    "settings/people/invitations/": "999",
    "settings/people/": "{person}",
    "settings/sessions/": "999",
    "settings/second-factor/": "999",
}
# What a POST needs to be more than an empty form.
SENT = {
    "audit/export/": {"format": "csv"},
    "incidents/<int:trip_id>/export/": {"format": "zip"},
}


def routes() -> Iterator[str]:
    """Yield every route of the console, without those that are looked at elsewhere."""
    found = _walk(get_resolver().url_patterns, "")
    yield from sorted({route for route in found if not route.startswith(ELSEWHERE)})


def _walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        else:
            yield route


@pytest.fixture
def facts() -> dict[str, object]:
    """Return the keys of one triggered portfolio with a request, and somebody of each role."""
    portfolio = make_portfolio()
    make_user("stranger")
    for role in Role:
        make_user(role.lower(), portfolio=portfolio, role=role)
    make_user("auditor", site="AUDITOR")
    make_user("admin", site="ADMIN")
    person = make_user("person")
    create_token(name="bot", scopes=["read"], portfolios=[], now=NOON)
    halt(portfolio_id=portfolio.pk, reason="", actor="command", address="", now=NOON)
    request = ask_reset(
        portfolio=Portfolio.objects.get(),
        requester=User.objects.get(username="operator"),
        reason="the market is calm again now",
        reference=Reference.KEEP,
        address="",
        now=NOON,
    )
    entry = AuditEntry.objects.filter(portfolio="main").first()
    assert entry is not None
    return {
        "trip": Trip.objects.get().pk,
        "request": request.pk,
        "person": person.pk,
        "entry": entry.sequence,
    }


def address_of(route: str, facts: dict[str, object]) -> str:
    for part, value in PARTS.items():
        route = route.replace(part, value)
    for begin, value in NUMBERS.items():
        if route.startswith(begin):
            route = route.replace("<int:pk>", value)
    return "/" + route.format(**facts)


def answer(role: str, method: str, address: str, sent: dict[str, str]) -> str:
    """Return what the role gets, in a transaction that is taken back."""
    client: Any = Client()
    if role != "nobody":
        client.force_login(User.objects.get(username=role))
    with transaction.atomic():
        ask = client.post if method == "POST" else client.get
        response = ask(address, sent if method == "POST" else {})
        # Closing the whole response would close the database's connection with it.
        for close in response._resource_closers:
            close()
        transaction.set_rollback(True)
    return str(response.status_code)


def test_the_table_names_no_route_that_is_gone() -> None:
    assert {route for route, _ in TABLE} - set(routes()) == set()


@pytest.mark.parametrize("route", list(routes()))
def test_every_route_answers_each_role_as_the_table_says(
    route: str, facts: dict[str, object]
) -> None:
    address = address_of(route, facts)
    found = {
        (route, method): " ".join(
            answer(role, method, address, SENT.get(route, {})) for role in ROLES
        )
        for method in METHODS
    }
    refused = " ".join(["405"] * len(ROLES))

    expected = {key: TABLE.get(key, refused) for key in found}

    assert found == expected
    assert ChangeRequest.objects.count() == 1
