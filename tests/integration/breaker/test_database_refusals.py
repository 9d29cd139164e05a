"""What a breaker must never do is refused by the database itself, to raw SQL as well."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

from breaker.domain.approval import RequestKind
from breaker.domain.machine import ALLOWED, APPROVED, BreakerState
from breaker.models import Breaker, Trip, TripEvent
from breaker.services.tripping import halt
from portfolio.models import Portfolio
from tests.clock import NOON, after
from tests.factories import make_disabled, make_executed, make_portfolio
from tests.integration.breaker.raw_sql import replacing, run

pytestmark = pytest.mark.django_db


FORBIDDEN = [
    (before, after)
    for before in BreakerState
    for after in BreakerState
    if before is not after and (before, after) not in ALLOWED | APPROVED
]
KIND = {BreakerState.ACTIVE: RequestKind.RESET, BreakerState.DISABLED: RequestKind.DISABLE}
LATER = "'2031-01-01 00:00:00'"
END_TRIP = "UPDATE breaker_trip SET reset_at = '2031-01-01 00:00:00'"


def put_in(state: BreakerState) -> Breaker:
    """Return a breaker brought to the state by allowed steps only."""
    portfolio = make_portfolio()
    if state is BreakerState.TRIGGERED:
        press(portfolio)
    elif state is BreakerState.DISABLED:
        make_disabled(portfolio, until=after(3600))
    elif state is not BreakerState.ACTIVE:
        Breaker.objects.update(state=state)
    return Breaker.objects.get()


def press(portfolio: Portfolio) -> Trip:
    return halt(portfolio_id=portfolio.pk, reason="", actor="command", address="", now=NOON)


def move(state: BreakerState, *, by: int = 1) -> None:
    """Move the only breaker, with the end that DISABLED has to have."""
    until = LATER if state is BreakerState.DISABLED else "NULL"
    run(
        f"UPDATE breaker_breaker SET state = %s, disabled_until = {until},"  # noqa: S608
        " version = version + %s",
        state.value,
        by,
    )


def approved(breaker: Breaker, after_it: BreakerState) -> None:
    """Let two people decide on the move, for the breaker as it is."""
    trip = Trip.objects.filter(reset_at=None).first()
    kind = KIND[after_it]
    make_executed(breaker.portfolio, kind, trip=trip if kind is RequestKind.RESET else None)


@pytest.mark.parametrize(("before", "after_it"), FORBIDDEN)
def test_a_forbidden_transition_is_refused(before: BreakerState, after_it: BreakerState) -> None:
    put_in(before)

    with pytest.raises(DatabaseError, match=r"forbidden|only by an approved|only an approved"):
        move(after_it)


@pytest.mark.parametrize(("before", "after_it"), sorted(ALLOWED))
def test_an_allowed_one_is_not(before: BreakerState, after_it: BreakerState) -> None:
    put_in(before)

    move(after_it)

    assert Breaker.objects.get().state == after_it


@pytest.mark.parametrize(("before", "after_it"), sorted(APPROVED))
def test_what_takes_an_approval_is_refused_without_one(
    before: BreakerState, after_it: BreakerState
) -> None:
    put_in(before)

    with pytest.raises(DatabaseError, match=r"only by an approved|only an approved"):
        move(after_it)


@pytest.mark.parametrize(("before", "after_it"), sorted(APPROVED))
def test_what_takes_an_approval_is_done_once_with_one(
    before: BreakerState, after_it: BreakerState
) -> None:
    approved(put_in(before), after_it)

    move(after_it)

    assert Breaker.objects.get().state == after_it


@pytest.mark.parametrize(("before", "after_it"), sorted(APPROVED))
def test_an_approval_is_used_up_with_its_version(
    before: BreakerState, after_it: BreakerState
) -> None:
    approved(put_in(before), after_it)

    with pytest.raises(DatabaseError, match="approved"):
        move(after_it, by=0)


@pytest.mark.parametrize(("before", "after_it"), sorted(APPROVED))
def test_an_approval_of_an_older_version_is_none(
    before: BreakerState, after_it: BreakerState
) -> None:
    approved(put_in(before), after_it)
    Breaker.objects.update(version=F("version") + 1)

    with pytest.raises(DatabaseError, match="approved"):
        move(after_it)


def test_a_disabled_breaker_needs_an_end() -> None:
    approved(put_in(BreakerState.ACTIVE), BreakerState.DISABLED)

    with pytest.raises(IntegrityError):
        run("UPDATE breaker_breaker SET state = 'DISABLED', version = version + 1")


def test_a_disabled_breaker_is_not_disabled_for_longer() -> None:
    put_in(BreakerState.DISABLED)

    with pytest.raises(DatabaseError, match="not disabled for longer"), transaction.atomic():
        Breaker.objects.update(disabled_until=F("disabled_until") + timedelta(seconds=1))
    Breaker.objects.update(disabled_until=after(60))


def test_the_reset_of_another_trip_ends_none() -> None:
    first = reset_once()
    press(first.breaker.portfolio)
    make_executed(first.breaker.portfolio, RequestKind.RESET, trip=first)

    with pytest.raises(DatabaseError, match="only an approved reset"):
        move(BreakerState.ACTIVE)


def test_a_reset_is_not_used_a_second_time() -> None:
    trip = reset_once()
    press(trip.breaker.portfolio)

    with pytest.raises(DatabaseError, match="only an approved reset"):
        move(BreakerState.ACTIVE)


def reset_once() -> Trip:
    """Return a trip that was reset as two people do, in rows alone."""
    breaker = put_in(BreakerState.TRIGGERED)
    approved(breaker, BreakerState.ACTIVE)
    move(BreakerState.ACTIVE)
    Trip.objects.update(reset_at=NOON)
    return Trip.objects.get()


def test_a_trip_does_not_end_alone() -> None:
    breaker = put_in(BreakerState.TRIGGERED)

    with pytest.raises(DatabaseError, match="only an approved reset"):
        run(END_TRIP)
    approved(breaker, BreakerState.ACTIVE)
    with pytest.raises(DatabaseError, match="only an approved reset"):
        run(END_TRIP)


def test_an_ended_trip_is_not_opened_again() -> None:
    reset_once()

    with pytest.raises(DatabaseError, match="never overwritten"):
        run("UPDATE breaker_trip SET reset_at = NULL")


def test_a_trip_is_not_born_ended() -> None:
    breaker = put_in(BreakerState.ACTIVE)

    with pytest.raises(DatabaseError, match="a trip begins open"), transaction.atomic():
        Trip.objects.create(
            breaker=breaker, version=9, at=NOON, cause="HALT", evidence={}, reset_at=NOON
        )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "id + 100"),
        ("breaker_id", "breaker_id + 100"),
        ("version", "version + 100"),
        ("at", LATER),
        ("cause", "'LOSS'"),
        ("reason", "'nothing happened'"),
        ("actor", "'nobody'"),
        ("equity", "'1'"),
        ("reference_equity", "NULL"),
        ("loss_ratio", "'1'"),
        ("evidence", "'{}'"),
    ],
)
def test_what_a_trip_wrote_down_stays(column: str, value: str) -> None:
    put_in(BreakerState.TRIGGERED)

    with pytest.raises(DatabaseError, match="never overwritten"):
        run(f"UPDATE breaker_trip SET {column} = {value}")  # noqa: S608 - our own columns


@pytest.mark.parametrize("table", ["breaker_breaker", "breaker_trip", "breaker_tripevent"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nothing_of_a_breaker_is_removed(table: str, statement: str) -> None:
    press(put_in(BreakerState.TRIGGERED).portfolio)
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")  # A table with checks that wait is not emptied.
    elif statement.startswith("TRUNCATE"):
        pytest.skip("SQLite has no TRUNCATE")

    with pytest.raises(DatabaseError, match="never removed"):
        run(statement.format(table))


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        ("breaker_breaker", "state = 'ACTIVE'"),
        ("breaker_trip", "reason = 'nothing happened'"),
        ("breaker_tripevent", "reason = 'nothing happened'"),
    ],
)
def test_nothing_of_a_breaker_is_replaced(table: str, changes: str) -> None:
    """SQLite asks no trigger about the row that REPLACE removes, unless they are recursive."""
    press(put_in(BreakerState.TRIGGERED).portfolio)
    if connection.vendor == "sqlite":
        run("PRAGMA recursive_triggers = OFF")

    try:
        with pytest.raises(DatabaseError):
            run(replacing(table, changes))
    finally:
        if connection.vendor == "sqlite":
            run("PRAGMA recursive_triggers = ON")


def test_what_was_appended_to_a_trip_stays() -> None:
    press(put_in(BreakerState.TRIGGERED).portfolio)
    assert TripEvent.objects.exists()

    with pytest.raises(DatabaseError, match="never changed"):
        run("UPDATE breaker_tripevent SET reason = 'nothing happened'")


def test_a_version_never_falls() -> None:
    put_in(BreakerState.ACTIVE)

    with pytest.raises(DatabaseError, match="never falls"):
        run("UPDATE breaker_breaker SET version = version - 1")


def test_a_second_open_trip_is_refused() -> None:
    breaker = put_in(BreakerState.TRIGGERED)

    with pytest.raises(IntegrityError), transaction.atomic():
        Trip.objects.create(breaker=breaker, version=99, at=NOON, cause="HALT", evidence={})


def test_the_floor_of_a_rebased_portfolio_is_not_taken_away() -> None:
    put_in(BreakerState.ACTIVE)
    Breaker.objects.update(is_rebased=True)

    with pytest.raises(DatabaseError, match="lifetime floor"):
        run("UPDATE breaker_breaker SET is_rebased = NOT is_rebased, version = version + 1")


def test_a_restore_is_not_forgotten_without_an_approval() -> None:
    breaker = put_in(BreakerState.ACTIVE)
    Breaker.objects.update(is_restored=True)
    clear = "UPDATE breaker_breaker SET is_restored = NOT is_restored, version = version + 1"

    with pytest.raises(DatabaseError, match="a restore is confirmed only"):
        run(clear)
    make_executed(breaker.portfolio, RequestKind.RESTORE)
    run(clear)


@pytest.mark.parametrize(
    "limits",
    [
        {"warning_ratio": "0"},
        {"warning_ratio": "0.05"},
        {"warning_ratio": "0.06"},
        {"trip_ratio": "1"},
        {"hysteresis_ratio": "-0.01"},
        {"hysteresis_ratio": "0.03"},
        {"floor_ratio": "0"},
        {"quorum": 0},
        {"state": "ASLEEP"},
    ],
)
def test_limits_that_could_not_protect_are_refused(limits: dict[str, object]) -> None:
    make_portfolio()

    with pytest.raises(DatabaseError), transaction.atomic():
        Breaker.objects.update(**limits)
