"""One entry with everything it holds, its hash made again, between its neighbours."""

import re

import pytest
from django.db import connection

from portfolio.models import Portfolio
from riskconsole.audit.models import AuditEntry
from tests.functional.audit.conftest import note, signed_in, tamper


def page(username: str, sequence: int, *, htmx: bool = False) -> str:
    headers = {"HX-Request": "true", "HX-Target": "dialog"} if htmx else {}
    response = signed_in(username).get(f"/audit/{sequence}/", headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def words(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_an_entry_shows_every_column_and_that_it_is_right(main: Portfolio) -> None:
    note("ops.thing.began")
    note("breaker.halt.happened", portfolio="main", actor="user:olga", cause="<b>fear</b>")
    note("ops.thing.ended")
    text = words(page("audrey", 2))
    entry = AuditEntry.objects.get(pk=2)
    for told in ("olga", "breaker.halt.happened", "about main", entry.hash, entry.previous_hash):
        assert told in text
    assert "hash made again, it matches" in text
    assert "It holds the hash of entry 1" in text
    assert "Entry 3 holds its hash" in text
    assert "ops.thing.began" in text
    assert "ops.thing.ended" in text
    assert "&lt;b&gt;fear&lt;/b&gt;" in text


def test_what_a_change_changed_is_shown_before_and_after(main: Portfolio) -> None:
    note("breaker.limits.changed", field="trip", before="5.00 %", after="4.00 %", why="calm")
    text = words(page("audrey", 1))
    assert "trip before 5.00 % → after 4.00 %" in text
    assert "why calm" in text
    note(
        "breaker.limits.changed",
        before={"trip": "5", "warning": "3", "pegs": None},
        after={"trip": "4", "warning": "3", "floor": ["a", "b"]},
    )
    text = words(page("audrey", 2))
    assert "trip before 5 → after 4" in text
    assert "warning 3 unchanged" in text
    assert 'floor before \N{EN DASH} → after ["a","b"]'.replace('"', "&quot;") in text


def test_a_drawer_is_the_same_without_the_page_around_it(main: Portfolio) -> None:
    note(times=2)
    drawer = page("audrey", 1, htmx=True)
    assert "<html" not in drawer
    assert "data-close" in drawer
    assert 'hx-get="/audit/2/"' in drawer
    assert "hx-get" not in page("audrey", 1)


def test_a_member_moves_among_the_entries_of_his_portfolios(main: Portfolio) -> None:
    for portfolio in ("main", "other", "main", "", "main"):
        note(portfolio=portfolio)
    text = page("bob", 3)
    assert re.findall(r'rel="(prev|next)" href="/audit/(\d+)/"', text) == [
        ("prev", "1"),
        ("next", "5"),
    ]
    assert "It holds the hash of entry" not in text
    assert "hash made again, it matches" in text


@pytest.mark.parametrize(
    ("sequence", "told"),
    [
        (2, "The content is not what this hash was made of"),
        (3, "hash made again, it matches"),
    ],
)
def test_a_changed_entry_is_said_not_to_match(main: Portfolio, sequence: int, told: str) -> None:
    note(times=3)
    tamper("UPDATE audit_auditentry SET actor = 'me' WHERE sequence = 2")
    assert told in page("audrey", sequence)


def test_an_entry_made_anew_is_missed_by_its_neighbours(main: Portfolio) -> None:
    note(times=3)
    tamper("UPDATE audit_auditentry SET hash = 'x' WHERE sequence = 2")
    assert "It does not follow entry 2 as it is now" in page("audrey", 3)
    assert "Entry 3 does not follow it as it is now" in page("audrey", 2)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite stores any bytes as text")
@pytest.mark.parametrize("value", ["CAST(X'FF3C' AS TEXT)", "X'FF3C'"])
@pytest.mark.parametrize("column", ["at", "actor", "action", "subject", "payload", "address"])
def test_bytes_that_are_no_text_are_shown_as_escapes(
    main: Portfolio, column: str, value: str
) -> None:
    note(times=3)
    tamper(f"UPDATE audit_auditentry SET {column} = {value} WHERE sequence = 2")  # noqa: S608
    text = page("audrey", 2)
    assert "\\xff&lt;" in text
    assert "does not match" in text
    assert signed_in("audrey").get("/audit/").status_code == 200
