"""A change that loosens is made as it was asked for by one and approved by another, or not at all."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from breaker.domain.approval import Reference, RequestStatus
from breaker.domain.machine import BreakerState, Cause
from breaker.models import Breaker, ChangeRequest
from breaker.services.asking import ask_change, ask_restore, ask_second_factor
from breaker.services.requests import RequestRefused
from breaker.services.upkeep import keep_up
from portfolio.models import Membership, Portfolio, Venue
from riskconsole.audit.models import AuditEntry
from riskconsole.kernel.numbers import decimal_from
from riskconsole.people.models import User
from tests.factories import make_portfolio, make_user
from tests.history import check_history
from tests.integration.breaker.approvals import REASON, Desk, make_desk

pytestmark = pytest.mark.django_db

LOOSER: list[tuple[str, object, str, object]] = [
    ("warning", "4", "warning_ratio", Decimal("0.04")),
    ("trip", "6", "trip_ratio", Decimal("0.06")),
    ("hysteresis", "0", "hysteresis_ratio", Decimal(0)),
    ("warning_dwell", 0, "warning_dwell", timedelta(0)),
    ("max_mark_age", 11, "max_mark_age", timedelta(seconds=11)),
    ("max_snapshot_age", 61, "max_snapshot_age", timedelta(seconds=61)),
    ("blind_trip_after", 0, "blind_trip_after", timedelta(0)),
    ("cooldown", 0, "cooldown", timedelta(0)),
    ("lifetime_floor", "20", "floor_ratio", Decimal("0.2")),
    ("keep_reduce_only", True, "keep_reduce_only", True),
]


@pytest.fixture
def desk() -> Desk:
    return make_desk()


@pytest.fixture
def admins(desk: Desk) -> tuple[User, User]:
    return make_user("ada", site="ADMIN"), make_user("bob", site="ADMIN")


def ask_site(desk: Desk, requester: User, **wanted: object) -> ChangeRequest:
    return ask_change(
        **{**desk.asking(), "portfolio": None, "requester": requester},
        wanted=wanted,
        lines=["as the document says"],
    )


@pytest.mark.parametrize(("key", "value", "column", "after_it"), LOOSER)
def test_a_limit_is_loosened_by_two(
    desk: Desk, key: str, value: object, column: str, after_it: object
) -> None:
    version = desk.breaker.version

    desk.approve(desk.ask_change(limits={key: value}))

    assert getattr(desk.breaker, column) == after_it
    assert desk.breaker.version == version + 1
    changed = AuditEntry.objects.get(action="breaker.limits.changed")
    assert changed.actor == "user:approver"
    check_history()


def test_tighter_looser_and_neutral_go_together(desk: Desk) -> None:
    desk.approve(
        desk.ask_change(name="Second book", pegs=["USDC"], limits={"warning": "2", "trip": "6"})
    )

    breaker = desk.breaker
    assert (breaker.warning_ratio, breaker.trip_ratio) == (Decimal("0.02"), Decimal("0.06"))
    assert (breaker.portfolio.name, breaker.portfolio.pegs) == ("Second book", ["USDC"])


def test_a_lower_capital_takes_reference_and_floor_with_it(desk: Desk) -> None:
    desk.approve(desk.ask_change(initial_capital="9800"))

    portfolio = Portfolio.objects.get()
    assert portfolio.reference_equity == portfolio.floor_base == decimal_from("9800")


@pytest.mark.parametrize("change", [{"limits": {"trip": "6"}}, {"name": "Another"}])
def test_what_was_approved_is_used_up_whatever_it_changed(
    desk: Desk, change: dict[str, Any]
) -> None:
    """Otherwise a change of a name would let the database loosen a limit later."""
    request = desk.ask_change(**change)

    desk.approve(request)

    assert desk.breaker.version == (request.version or 0) + 1


def test_a_document_that_became_impossible_changes_nothing(desk: Desk) -> None:
    request = desk.ask_change(limits={"trip": "6"}, member=[{"user": "gone", "role": "VIEWER"}])

    with pytest.raises(RequestRefused, match=r"cannot be done any more.*no user 'gone'"):
        desk.approve(request)

    assert desk.breaker.trip_ratio == Decimal("0.05")
    assert ChangeRequest.objects.get().status == RequestStatus.OPEN
    assert AuditEntry.objects.order_by("sequence").last().action == "breaker.approval.refused"  # type: ignore[union-attr]
    check_history()


def test_a_new_approver_is_made_by_two_and_counts_after_a_day(desk: Desk) -> None:
    newcomer = make_user("newcomer")
    desk.wait(seconds=1)
    desk.approve(desk.ask_change(member=[{"user": "newcomer", "role": "APPROVER"}]))
    assert Membership.objects.get(user=newcomer).since == desk.now

    with pytest.raises(RequestRefused, match="less than 24 hours"):
        desk.approve(desk.ask_disable(), voter=newcomer)
    desk.wait(hours=24)
    desk.approve(desk.ask_disable(), voter=newcomer)

    assert desk.state == BreakerState.DISABLED


@pytest.mark.parametrize(
    "foreign",
    [
        {"user": [{"username": "operator", "site_role": "ADMIN"}]},
        {"venue": [{"slug": "kraken", "exchange": "kraken"}]},
        {"portfolio": [{"slug": "other", "limits": {"trip": "9"}}]},
        {"portfolio": [{"slug": "main"}, {"slug": "other", "limits": {"trip": "9"}}]},
    ],
)
def test_the_approvers_of_one_portfolio_decide_on_nothing_else(
    desk: Desk, foreign: dict[str, Any]
) -> None:
    make_portfolio("other")

    with pytest.raises(RequestRefused, match="not decided by the approvers of main"):
        ask_change(**desk.asking(), wanted=foreign, lines=[])


def test_the_admins_of_the_site_decide_on_no_limits(desk: Desk, admins: tuple[User, User]) -> None:
    book = {
        "slug": "main",
        "limits": {"trip": "9"},
        "member": [{"user": "ada", "role": "APPROVER"}],
    }

    with pytest.raises(RequestRefused, match="not decided by the approvers of the site"):
        ask_site(desk, admins[0], portfolio=[book])


def test_two_admins_make_an_approver(desk: Desk, admins: tuple[User, User]) -> None:
    asks, approves = admins
    newcomer = make_user("newcomer")
    book = {"slug": "main", "member": [{"user": "newcomer", "role": "APPROVER"}]}

    desk.approve(ask_site(desk, asks, portfolio=[book]), voter=approves)

    assert Membership.objects.get(user=newcomer).since == desk.now


def test_what_is_no_document_is_not_asked_for(desk: Desk) -> None:
    with pytest.raises(RequestRefused, match="limits"):
        desk.ask_change(limits={"tripp": "9"})


class TestSite:
    def test_a_venue_is_changed_by_two_admins(self, desk: Desk, admins: tuple[User, User]) -> None:
        asks, approves = admins
        Venue.objects.create(slug="kraken", kind="EXCHANGE", exchange="kraken", source="VENUE")
        venue = {"slug": "kraken", "exchange": "kraken", "source": "push"}
        request = ask_site(desk, asks, venue=[venue])

        with pytest.raises(RequestRefused, match="asked for this yourself"):
            desk.approve(request, voter=asks)
        with pytest.raises(RequestRefused, match="no approver"):
            desk.approve(request)
        desk.approve(request, voter=approves)

        assert Venue.objects.get(slug="kraken").source == "PUSH"
        check_history()

    def test_an_admin_is_made_by_two(self, desk: Desk, admins: tuple[User, User]) -> None:
        asks, approves = admins
        make_user("carol")
        carol = {"username": "carol", "site_role": "ADMIN"}

        desk.approve(ask_site(desk, asks, user=[carol]), voter=approves)

        assert User.objects.get(username="carol").site_role == "ADMIN"
        changed = AuditEntry.objects.get(action="people.user.changed")
        assert (changed.subject, changed.actor) == ("user:carol", "user:bob")

    def test_who_is_no_admin_asks_nothing_of_the_site(self, desk: Desk) -> None:
        with pytest.raises(RequestRefused, match="may not ask"):
            ask_site(desk, desk.operator, user=[{"username": "operator", "site_role": "ADMIN"}])

    def test_a_second_factor_is_reset_by_two(self, desk: Desk, admins: tuple[User, User]) -> None:
        asks, approves = admins
        request = ask_second_factor(
            user=desk.operator, requester=asks, reason=REASON, address="", now=desk.now
        )

        with pytest.raises(RequestRefused, match="asked for this yourself"):
            desk.approve(request, voter=asks)
        desk.approve(request, voter=approves)

        entry = AuditEntry.objects.get(action="people.second_factor.reset")
        assert (entry.subject, entry.actor) == ("user:operator", "user:bob")
        check_history()

    def test_a_second_factor_of_nobody_is_not_reset(
        self, desk: Desk, admins: tuple[User, User]
    ) -> None:
        asks, approves = admins
        nobody = User(username="nobody")
        request = ask_second_factor(
            user=nobody, requester=asks, reason=REASON, address="", now=desk.now
        )

        with pytest.raises(RequestRefused, match="no such user any more"):
            desk.approve(request, voter=approves)


class TestFloor:
    def test_at_the_floor_it_takes_a_higher_floor_and_then_a_reset(self, desk: Desk) -> None:
        desk.lose(percent="16")
        desk.wait(minutes=15)
        with pytest.raises(RequestRefused, match="lifetime floor is reached"):
            desk.approve(desk.ask())

        desk.now += timedelta(seconds=1)
        desk.approve(desk.ask_change(limits={"lifetime_floor": "20"}))
        assert desk.breaker.state == BreakerState.TRIGGERED
        keep_up(now=desk.now)
        desk.approve(desk.ask())

        assert desk.breaker.state == BreakerState.ACTIVE
        desk.hold("8000")
        assert desk.trip.cause == Cause.FLOOR
        check_history()


class TestRestore:
    def test_a_restore_is_confirmed_by_two(self, desk: Desk) -> None:
        Breaker.objects.update(is_restored=True)
        request = ask_restore(**desk.asking())

        with pytest.raises(RequestRefused, match="no approver"):
            desk.approve(request, voter=make_user("auditor", site="AUDITOR"))
        desk.approve(request)

        assert not desk.breaker.is_restored
        assert AuditEntry.objects.filter(action="breaker.restore.confirmed").count() == 1
        check_history()

    def test_without_a_restore_there_is_nothing_to_confirm(self, desk: Desk) -> None:
        with pytest.raises(RequestRefused, match="No restore"):
            ask_restore(**desk.asking())

    def test_a_reset_does_not_confirm_it(self, desk: Desk) -> None:
        Breaker.objects.update(is_restored=True)
        desk.halt()

        desk.approve(desk.ask(Reference.KEEP))

        assert desk.state == BreakerState.ACTIVE
        assert desk.breaker.is_restored
