"""Keys of an armed portfolio: removed and swapped by two people, by code and by raw SQL."""

import json

import pytest
from django.db import DatabaseError, transaction

from breaker.domain.approval import RequestKind
from breaker.services.asking import ask_key
from breaker.services.requests import RequestRefused
from oms.domain.credentials import KeyPurpose
from oms.models import VenueKey
from oms.services.keys import RELEASED_FOR, remove_key
from portfolio.models import Portfolio, Role, VenueAccount
from riskconsole.audit.models import AuditEntry
from riskconsole.people.approval import NeedsApproval
from tests.clock import NOON
from tests.factories import (
    make_exchange_account,
    make_executed,
    make_key,
    make_member,
    make_portfolio,
)
from tests.history import check_history
from tests.integration.breaker.approvals import Desk, make_desk
from tests.integration.breaker.raw_sql import replacing, run

pytestmark = pytest.mark.django_db

LATER = NOON + RELEASED_FOR


@pytest.fixture
def desk() -> Desk:
    """Return an armed desk with an account that has a READ key."""
    desk = make_desk()
    make_key(make_exchange_account(desk.portfolio))
    return desk


def remove(desk: Desk) -> None:
    account = VenueAccount.objects.get(slug="spot")
    remove_key(
        account_id=account.pk,
        purpose=KeyPurpose.READ,
        actor="user:operator",
        address="",
        now=desk.now,
    )


def test_two_people_let_go_of_a_key_and_one_removes_it(desk: Desk) -> None:
    with pytest.raises(NeedsApproval):
        remove(desk)
    version = desk.breaker.version
    request = desk.ask_key()

    desk.approve(request)

    key = VenueKey.objects.get()
    assert (key.released_by, key.released_until) == (
        f"request:{request.pk}",
        desk.now + RELEASED_FOR,
    )
    assert desk.breaker.version == version + 1
    remove(desk)
    assert not VenueKey.objects.exists()
    check_history()


def test_the_log_tells_who_asked_who_approved_and_what_was_done(desk: Desk) -> None:
    request = desk.ask_key()
    desk.approve(request)
    remove(desk)

    told = AuditEntry.objects.filter(sequence__gt=0).order_by("sequence")
    actions = [entry.action for entry in told if "key" in entry.action or "request" in entry.action]
    assert actions == [
        "oms.key.set",
        "breaker.request.made",
        "oms.key.released",
        "breaker.request.executed",
        "oms.key.removed",
    ]
    last = json.loads(told.get(action="oms.key.removed").payload)
    assert last == {
        "account": "spot",
        "purpose": "READ",
        "key_hint": "1111",
        "approval": f"request:{request.pk}",
    }


def test_the_requester_does_not_approve_it(desk: Desk) -> None:
    make_member(desk.operator, desk.portfolio, Role.APPROVER)

    with pytest.raises(RequestRefused, match="You asked for this yourself"):
        desk.approve(desk.ask_key(), voter=desk.operator)

    assert VenueKey.objects.get().released_until is None


@pytest.mark.parametrize(
    ("account", "purpose"),
    [("spot", KeyPurpose.EMERGENCY), ("cash", KeyPurpose.READ), ("nowhere", KeyPurpose.READ)],
)
def test_only_a_key_that_is_there_is_asked_for(
    desk: Desk, account: str, purpose: KeyPurpose
) -> None:
    with pytest.raises(RequestRefused, match=f"has no {purpose} key of {account}"):
        desk.ask_key(account, purpose)


def test_a_key_that_was_changed_since_is_not_let_go_of(desk: Desk) -> None:
    first, second = desk.ask_key(), desk.ask_key()
    desk.approve(first)
    make_key(VenueAccount.objects.get(slug="spot"), key="a-key-2222")

    with pytest.raises(RequestRefused, match="changed since this was asked"):
        desk.approve(second)

    assert VenueKey.objects.get().released_until is None


def test_an_approver_asks_for_nothing(desk: Desk) -> None:
    asking = desk.asking() | {"requester": desk.approver}

    with pytest.raises(RequestRefused, match="You may not ask to remove or swap a key"):
        ask_key(**asking, account="spot", purpose=KeyPurpose.READ)


class TestRawSql:
    @pytest.mark.parametrize(
        ("statement", "message"),
        [
            ("DELETE FROM oms_venuekey", "removed only by an approved request"),
            ("UPDATE oms_venuekey SET set_at = %s", "swapped only by an approved request"),
            (
                "UPDATE oms_venuekey SET released_until = %s, released_by = 'request:1'",
                "released only",
            ),
        ],
    )
    def test_nothing_goes_alone(self, desk: Desk, statement: str, message: str) -> None:
        values = [LATER] if "%s" in statement else []

        with pytest.raises(DatabaseError, match=message):
            run(statement, *values)

    @pytest.mark.parametrize("column", ["id = id + 1", "account_id = account_id + 1"])
    def test_a_key_stays_where_it_is(self, desk: Desk, column: str) -> None:
        with pytest.raises(DatabaseError, match="belongs to one account and one purpose"):
            run(f"UPDATE oms_venuekey SET {column}")  # noqa: S608

    def test_a_key_is_not_replaced(self, desk: Desk) -> None:
        with pytest.raises(DatabaseError, match=r"never replaced|one account and one purpose"):
            run(replacing("oms_venuekey", "key_hint = '2222', id = EXCLUDED.id + 1"))

    def test_no_key_is_born_released(self, desk: Desk) -> None:
        key = VenueKey.objects.get()
        key.pk, key.purpose = None, KeyPurpose.EMERGENCY
        key.released_until, key.released_by = LATER, "request:1"

        with pytest.raises(DatabaseError, match="released only"), transaction.atomic():
            key.save(force_insert=True)

    def test_an_approval_of_something_else_releases_nothing(self, desk: Desk) -> None:
        make_executed(desk.portfolio, RequestKind.REMOVAL)

        with pytest.raises(DatabaseError, match="released only"):
            run("UPDATE oms_venuekey SET released_until = %s, released_by = 'request:1'", LATER)

    def test_an_approval_for_another_portfolio_releases_nothing(self, desk: Desk) -> None:
        make_executed(make_portfolio("other"), RequestKind.KEY)

        with pytest.raises(DatabaseError, match="released only"):
            run("UPDATE oms_venuekey SET released_until = %s, released_by = 'request:1'", LATER)

    def test_before_a_portfolio_is_armed_its_keys_come_and_go(self) -> None:
        make_key(make_exchange_account(make_portfolio()))

        run("UPDATE oms_venuekey SET set_at = %s, key_hint = '2222'", LATER)
        run("DELETE FROM oms_venuekey")

        assert Portfolio.objects.get().armed_at is None
        assert not VenueKey.objects.exists()

    def test_a_new_key_of_the_same_account_is_no_swap(self) -> None:
        make_key(make_exchange_account(make_portfolio()))
        VenueKey.objects.update(venue_account_id="AA11", probed_at=NOON)
        Portfolio.objects.update(armed_at=NOON)

        run("UPDATE oms_venuekey SET set_at = %s", LATER)
        with pytest.raises(DatabaseError, match="swapped only"):
            run("UPDATE oms_venuekey SET set_at = %s, venue_account_id = 'BB22'", NOON)

    def test_sealing_anew_is_no_swap(self, desk: Desk) -> None:
        run("UPDATE oms_venuekey SET sealed = 'sealed anew'")

        assert VenueKey.objects.get().sealed == "sealed anew"
