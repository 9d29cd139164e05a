"""The log as a page: who reads what, and how one turns its pages."""

import re
from html import escape
from html.parser import HTMLParser
from urllib.parse import quote, unquote

import pytest

from portfolio.models import Portfolio
from riskconsole.audit.views import PAGE_LENGTH
from tests.functional.audit.conftest import note, signed_in

SCRIPTS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><b onmouseover=alert(1)>x</b>',
    "' onfocus='alert(1)' autofocus='",
    "</summary></details><iframe srcdoc='<script>alert(1)</script>'>",
    "{{ 7|add:7 }}{% load static %}",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "<!--",
]


class Markup(HTMLParser):
    """Collects which tags and attributes a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.bare_scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _value in attrs}
        self.tags.add(tag)
        self.attributes |= names
        self.bare_scripts += tag == "script" and "src" not in names


def page(username: str, query: str = "") -> str:
    response = signed_in(username).get(f"/audit/{query}")
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


@pytest.mark.parametrize("text", SCRIPTS)
@pytest.mark.parametrize(
    "address", ["/audit/", "/audit/1/", "/audit/?actor=TEXT", "/audit/?first=TEXT"]
)
def test_what_was_logged_or_asked_is_shown_as_text_never_as_markup(
    main: Portfolio, address: str, text: str
) -> None:
    payload = {f"key {text}": text, "before": text, "after": "x"}
    note(portfolio="main", actor=text, payload=payload)
    response = signed_in("audrey").get(address.replace("TEXT", quote(text)))
    shown = response.content.decode()
    assert response.status_code == 200
    assert escape(text) in shown
    found = Markup()
    found.feed(shown)
    assert found.tags.isdisjoint({"img", "iframe", "object", "embed"})
    assert [name for name in found.attributes if name.startswith("on") or name == "style"] == []
    assert found.bare_scripts == 0


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("portfolio=a b", "Enter a valid"),
        ("action=Breaker!", "An action has small letters and dots"),
        ("actor=%00", "Null characters are not allowed"),
        ("actor=" + "x" * 201, "at most 200 characters"),
        ("subject=" + "x" * 201, "at most 200 characters"),
        ("since=yesterday", "A time is a day, a minute or a second in UTC"),
        ("since=2026-02-30", "There is no such time: 2026-02-30"),
        ("until=9999-12-31", "There is no such time: 9999-12-31"),
        ("until=2026-01-01T25:00", "There is no such time"),
        ("until=2026-01-01 10:00%2B01:00", "A time is a day, a minute or a second in UTC"),
        ("since=2026-01-02&until=2026-01-01", "This is before the time from which you look"),
        ("first=abc", "Enter a whole number"),
        ("first=0", "greater than or equal to 1"),
        ("last=-1", "greater than or equal to 1"),
        ("last=99999999999999999999", "less than or equal to"),
        ("first=5&last=4", "This is before the entry from which you look"),
    ],
)
def test_nonsense_gets_a_sentence_at_its_field_and_stays_as_it_was_typed(
    main: Portfolio, query: str, sentence: str
) -> None:
    note(times=3)
    shown = page("audrey", f"?{query}")
    assert sequences(shown) == []
    assert "This filter cannot be read" in shown
    field = re.findall(r'<ul class="errorlist" id="id_(\w+)_error">\s*<li>([^<]+)', shown)
    name, typed = query.split("&")[-1].split("=")
    assert [found for found, _ in field] == [name]
    assert sentence in field[0][1]
    if name != "actor":
        assert f'name="{name}" value="{unquote(typed)}"' in shown


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("?since=2030-01-02", [4, 3, 2, 1]),
        ("?until=2030-01-02", [4, 3, 2, 1]),
        ("?since=2030-01-02 12:00:00", [4, 3, 2, 1]),
        ("?since=2030-01-02T12:00:01Z", []),
        ("?until=2030-01-02 11:59", []),
        ("?until=2030-01-02 12:00", [4, 3, 2, 1]),
        ("?actor=olga", [2]),
        ("?actor=user:olga", [2]),
        ("?subject=about main", [3]),
        ("?first=2&last=3", [3, 2]),
        ("?before=1", []),
        ("?first=2&before=4&actor=system", [3]),
    ],
)
def test_each_filter_finds_its_entries(main: Portfolio, query: str, seen: list[int]) -> None:
    note()
    note(actor="user:olga")
    note(portfolio="main")
    note("oms.leg.settled")
    assert sequences(page("audrey", query)) == seen


def test_each_filter_is_a_chip_that_can_be_taken_away(main: Portfolio) -> None:
    note()
    shown = page("audrey", "?action=breaker&actor=system&before=2")
    chips = re.findall(r'class="chip" href="([^"]*)"', shown)
    assert chips == ["?actor=system", "?action=breaker"]


def test_the_page_says_what_an_empty_log_is(main: Portfolio) -> None:
    assert "No entry yet" in page("bob")
    assert "Clear the filter" in page("bob", "?actor=x")


def test_entries_can_be_read_and_nothing_else(main: Portfolio) -> None:
    client = signed_in("audrey")

    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)("/audit/").status_code == 405
