"""What needs a second person is refused by the database itself, to raw SQL on both engines."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from breaker.domain.approval import Reference, RequestStatus
from breaker.domain.machine import BreakerState
from breaker.models import Breaker, ChangeRequest, Trip, Vote
from portfolio.models import Membership, Portfolio, Role
from riskconsole.people.models import User
from tests.factories import make_user
from tests.integration.breaker.approvals import Desk, make_desk

pytestmark = pytest.mark.django_db

SqlValue = str | int | datetime | None


@pytest.fixture
def desk() -> Desk:
    return make_desk()


@pytest.fixture
def tripped(desk: Desk) -> Desk:
    desk.lose(percent="5.5")
    desk.wait(minutes=15)
    return desk


def run(statement: str, *values: SqlValue) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, list(values))


def refused(statement: str, *values: SqlValue, because: str = ".") -> None:
    with pytest.raises(DatabaseError, match=because):
        run(statement, *values)


def force_open() -> None:
    run("UPDATE breaker_breaker SET state = 'ACTIVE', version = version + 1")


def test_no_statement_ends_a_trip_without_an_executed_reset(tripped: Desk) -> None:
    tripped.ask()

    refused("UPDATE breaker_breaker SET state = 'ACTIVE'", because="approved reset")
    refused(
        "UPDATE breaker_breaker SET state = 'ACTIVE', version = version + 1",
        because="approved reset",
    )
    refused("UPDATE breaker_trip SET reset_at = %s", tripped.now, because="approved reset")


def test_a_reset_is_good_for_one_trip_only(tripped: Desk) -> None:
    tripped.approve(tripped.ask())
    tripped.lose(percent="11")
    assert tripped.state is BreakerState.TRIGGERED

    with pytest.raises(DatabaseError, match="approved reset"):
        force_open()


def test_a_halt_after_the_reset_is_not_undone_by_it(tripped: Desk) -> None:
    tripped.approve(tripped.ask())
    tripped.halt()

    with pytest.raises(DatabaseError, match="approved reset"):
        force_open()


def test_nothing_but_a_request_disables_or_confirms_a_restore(desk: Desk) -> None:
    end = desk.now + timedelta(hours=1)
    refused(
        "UPDATE breaker_breaker SET state = 'DISABLED', disabled_until = %s, version = version + 1",
        end,
        because="approved request",
    )
    Breaker.objects.update(is_restored=True)
    refused(
        "UPDATE breaker_breaker SET is_restored = %s, version = version + 1",
        *[False],
        because="approved request",
    )


LOOSER = [
    ("warning_ratio", "0.04"),
    ("trip_ratio", "0.06"),
    ("floor_ratio", "0.16"),
    ("hysteresis_ratio", "0.001"),
]
LONGER = [
    ("max_mark_age", timedelta(seconds=11)),
    ("max_snapshot_age", timedelta(seconds=61)),
    ("blind_trip_after", timedelta(seconds=301)),
    ("blind_trip_after", timedelta(0)),
    ("warning_dwell", timedelta(seconds=9)),
    ("cooldown", timedelta(seconds=899)),
]
CHOSEN = [("close_positions", True), ("keep_reduce_only", True)]
TIGHTER = [
    ("warning_ratio", "0.02"),
    ("trip_ratio", "0.04"),
    ("floor_ratio", "0.14"),
    ("hysteresis_ratio", "0.003"),
    ("max_mark_age", timedelta(seconds=9)),
    ("blind_trip_after", timedelta(seconds=299)),
    ("cooldown", timedelta(seconds=901)),
    ("quorum", 2),
]


@pytest.mark.parametrize(("column", "value"), [*LOOSER, *LONGER, *CHOSEN])
def test_what_guards_an_armed_portfolio_is_not_loosened(
    desk: Desk, column: str, value: object
) -> None:
    breakers = Breaker.objects.filter(portfolio=desk.portfolio)

    with pytest.raises(DatabaseError, match="loosened only"), transaction.atomic():
        breakers.update(**{column: value})
    with pytest.raises(DatabaseError, match="loosened only"), transaction.atomic():
        breakers.update(**{column: value, "version": 99})


@pytest.mark.parametrize(("column", "value"), TIGHTER)
def test_tightening_is_not_refused(desk: Desk, column: str, value: object) -> None:
    assert Breaker.objects.filter(portfolio=desk.portfolio).update(**{column: value}) == 1


@pytest.mark.parametrize("column", ["reference_equity", "floor_base"])
def test_the_reference_of_an_armed_portfolio_does_not_fall(desk: Desk, column: str) -> None:
    portfolios = Portfolio.objects.filter(pk=desk.portfolio.pk)

    with pytest.raises(DatabaseError, match="falls only"), transaction.atomic():
        portfolios.update(**{column: "9999.99"})
    assert portfolios.update(**{column: "10000.01"}) == 1


def test_an_armed_portfolio_stays_armed(desk: Desk) -> None:
    refused("UPDATE portfolio_portfolio SET armed_at = NULL", because="stays armed")
    refused(
        "UPDATE portfolio_portfolio SET armed_at = %s",
        desk.now + timedelta(days=1),
        because="stays armed",
    )


FACTS: list[tuple[str, SqlValue]] = [
    ("kind", "DISABLE"),
    ("version", 99),
    ("reason", "something else that is long enough"),
    ("payload", "{}"),
    ("payload_hash", "0" * 64),
    ("quorum", 9),
    ("is_solo", True),
    ("created_at", datetime(2031, 1, 1)),  # noqa: DTZ001 - text for the column
    ("expires_at", datetime(2031, 1, 1)),  # noqa: DTZ001
]


@pytest.mark.parametrize(("column", "value"), FACTS)
def test_what_was_asked_for_never_changes(tripped: Desk, column: str, value: SqlValue) -> None:
    tripped.ask()

    refused(f"UPDATE breaker_changerequest SET {column} = %s", value)  # noqa: S608


def test_a_requester_is_never_exchanged(tripped: Desk) -> None:
    tripped.ask()

    refused("UPDATE breaker_changerequest SET requester_id = %s", tripped.approver.pk)


def test_a_request_is_executed_only_with_its_approvals(tripped: Desk) -> None:
    tripped.ask()

    refused(
        "UPDATE breaker_changerequest SET status = 'EXECUTED', closed_at = %s",
        tripped.now,
        because="only with its approvals",
    )


def test_a_decided_request_stays_decided(tripped: Desk) -> None:
    request = tripped.ask()
    tripped.halt()
    assert ChangeRequest.objects.get(pk=request.pk).status == RequestStatus.VOID

    refused(
        "UPDATE breaker_changerequest SET status = 'OPEN', closed_at = NULL", because="decided once"
    )


@pytest.mark.parametrize(
    "table", ["breaker_changerequest", "breaker_vote", "breaker_trip", "breaker_breaker"]
)
def test_nothing_is_removed(tripped: Desk, table: str) -> None:
    tripped.approve(tripped.ask())

    refused(f"DELETE FROM {table}")  # noqa: S608


def test_a_vote_never_changes(tripped: Desk) -> None:
    tripped.approve(tripped.ask())

    refused("UPDATE breaker_vote SET note = 'another'", because="never changed")
    refused("UPDATE breaker_vote SET approver_id = requester_id")


def vote(request: ChangeRequest, desk: Desk, **changed: SqlValue) -> None:
    columns: dict[str, SqlValue] = {
        "request_id": request.pk,
        "requester_id": desk.operator.pk,
        "approver_id": desk.approver.pk,
        "verdict": "APPROVED",
        "note": "by hand",
        "exceptions": "[]",
        "payload_hash": request.payload_hash,
        "is_solo": False,
        "proof_method": "totp",
        "proof_credential": "1",
        "at": desk.now,
    }
    columns |= changed
    names = ", ".join(columns)
    places = ", ".join(["%s"] * len(columns))
    run(f"INSERT INTO breaker_vote ({names}) VALUES ({places})", *columns.values())  # noqa: S608


def test_a_vote_that_fits_is_taken(tripped: Desk) -> None:
    vote(tripped.ask(), tripped)

    assert Vote.objects.count() == 1


def test_a_vote_by_the_requester_is_refused(tripped: Desk) -> None:
    Membership.objects.create(
        portfolio=tripped.portfolio,
        user=tripped.operator,
        role=Role.APPROVER,
        since=tripped.portfolio.armed_at or tripped.now,
    )
    request = tripped.ask()

    for is_solo in (False, True):
        with pytest.raises(DatabaseError):
            vote(request, tripped, approver_id=tripped.operator.pk, is_solo=is_solo)


@pytest.mark.parametrize(
    "changed",
    [
        {"approver_id": None},
        {"requester_id": None},
        {"payload_hash": "0" * 64},
        {"verdict": "MAYBE"},
        {"proof_method": ""},
        {"is_solo": True},
        {"request_id": 999},
    ],
    ids=str,
)
def test_a_vote_that_does_not_fit_is_refused(tripped: Desk, changed: dict[str, SqlValue]) -> None:
    request = tripped.ask()

    with pytest.raises(DatabaseError):
        vote(request, tripped, **changed)


def test_a_vote_for_another_requester_is_refused(tripped: Desk) -> None:
    other = make_user("other", portfolio=tripped.portfolio, role=Role.OPERATOR)
    request = tripped.ask()

    with pytest.raises(DatabaseError, match="open, unchanged request"):
        vote(request, tripped, requester_id=other.pk)


@pytest.mark.parametrize("hours", [-1, 13])
def test_a_vote_outside_the_life_of_the_request_is_refused(tripped: Desk, hours: int) -> None:
    request = tripped.ask()

    with pytest.raises(DatabaseError, match="open, unchanged request"):
        vote(request, tripped, at=tripped.now + timedelta(hours=hours))


def test_a_vote_by_a_deactivated_approver_is_refused(tripped: Desk) -> None:
    request = tripped.ask()
    User.objects.filter(pk=tripped.approver.pk).update(is_active=False)

    with pytest.raises(DatabaseError, match="somebody entitled"):
        vote(request, tripped)


def test_a_vote_by_a_demoted_approver_is_refused(tripped: Desk) -> None:
    request = tripped.ask()
    Membership.objects.filter(user=tripped.approver).update(role=Role.VIEWER)

    with pytest.raises(DatabaseError, match="somebody entitled"):
        vote(request, tripped)


def test_a_vote_by_an_admin_who_is_no_approver_is_refused(tripped: Desk) -> None:
    request, admin = tripped.ask(), make_user("root", site="ADMIN")

    with pytest.raises(DatabaseError, match="somebody entitled"):
        vote(request, tripped, approver_id=admin.pk)


def test_a_vote_on_a_closed_request_is_refused(tripped: Desk) -> None:
    request = tripped.ask(Reference.KEEP)
    tripped.halt()

    with pytest.raises(DatabaseError, match="open, unchanged request"):
        vote(request, tripped)


def test_the_facts_of_a_trip_stay(tripped: Desk) -> None:
    for column, value in (("equity", None), ("loss_ratio", "0"), ("reference_equity", "1")):
        with pytest.raises(DatabaseError, match="never overwritten"), transaction.atomic():
            Trip.objects.update(**{column: value})
