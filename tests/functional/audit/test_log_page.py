"""The log as a page: who reads what, and how one turns its pages."""

import re

import pytest
from django.db import transaction
from django.test import Client

from portfolio.models import Portfolio, Role
from riskconsole.audit.services import record
from riskconsole.audit.views import PAGE_LENGTH
from riskconsole.people.models import User
from tests.clock import NOON
from tests.factories import make_portfolio, make_user


@pytest.fixture
def main(db: None) -> Portfolio:
    portfolio = make_portfolio("main")
    make_portfolio("other")
    make_user("bob", portfolio=portfolio, role=Role.VIEWER)
    make_user("charlie")
    make_user("audrey", site="AUDITOR")
    make_user("adam", site="ADMIN")
    return portfolio


def note(action: str, *, portfolio: str = "", times: int = 1, text: str = "x") -> None:
    with transaction.atomic():
        for _ in range(times):
            record(
                action=action,
                subject=f"about {portfolio or 'site'}",
                portfolio=portfolio,
                payload={"text": text},
                now=NOON,
            )


def page(username: str, query: str = "") -> str:
    client = Client()
    client.force_login(User.objects.get(username=username))
    response = client.get(f"/audit/{query}")
    assert response.status_code == 200
    return response.content.decode()


def sequences(text: str) -> list[int]:
    return [int(found) for found in re.findall(r'data-key="entry-(\d+)"', text)]


@pytest.mark.parametrize(
    ("reader", "seen"),
    [("audrey", [3, 2, 1]), ("adam", [3, 2, 1]), ("bob", [1]), ("charlie", [])],
)
def test_auditors_and_admins_read_everything_and_members_their_portfolios(
    main: Portfolio, reader: str, seen: list[int]
) -> None:
    note("breaker.trip.happened", portfolio="main")
    note("breaker.trip.happened", portfolio="other")
    note("people.sign_in.happened")

    assert sequences(page(reader)) == seen


def test_a_foreign_portfolio_cannot_be_reached_by_the_filter(main: Portfolio) -> None:
    note("breaker.trip.happened", portfolio="other")

    assert sequences(page("bob", "?portfolio=other")) == []
    assert "No entry matches" in page("bob", "?portfolio=other")


def test_the_filter_stands_in_the_address_and_takes_the_begin_of_an_action(
    main: Portfolio,
) -> None:
    note("breaker.trip.happened", portfolio="main")
    note("breaker.pause.began", portfolio="main")
    note("breaker.trip.happened", portfolio="other")

    assert sequences(page("audrey", "?action=breaker.trip")) == [3, 1]
    assert sequences(page("audrey", "?action=breaker.trip&portfolio=main")) == [1]


def test_older_entries_are_one_key_away_and_none_is_shown_twice(main: Portfolio) -> None:
    note("breaker.trip.happened", portfolio="main", times=PAGE_LENGTH + 3)

    first = page("audrey", "?action=breaker")
    link = re.findall(r'href="(\?[^"]*before=\d+)"', first)[0].replace("&amp;", "&")
    second = page("audrey", link)

    assert sequences(first) == list(range(PAGE_LENGTH + 3, 3, -1))
    assert sequences(second) == [3, 2, 1]
    assert "action=breaker" in link
    assert "Older entries" not in second


@pytest.mark.parametrize("query", ["?before=0", "?before=x", "?before=99999999999999999999999"])
def test_a_place_that_is_none_shows_no_entry_and_no_error_page(main: Portfolio, query: str) -> None:
    note("breaker.trip.happened", portfolio="main")

    assert sequences(page("audrey", query)) == []


def test_a_bad_filter_says_what_an_action_looks_like(main: Portfolio) -> None:
    assert "An action has small letters and dots" in page("audrey", "?action=%25")


@pytest.mark.parametrize(("reader", "lengths"), [("audrey", ["3", "3"]), ("bob", [])])
def test_only_who_reads_everything_is_told_how_long_the_log_is(
    main: Portfolio, reader: str, lengths: list[str]
) -> None:
    note("breaker.trip.happened", portfolio="main", times=3)

    shown = page(reader, "?portfolio=main&before=3")

    assert re.findall(r'data-log-length="(\d+)"', shown) == lengths
    assert '<a class="pill" href="?portfolio=main" hidden></a>' in shown


def test_what_was_logged_is_shown_as_text_never_as_markup(main: Portfolio) -> None:
    note("breaker.trip.happened", portfolio="main", text="<img src=x onerror=alert(1)>")

    shown = page("audrey")

    assert "<img" not in shown
    assert "&lt;img src=x" in shown


def test_entries_can_be_read_and_nothing_else(main: Portfolio) -> None:
    client = Client()
    client.force_login(User.objects.get(username="audrey"))

    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)("/audit/").status_code == 405
