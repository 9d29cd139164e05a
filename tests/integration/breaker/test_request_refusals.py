"""Requests and votes are guarded by the database itself, against raw SQL as well."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

from breaker.domain.approval import RequestKind, RequestStatus, Verdict
from breaker.models import Breaker, ChangeRequest
from breaker.services.tripping import halt
from portfolio.models import Membership, Portfolio, Role
from riskconsole.people.models import User
from tests.clock import NOON, after
from tests.factories import (
    a_user,
    make_executed,
    make_portfolio,
    make_request,
    make_user,
    make_vote,
)
from tests.integration.breaker.raw_sql import replacing, run

pytestmark = pytest.mark.django_db

CLOSED = sorted(set(RequestStatus) - {RequestStatus.OPEN, RequestStatus.EXECUTED})
LATER = "'2031-01-01 00:00:00'"
EXECUTE = "UPDATE breaker_changerequest SET status = 'EXECUTED', closed_at = '2030-01-02 12:00:00'"
NO_VOTE = "a vote is for an open, unchanged request"


@pytest.fixture
def portfolio() -> Portfolio:
    return make_portfolio()


@pytest.fixture
def request_made(portfolio: Portfolio) -> ChangeRequest:
    return make_request(portfolio, RequestKind.CHANGE)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "id + 100"),
        ("kind", "'DISABLE'"),
        ("portfolio_id", "NULL"),
        ("trip_id", "7"),
        ("version", "version + 1"),
        ("requester_id", "requester_id + 100"),
        ("reason", "'something else that is long enough'"),
        ("payload", '\'{"until": "never"}\''),
        ("payload_hash", "'1'"),
        ("quorum", "quorum + 1"),
        ("is_solo", "NOT is_solo"),
        ("created_at", LATER),
        ("expires_at", LATER),
    ],
)
@pytest.mark.parametrize("is_closing", [False, True])
def test_what_was_asked_for_never_changes(
    request_made: ChangeRequest, column: str, value: str, is_closing: bool
) -> None:
    closing = f", status = 'REFUSED', closed_at = {LATER}" if is_closing else ""

    with pytest.raises(DatabaseError, match="what was asked for never changes"):
        run(f"UPDATE breaker_changerequest SET {column} = {value}{closing}")  # noqa: S608


@pytest.mark.parametrize("status", [status for status in RequestStatus if status != "OPEN"])
def test_a_request_is_born_open(portfolio: Portfolio, status: RequestStatus) -> None:
    with pytest.raises(DatabaseError, match="a request begins OPEN"):
        make_request(portfolio, RequestKind.CHANGE, status=status, closed_at=NOON)


def test_a_request_is_born_with_the_whole_quorum(portfolio: Portfolio) -> None:
    Breaker.objects.update(quorum=2)

    make_request(portfolio, RequestKind.CHANGE, quorum=2)
    with pytest.raises(DatabaseError, match="as many approvals"):
        make_request(portfolio, RequestKind.CHANGE, quorum=1)


@pytest.mark.parametrize("status", CLOSED)
@pytest.mark.parametrize("again", ["OPEN", "EXECUTED"])
def test_a_closed_request_stays_closed(
    request_made: ChangeRequest, status: str, again: str
) -> None:
    make_vote(request_made)
    ChangeRequest.objects.update(status=status, closed_at=NOON)
    closed = "NULL" if again == "OPEN" else "'2030-01-02 12:00:01'"

    with pytest.raises(DatabaseError, match="a request is decided once"):
        run(f"UPDATE breaker_changerequest SET status = '{again}', closed_at = {closed}")  # noqa: S608


@pytest.mark.parametrize("again", ["OPEN", "VOID"])
def test_an_executed_request_stays_executed(portfolio: Portfolio, again: str) -> None:
    make_executed(portfolio, RequestKind.CHANGE)
    closed = "NULL" if again == "OPEN" else "'2030-01-02 12:00:01'"

    with pytest.raises(DatabaseError, match="a request is decided once"):
        run(f"UPDATE breaker_changerequest SET status = '{again}', closed_at = {closed}")  # noqa: S608


def test_a_request_is_executed_with_its_vote(request_made: ChangeRequest) -> None:
    make_vote(request_made)

    run(EXECUTE)

    request_made.refresh_from_db()
    assert request_made.status == RequestStatus.EXECUTED


def refusing(request: ChangeRequest) -> None:
    make_vote(request, verdict=Verdict.REFUSED)


def demoting(request: ChangeRequest) -> None:
    make_vote(request)
    Membership.objects.filter(role=Role.APPROVER).update(role=Role.VIEWER)


def leaving(request: ChangeRequest) -> None:
    make_vote(request)
    Membership.objects.filter(role=Role.APPROVER).delete()


def deactivating(request: ChangeRequest) -> None:
    make_vote(request)
    User.objects.filter(username="main-approves").update(is_active=False)


def outdating(request: ChangeRequest) -> None:
    make_vote(request)
    Breaker.objects.update(version=F("version") + 1)


@pytest.mark.parametrize(
    "spoil", [lambda _: None, refusing, demoting, leaving, deactivating, outdating]
)
def test_without_a_vote_that_counts_it_is_not_executed(
    request_made: ChangeRequest, spoil: Callable[[ChangeRequest], None]
) -> None:
    spoil(request_made)

    with pytest.raises(DatabaseError, match="executed only with its approvals"):
        run(EXECUTE)


@pytest.mark.parametrize(("votes", "is_enough"), [(1, False), (2, True)])
def test_the_quorum_decides(portfolio: Portfolio, votes: int, is_enough: bool) -> None:
    request = make_request(portfolio, RequestKind.CHANGE, quorum=2)
    for number in range(votes):
        make_vote(
            request, approver=make_user(f"a{number}", portfolio=portfolio, role=Role.APPROVER)
        )

    if is_enough:
        run(EXECUTE)
    else:
        with pytest.raises(DatabaseError, match="executed only with its approvals"):
            run(EXECUTE)


@pytest.mark.parametrize(("seconds", "is_in_time"), [(12 * 3600 - 1, True), (12 * 3600, False)])
def test_its_time_decides(request_made: ChangeRequest, seconds: int, is_in_time: bool) -> None:
    make_vote(request_made)
    requests = ChangeRequest.objects.filter(pk=request_made.pk)

    if is_in_time:
        requests.update(status=RequestStatus.EXECUTED, closed_at=after(seconds))
    else:
        with pytest.raises(DatabaseError, match="in its time"):
            requests.update(status=RequestStatus.EXECUTED, closed_at=after(seconds))


@pytest.mark.parametrize(
    "changed",
    [
        {"requester_id": 0},
        {"payload_hash": "1" * 64},
        {"at": after(-1)},
        {"at": after(12 * 3600)},
        {"is_solo": True},
    ],
)
def test_a_vote_that_does_not_fit_is_refused(
    request_made: ChangeRequest, changed: dict[str, Any]
) -> None:
    with pytest.raises(DatabaseError, match=NO_VOTE):
        make_vote(request_made, **changed)


def test_a_vote_a_second_before_the_end_counts(request_made: ChangeRequest) -> None:
    make_vote(request_made, at=after(12 * 3600 - 1))

    assert request_made.votes.count() == 1


def test_nobody_votes_for_another_requester(
    portfolio: Portfolio, request_made: ChangeRequest
) -> None:
    other = make_user("other", portfolio=portfolio, role=Role.OPERATOR)

    with pytest.raises(DatabaseError, match=NO_VOTE):
        make_vote(request_made, requester_id=other.pk)


@pytest.mark.parametrize("who", ["approver_id", "requester_id"])
def test_a_vote_of_nobody_is_refused(request_made: ChangeRequest, who: str) -> None:
    with pytest.raises(DatabaseError):
        make_vote(request_made, **{who: None})


@pytest.mark.parametrize("is_solo", [False, True])
def test_the_requester_does_not_vote(portfolio: Portfolio, is_solo: bool) -> None:
    requester = make_user("both", portfolio=portfolio, role=Role.OPERATOR)
    Membership.objects.create(
        portfolio=portfolio, user=requester, role=Role.APPROVER, since=after(-1)
    )
    request = make_request(portfolio, RequestKind.CHANGE, requester=requester)

    with pytest.raises(DatabaseError):
        make_vote(request, approver=requester, is_solo=is_solo)


def test_the_requester_votes_where_one_works_alone(portfolio: Portfolio) -> None:
    requester = make_user("both", portfolio=portfolio, role=Role.APPROVER)
    request = make_request(portfolio, RequestKind.CHANGE, requester=requester, is_solo=True)

    with pytest.raises(IntegrityError), transaction.atomic():
        make_vote(request, approver=requester)
    make_vote(request, approver=requester, is_solo=True)


@pytest.mark.parametrize(
    "status", [RequestStatus.VOID, RequestStatus.REFUSED, RequestStatus.EXPIRED]
)
def test_a_closed_request_takes_no_vote(request_made: ChangeRequest, status: str) -> None:
    ChangeRequest.objects.update(status=status, closed_at=NOON)

    with pytest.raises(DatabaseError, match=NO_VOTE):
        make_vote(request_made)


def somebody(request: ChangeRequest) -> User:
    return make_user("somebody")


def an_operator(request: ChangeRequest) -> User:
    return make_user("somebody", portfolio=request.portfolio, role=Role.OPERATOR)


def an_admin(request: ChangeRequest) -> User:
    return make_user("somebody", site="ADMIN")


def a_superuser(request: ChangeRequest) -> User:
    user = User.objects.create_superuser("somebody", password="a long password")
    assert isinstance(user, User)
    return user


def an_approver_elsewhere(request: ChangeRequest) -> User:
    return make_user("somebody", portfolio=make_portfolio("other"), role=Role.APPROVER)


def a_demoted(request: ChangeRequest) -> User:
    user = make_user("somebody", portfolio=request.portfolio, role=Role.APPROVER)
    Membership.objects.filter(user=user).update(role=Role.VIEWER)
    return user


def a_deactivated(request: ChangeRequest) -> User:
    user = make_user("somebody", portfolio=request.portfolio, role=Role.APPROVER)
    User.objects.filter(pk=user.pk).update(is_active=False)
    return user


@pytest.mark.parametrize(
    "voter",
    [
        somebody,
        an_operator,
        an_admin,
        a_superuser,
        an_approver_elsewhere,
        a_demoted,
        a_deactivated,
    ],
)
def test_who_is_no_approver_has_no_vote(
    request_made: ChangeRequest, voter: Callable[[ChangeRequest], User]
) -> None:
    with pytest.raises(DatabaseError, match=NO_VOTE):
        make_vote(request_made, approver=voter(request_made))


@pytest.mark.parametrize("site", ["", "AUDITOR"])
def test_only_an_admin_votes_on_the_site(site: str) -> None:
    request = make_request(None, RequestKind.SECOND_FACTOR)

    with pytest.raises(DatabaseError, match=NO_VOTE), transaction.atomic():
        make_vote(request, approver=make_user("somebody", site=site))
    make_vote(request, approver=make_user("admin", site="ADMIN"))


def test_nobody_votes_twice(request_made: ChangeRequest) -> None:
    make_vote(request_made)

    with pytest.raises(IntegrityError):
        make_vote(request_made)


def test_an_approval_without_a_second_factor_is_refused(request_made: ChangeRequest) -> None:
    with pytest.raises(IntegrityError):
        make_vote(request_made, proof_method="")


@pytest.mark.parametrize(
    "changes",
    [
        "verdict = 'REFUSED'",
        "note = 'something else'",
        "at = at",
        "request_id = request_id + 1",
        "exceptions = '[]'",
    ],
)
def test_a_vote_is_never_changed(request_made: ChangeRequest, changes: str) -> None:
    make_vote(request_made)

    with pytest.raises(DatabaseError, match="a vote is never changed"):
        run(f"UPDATE breaker_vote SET {changes}")  # noqa: S608


@pytest.mark.parametrize("table", ["breaker_changerequest", "breaker_vote"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_neither_is_removed(request_made: ChangeRequest, table: str, statement: str) -> None:
    make_vote(request_made)
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")  # A table with checks that wait is not emptied.
    elif statement.startswith("TRUNCATE"):
        pytest.skip("SQLite has no TRUNCATE")

    with pytest.raises(DatabaseError, match="never removed"):
        run(statement.format(table))


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        ("breaker_changerequest", "reason = 'something else that is long enough'"),
        ("breaker_vote", "note = 'something else'"),
    ],
)
def test_neither_is_replaced(request_made: ChangeRequest, table: str, changes: str) -> None:
    make_vote(request_made)
    if connection.vendor == "sqlite":
        run("PRAGMA recursive_triggers = OFF")

    try:
        with pytest.raises(DatabaseError, match="never"):
            run(replacing(table, changes))
    finally:
        if connection.vendor == "sqlite":
            run("PRAGMA recursive_triggers = ON")


def test_one_reset_of_a_trip_is_open(portfolio: Portfolio) -> None:
    trip = halt(portfolio_id=portfolio.pk, reason="", actor="command", address="", now=NOON)
    make_request(portfolio, RequestKind.RESET, trip=trip)

    with pytest.raises(IntegrityError):
        make_request(portfolio, RequestKind.RESET, trip=trip)


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "ANYTHING"},
        {"status": "APPROVED"},
        {"quorum": 0},
        {"expires_at": NOON},
        {"reason": "too short by 1 char"},
        {"version": None},
        {"requester_id": None, "requester": None},
        {"kind": RequestKind.RESET},
    ],
)
def test_a_request_that_means_nothing_is_refused(
    portfolio: Portfolio, changed: dict[str, Any]
) -> None:
    asks = a_user("asks", portfolio=portfolio, role=Role.OPERATOR)
    facts = {"kind": RequestKind.CHANGE, "requester": asks, **changed}

    with pytest.raises(DatabaseError):
        make_request(portfolio, facts.pop("kind"), **facts)
