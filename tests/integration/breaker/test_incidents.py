"""What is added to an incident stays; who is not heard is called again."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from breaker.domain.machine import BreakerState
from breaker.models import Acknowledgement, Escalation, Trip, TripNote
from breaker.services.escalating import escalate_unacknowledged
from breaker.services.incidents import NothingToAcknowledge, acknowledge, add_note
from breaker.services.upkeep import keep_up
from riskconsole.alerts.models import Alert, Level
from riskconsole.audit.models import AuditEntry
from tests.clock import NOON, after
from tests.integration.breaker.approvals import Desk, make_desk

pytestmark = pytest.mark.django_db
MINUTE = 60
RUNNERS = 4


@pytest.fixture
def desk() -> Desk:
    return make_desk()


@pytest.fixture
def trip(desk: Desk) -> Trip:
    desk.lose(percent="5.5")
    return desk.trip


def run(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def take_notice(desk: Desk, trip: Trip, *, seconds: float = 60) -> None:
    acknowledge(
        breaker=desk.breaker,
        since=trip.at,
        user=desk.operator,
        address="127.0.0.1",
        now=trip.at + timedelta(seconds=seconds),
    )


def called() -> int:
    """Return how often people were called, by the rows; alerts and entries must say the same."""
    alerts = Alert.objects.filter(level=Level.NEEDS_HUMAN, subject__contains="nobody acknowledged")
    entries = AuditEntry.objects.filter(action="breaker.incident.escalated")
    assert Escalation.objects.count() == alerts.count() == entries.count()
    return alerts.count()


def keep_up_at(trip: Trip, *minutes: float) -> None:
    for minute in minutes:
        keep_up(now=trip.at + timedelta(minutes=minute))


class TestNotes:
    def test_a_note_goes_into_the_log_with_its_words_and_its_author(
        self, desk: Desk, trip: Trip
    ) -> None:
        add_note(trip=trip, author=desk.operator, text="a bot", address="127.0.0.1", now=after(9))

        entry = AuditEntry.objects.get(action="breaker.incident.noted")
        note = TripNote.objects.get()
        assert (entry.subject, entry.actor) == (f"trip:{trip.pk}", "user:operator")
        assert json.loads(entry.payload) == {"note": note.pk, "text": "a bot"}

    def test_a_note_needs_words(self, desk: Desk, trip: Trip) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            TripNote.objects.create(trip=trip, author=desk.operator, text="", at=NOON)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE breaker_tripnote SET text = 'another'",
            "UPDATE breaker_tripnote SET author_id = author_id + 1",
            "DELETE FROM breaker_tripnote",
            "UPDATE breaker_acknowledgement SET by_id = by_id + 1",
            "DELETE FROM breaker_acknowledgement",
            "UPDATE breaker_escalation SET at = since",
            "DELETE FROM breaker_escalation",
            "UPDATE breaker_tripevent SET reason = 'none'",
            "DELETE FROM breaker_tripevent",
        ],
    )
    def test_what_was_added_stays_whoever_asks(
        self, desk: Desk, trip: Trip, statement: str
    ) -> None:
        add_note(trip=trip, author=desk.operator, text="a bot", address="", now=after(9))
        keep_up_at(trip, 5)
        take_notice(desk, trip, seconds=301)
        desk.halt()

        with pytest.raises(DatabaseError, match="never changed"):
            run(statement)

    def test_a_replacing_insert_is_a_change_too(self, desk: Desk, trip: Trip) -> None:
        add_note(trip=trip, author=desk.operator, text="a bot", address="", now=after(9))
        if connection.vendor != "sqlite":
            pytest.skip("only SQLite has it")

        with pytest.raises(DatabaseError, match="never changed"):
            run(
                "INSERT OR REPLACE INTO breaker_tripnote (id, trip_id, author_id, text, at)"
                " SELECT id, trip_id, author_id, 'another', at FROM breaker_tripnote"
            )

    def test_no_table_of_them_is_emptied(self) -> None:
        if connection.vendor != "postgresql":
            pytest.skip("only PostgreSQL has it")

        for table in ("tripnote", "acknowledgement", "escalation", "tripevent"):
            with pytest.raises(DatabaseError, match="never changed"):
                run(f"TRUNCATE breaker_{table}")


class TestAcknowledging:
    def test_it_is_noted_once(self, desk: Desk, trip: Trip) -> None:
        take_notice(desk, trip)

        with pytest.raises(NothingToAcknowledge, match=r"operator acknowledged it at 2030-01-02"):
            take_notice(desk, trip)

        assert Acknowledgement.objects.get().by == desk.operator
        entry = AuditEntry.objects.get(action="breaker.incident.acknowledged")
        assert entry.subject == f"trip:{trip.pk}"

    def test_a_trip_that_was_reset_calls_for_nobody(self, desk: Desk, trip: Trip) -> None:
        desk.wait(minutes=16)
        desk.hold("9450")
        desk.approve(desk.ask())

        with pytest.raises(NothingToAcknowledge, match="any more"):
            take_notice(desk, trip)

    def test_whoever_saw_a_warning_has_not_seen_the_trip(self, desk: Desk) -> None:
        desk.lose(percent="3.5")
        since = desk.breaker.state_since
        assert since is not None
        desk.lose(percent="5.5")

        with pytest.raises(NothingToAcknowledge):
            acknowledge(
                breaker=desk.breaker, since=since, user=desk.operator, address="", now=desk.now
            )


class TestEscalation:
    @pytest.mark.parametrize(("minutes", "times"), [(4.999, 0), (5, 1)])
    def test_people_are_called_after_five_minutes(
        self, trip: Trip, minutes: float, times: int
    ) -> None:
        keep_up_at(trip, minutes)

        assert called() == times

    @pytest.mark.parametrize(("minutes", "times"), [(19.999, 1), (20, 2)])
    def test_and_again_every_fifteen(self, trip: Trip, minutes: float, times: int) -> None:
        keep_up_at(trip, 5, 6, 12, minutes)

        assert called() == times

    def test_a_runner_that_was_away_for_long_calls_once(self, trip: Trip) -> None:
        keep_up_at(trip, 200, 200, 201)

        assert called() == 1

    def test_who_has_taken_notice_is_left_alone(self, desk: Desk, trip: Trip) -> None:
        take_notice(desk, trip)

        keep_up_at(trip, 5, 20)

        assert called() == 0

    def test_taking_notice_ends_it(self, desk: Desk, trip: Trip) -> None:
        keep_up_at(trip, 5)
        take_notice(desk, trip, seconds=6 * MINUTE)

        keep_up_at(trip, 20, 35)

        assert called() == 1

    def test_a_reset_ends_it(self, desk: Desk, trip: Trip) -> None:
        keep_up_at(trip, 5)
        desk.wait(minutes=16)
        desk.hold("9450")
        desk.approve(desk.ask())

        keep_up(now=desk.now + timedelta(minutes=30))

        assert desk.state is BreakerState.ACTIVE
        assert called() == 1

    def test_it_says_since_when_and_whom_it_concerns(self, trip: Trip) -> None:
        keep_up_at(trip, 5)

        alert = Alert.objects.get(level=Level.NEEDS_HUMAN)
        assert (alert.portfolio, alert.cause) == ("main", f"trip:{trip.pk}")
        assert alert.subject == "Main is triggered for 5 min, and nobody acknowledged it"

    def test_a_warning_is_called_too_and_can_be_acknowledged(self, desk: Desk) -> None:
        desk.lose(percent="3.5")
        breaker = desk.breaker
        assert breaker.state_since is not None

        keep_up(now=breaker.state_since + timedelta(minutes=5))
        acknowledge(
            breaker=breaker,
            since=breaker.state_since,
            user=desk.operator,
            address="",
            now=desk.now,
        )
        keep_up(now=breaker.state_since + timedelta(minutes=20))

        assert called() == 1
        assert Alert.objects.get(level=Level.NEEDS_HUMAN).cause == "portfolio:main"

    def test_a_calm_portfolio_calls_for_nobody(self, desk: Desk) -> None:
        keep_up(now=desk.now + timedelta(hours=1))

        assert called() == 0

    def test_it_is_one_query_where_nothing_is_due(
        self, desk: Desk, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(1):
            escalate_unacknowledged(now=desk.now)


@pytest.mark.usefixtures("flushable_db")
def test_runners_that_come_at_once_call_once() -> None:
    desk = make_desk()
    desk.lose(percent="5.5")
    now, start = desk.trip.at + timedelta(minutes=5), Barrier(RUNNERS)

    def run_once(_number: int) -> None:
        try:
            start.wait()
            keep_up(now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(RUNNERS) as pool:
        list(pool.map(run_once, range(RUNNERS)))

    assert called() == 1
