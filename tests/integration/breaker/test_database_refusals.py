"""What a breaker must never do is refused by the database itself, to raw SQL as well."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from breaker.domain.machine import ALLOWED, BreakerState
from breaker.models import Breaker, Trip
from breaker.services.tripping import halt
from tests.clock import NOON
from tests.factories import make_disabled, make_portfolio

pytestmark = pytest.mark.django_db

SqlValue = str | int | datetime | None

FORBIDDEN = [
    (before, after)
    for before in BreakerState
    for after in BreakerState
    if before is not after and (before, after) not in ALLOWED
]


def put_in(state: BreakerState) -> Breaker:
    """Return a breaker brought to the state by allowed steps only."""
    portfolio = make_portfolio()
    if state is BreakerState.TRIGGERED:
        halt(portfolio_id=portfolio.pk, reason="", actor="command", address="", now=NOON)
    elif state is BreakerState.DISABLED:
        make_disabled(portfolio, until=NOON + timedelta(hours=1))
    elif state is not BreakerState.ACTIVE:
        Breaker.objects.update(state=state)
    return Breaker.objects.get()


def run(statement: str, *values: SqlValue) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, list(values))


def move_to(after: BreakerState) -> None:
    """Move the breaker by raw SQL, the end of a DISABLED one as the state demands it."""
    end = NOON + timedelta(hours=1) if after is BreakerState.DISABLED else None
    run(
        "UPDATE breaker_breaker SET state = %s, version = version + 1, disabled_until = %s",
        after.value,
        end,
    )


@pytest.mark.parametrize(("before", "after"), FORBIDDEN)
def test_a_forbidden_transition_is_refused(before: BreakerState, after: BreakerState) -> None:
    put_in(before)

    with pytest.raises(DatabaseError, match=r"forbidden|approved"):
        move_to(after)


@pytest.mark.parametrize(("before", "after"), sorted(ALLOWED))
def test_an_allowed_one_is_not(before: BreakerState, after: BreakerState) -> None:
    put_in(before)

    move_to(after)

    assert Breaker.objects.get().state == after


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE breaker_breaker SET version = version - 1",
        "DELETE FROM breaker_breaker",
        "DELETE FROM breaker_trip",
        "UPDATE breaker_trip SET cause = 'LOSS'",
        "UPDATE breaker_trip SET reason = 'nothing happened'",
        "UPDATE breaker_trip SET version = 0",
        "UPDATE breaker_trip SET evidence = '{}'",
    ],
)
def test_what_a_trip_wrote_down_stays(statement: str) -> None:
    put_in(BreakerState.TRIGGERED)

    with pytest.raises(DatabaseError):
        run(statement)


def test_a_second_open_trip_is_refused() -> None:
    breaker = put_in(BreakerState.TRIGGERED)

    with pytest.raises(IntegrityError), transaction.atomic():
        Trip.objects.create(breaker=breaker, version=99, at=NOON, cause="HALT", evidence={})


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
        {"state": "ASLEEP"},
    ],
)
def test_limits_that_could_not_protect_are_refused(limits: dict[str, str]) -> None:
    make_portfolio()

    with pytest.raises(DatabaseError), transaction.atomic():
        Breaker.objects.update(**limits)
