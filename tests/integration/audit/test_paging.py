"""A page is what a plain filter over the whole log would give, however it is found."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction

from riskconsole.audit import paging
from riskconsole.audit.models import AuditEntry
from riskconsole.audit.paging import LogQuery, action_names, newest_sequences, wanted
from riskconsole.audit.services import record
from tests.clock import NOON

pytestmark = pytest.mark.django_db
ACTIONS = ["breaker.trip.happened", "breaker.warning.began", "oms.leg.settled", "ops.x.y"]
PORTFOLIOS = ["", "main", "other", "third"]
ACTORS = ["system", "user:alice", "user:bob", "token:alice"]
ENTRIES = 120


@pytest.fixture
def log() -> None:
    """Entries of all kinds, by a clock that was an hour ahead for some of them."""
    chance = random.Random(7)  # noqa: S311 - entries, not secrets
    with transaction.atomic():
        for number in range(ENTRIES):
            ahead = timedelta(hours=1) if 40 <= number < 45 else timedelta()
            record(
                action=chance.choice(ACTIONS),
                subject=f"trip:{chance.randrange(4)}",
                portfolio=chance.choice(PORTFOLIOS),
                actor=chance.choice(ACTORS),
                payload={"number": number},
                now=NOON + timedelta(seconds=number) + ahead,
            )


EVERYTHING = LogQuery(slugs=None)
QUERIES = [
    EVERYTHING,
    LogQuery(slugs={"main", "other"}),
    LogQuery(slugs=frozenset()),
    replace(EVERYTHING, portfolio="main"),
    LogQuery(slugs={"other"}, portfolio="main"),
    replace(EVERYTHING, action="breaker."),
    replace(EVERYTHING, action="nothing"),
    replace(EVERYTHING, actor="alice"),
    replace(EVERYTHING, actor="user:alice"),
    replace(EVERYTHING, subject="trip:2"),
    replace(EVERYTHING, portfolio="main", action="breaker.trip"),
    replace(EVERYTHING, portfolio="main", actor="alice"),
    replace(EVERYTHING, actor="bob", action="o"),
    replace(EVERYTHING, portfolio="other", actor="bob", action="breaker"),
    replace(EVERYTHING, subject="trip:2", portfolio="main", action="breaker", actor="system"),
    LogQuery(slugs={"main", "third"}, subject="trip:1", action="oms."),
    LogQuery(slugs=frozenset(), subject="trip:1"),
    LogQuery(slugs={"main", "third"}, action="b", actor="alice"),
    replace(EVERYTHING, first=20, last=60, action="breaker."),
    replace(EVERYTHING, since="2030-01-02T12:00:30", action="oms"),
    replace(EVERYTHING, until="2030-01-02T12:00:30", portfolio="main"),
    replace(EVERYTHING, since="2030-01-02T12:00:30", until="2030-01-02T12:01:00"),
    replace(EVERYTHING, since="2030-01-02T13:00:00", actor="system"),
    replace(EVERYTHING, since="2031-01-01T00:00:00"),
    replace(EVERYTHING, until="2029-01-01T00:00:00", action="oms"),
    replace(EVERYTHING, subject="trip:3", since="2030-01-02T12:00:30", last=100),
]


def plainly(query: LogQuery) -> list[int]:
    """Return what is wanted, newest first, by looking at every entry."""
    tests: list[Callable[[AuditEntry], bool]] = [
        lambda entry: query.slugs is None or entry.portfolio in query.slugs,
        lambda entry: query.portfolio in {"", entry.portfolio},
        lambda entry: entry.action.startswith(query.action),
        lambda entry: query.actor == "" or entry.actor in {query.actor, f"user:{query.actor}"},
        lambda entry: query.subject in {"", entry.subject},
        lambda entry: entry.at >= query.since,
        lambda entry: query.until == "" or entry.at < query.until,
        lambda entry: query.first is None or entry.sequence >= query.first,
        lambda entry: query.last is None or entry.sequence <= query.last,
    ]
    entries = AuditEntry.objects.order_by("-sequence")
    return [entry.sequence for entry in entries if all(test(entry) for test in tests)]


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("limit", [7, ENTRIES])
def test_every_query_gives_what_a_look_at_every_entry_gives(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "PARTS", 3)
    for query in QUERIES:
        expected = plainly(query)
        assert newest_sequences(query, limit=limit) == expected[:limit], query
        found = wanted(query).order_by("-sequence").values_list("sequence", flat=True)
        assert list(found) == expected, query


@pytest.mark.usefixtures("log")
def test_the_queries_of_this_test_find_something_and_nothing() -> None:
    counts = [len(plainly(query)) for query in QUERIES]
    assert counts.count(0) == 6
    assert ENTRIES in counts


@pytest.mark.usefixtures("log")
def test_the_names_of_actions_are_those_of_the_log() -> None:
    assert action_names() == sorted(ACTIONS)


def test_an_empty_log_knows_no_action_and_has_no_page() -> None:
    assert action_names() == []
    assert newest_sequences(replace(EVERYTHING, action="b"), limit=5) == []
