"""A reset takes two people and facts that hold in the very transaction that carries it out."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AbstractUser

from breaker.domain.approval import Reference, RequestStatus, Seen
from breaker.domain.machine import BreakerState, Cause
from breaker.models import Breaker, ChangeRequest, Trip, Vote
from breaker.selectors.references import references_of
from breaker.services.approving import AlreadyDecided, refuse
from breaker.services.gate import gate_of
from breaker.services.requests import RequestRefused, void_outdated, withdraw
from oms.models import CancelLeg, CancelRun
from portfolio.models import Membership, Portfolio, Role
from portfolio.selectors import stored_book_of
from riskconsole.audit.models import AuditEntry
from riskconsole.kernel.numbers import decimal_from
from riskconsole.people.models import User
from tests.clock import NOON
from tests.factories import make_user
from tests.history import check_history
from tests.integration.breaker.approvals import Desk, make_desk

pytestmark = pytest.mark.django_db

OVER = {"minutes": 15}


@pytest.fixture
def desk() -> Desk:
    return make_desk()


@pytest.fixture
def tripped(desk: Desk) -> Desk:
    desk.lose(percent="5.5")
    desk.wait(**OVER)
    return desk


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("sequence").values_list("action", flat=True))


def test_a_rebase_asked_by_one_and_approved_by_another_opens_the_gate(tripped: Desk) -> None:
    tripped.approve(tripped.ask())

    assert tripped.state is BreakerState.ACTIVE
    assert gate_of(portfolio_id=tripped.portfolio.pk, now=tripped.now).may_trade
    portfolio = Portfolio.objects.get()
    assert portfolio.reference_equity == decimal_from("9450")
    assert portfolio.initial_capital == decimal_from("10000")
    assert Trip.objects.get().reset_at == tripped.now
    assert CancelRun.objects.get().ended_at == tripped.now
    assert CancelLeg.objects.get().is_ended
    assert actions()[-2:] == ["breaker.reset.happened", "breaker.request.executed"]
    check_history()


def test_a_chart_goes_back_beyond_a_rebase_with_the_reference_of_then(tripped: Desk) -> None:
    tripped.approve(tripped.ask())

    breaker = Breaker.objects.select_related("portfolio").get()
    references = references_of([breaker], since=NOON)[tripped.portfolio.pk]

    assert references.at(NOON) == decimal_from("10000")
    assert references.at(tripped.now) == decimal_from("9450")
    assert references_of([breaker], since=tripped.now + timedelta(seconds=1))[
        tripped.portfolio.pk
    ].at(NOON) == decimal_from("9450")


def test_keeping_the_reference_is_refused_while_the_loss_would_trip_again(tripped: Desk) -> None:
    request = tripped.ask(Reference.KEEP)

    with pytest.raises(RequestRefused, match=r"the loss of 5\.50 % trips again at once"):
        tripped.approve(request)

    assert tripped.state is BreakerState.TRIGGERED
    assert actions()[-1] == "breaker.approval.refused"
    assert not Vote.objects.exists()


def test_keeping_the_reference_goes_once_the_loss_is_under_the_limit(tripped: Desk) -> None:
    tripped.hold("9500.01")

    tripped.approve(tripped.ask(Reference.KEEP))

    assert tripped.state is BreakerState.WARNING
    assert Portfolio.objects.get().reference_equity == decimal_from("10000")


def test_after_a_rebase_it_trips_again_five_per_cent_below_the_new_reference(
    tripped: Desk,
) -> None:
    tripped.approve(tripped.ask())

    tripped.hold("8977.51")
    assert tripped.state is BreakerState.WARNING
    tripped.hold("8977.50")
    assert tripped.trip.cause == Cause.LOSS


def test_no_chain_of_rebases_gets_past_the_lifetime_floor(tripped: Desk) -> None:
    for equity in ("9450", "8960", "8501"):
        tripped.hold(equity)
        tripped.wait(**OVER)
        tripped.approve(tripped.ask())
    tripped.hold("8500")
    assert tripped.trip.cause == Cause.FLOOR
    tripped.wait(**OVER)

    with pytest.raises(RequestRefused, match="lifetime floor is reached"):
        tripped.approve(tripped.ask())


def test_a_requester_cannot_approve_though_an_approver_too(tripped: Desk) -> None:
    Membership.objects.create(
        portfolio=tripped.portfolio,
        user=tripped.operator,
        role=Role.APPROVER,
        since=tripped.now - timedelta(days=9),
    )

    with pytest.raises(RequestRefused, match="asked for this yourself"):
        tripped.approve(tripped.ask(), voter=tripped.operator)


def test_a_superuser_who_is_no_approver_cannot_approve(tripped: Desk) -> None:
    superuser = User.objects.create_superuser("root", password="a long password")
    assert isinstance(superuser, AbstractUser)

    with pytest.raises(RequestRefused, match="no approver"):
        tripped.approve(tripped.ask(), voter=superuser)


@pytest.mark.parametrize("site", ["ADMIN", "AUDITOR"])
def test_a_site_role_alone_is_no_approver(tripped: Desk, site: str) -> None:
    with pytest.raises(RequestRefused, match="no approver"):
        tripped.approve(tripped.ask(), voter=make_user("somebody", site=site))


def test_a_demoted_approver_cannot_approve(tripped: Desk) -> None:
    request = tripped.ask()
    Membership.objects.filter(user=tripped.approver).update(role=Role.VIEWER)

    with pytest.raises(RequestRefused, match="no approver"):
        tripped.approve(request)


def test_a_deactivated_approver_cannot_approve(tripped: Desk) -> None:
    request = tripped.ask()
    User.objects.filter(pk=tripped.approver.pk).update(is_active=False)

    with pytest.raises(RequestRefused, match="not active"):
        tripped.approve(request)


@pytest.mark.parametrize(("hours", "counts"), [(23.9, False), (24, True)])
def test_a_new_approver_counts_after_a_day(tripped: Desk, hours: float, counts: bool) -> None:
    Membership.objects.filter(user=tripped.approver).update(since=tripped.now)
    tripped.wait(hours=hours)
    request = tripped.ask()

    if counts:
        assert tripped.approve(request).status == RequestStatus.EXECUTED
    else:
        with pytest.raises(RequestRefused, match="less than 24 hours"):
            tripped.approve(request)


def test_who_was_an_approver_when_the_portfolio_was_armed_counts_at_once(desk: Desk) -> None:
    Membership.objects.filter(user=desk.approver).update(since=NOON)
    desk.halt()

    assert desk.approve(desk.ask(Reference.KEEP)).status == RequestStatus.EXECUTED


def test_an_account_that_is_not_connected_has_to_be_named(tripped: Desk) -> None:
    with pytest.raises(RequestRefused, match="cash is not connected"):
        tripped.approve(tripped.ask(), exceptions=frozenset())


def test_only_an_account_of_the_trip_can_be_named(tripped: Desk) -> None:
    with pytest.raises(RequestRefused, match="No account elsewhere"):
        tripped.approve(tripped.ask(), exceptions=frozenset({"cash", "elsewhere"}))


@pytest.mark.parametrize(("seconds", "is_over"), [(899, False), (900, True)])
def test_a_loss_has_to_cool_down(desk: Desk, seconds: int, is_over: bool) -> None:
    desk.lose(percent="5.5")
    desk.wait(seconds=seconds)
    request = desk.ask()

    if is_over:
        assert desk.approve(request).status == RequestStatus.EXECUTED
    else:
        with pytest.raises(RequestRefused, match="cooldown lasts until"):
            desk.approve(request)


def test_a_halt_below_the_warning_limit_needs_no_cooldown(desk: Desk) -> None:
    desk.halt()

    assert desk.approve(desk.ask(Reference.KEEP)).status == RequestStatus.EXECUTED


def test_a_halt_voids_the_open_request(tripped: Desk) -> None:
    request = tripped.ask()

    tripped.halt()

    assert ChangeRequest.objects.get().status == RequestStatus.VOID
    with pytest.raises(AlreadyDecided, match="void already"):
        tripped.approve(request)


@pytest.mark.parametrize(
    ("life", "status"), [({"hours": 11.9}, RequestStatus.OPEN), ({"hours": 12}, "EXPIRED")]
)
def test_a_request_lives_for_twelve_hours(
    tripped: Desk, life: dict[str, float], status: str
) -> None:
    tripped.ask()

    tripped.wait(**life)
    void_outdated(now=tripped.now)

    assert ChangeRequest.objects.get().status == status


@pytest.mark.parametrize(("seconds", "counts"), [(120, True), (121, False)])
def test_facts_count_for_two_minutes(tripped: Desk, seconds: int, counts: bool) -> None:
    request = tripped.ask()
    seen = Seen(equity=decimal_from("9450"), at=tripped.now - timedelta(seconds=seconds))

    if counts:
        assert tripped.approve(request, seen=seen).status == RequestStatus.EXECUTED
    else:
        with pytest.raises(RequestRefused, match="more than two minutes ago"):
            tripped.approve(request, seen=seen)


@pytest.mark.parametrize(("saw", "counts"), [("9497.48", True), ("9497.49", False)])
def test_the_equity_must_be_near_what_the_approver_saw(
    tripped: Desk, saw: str, counts: bool
) -> None:
    request, seen = tripped.ask(), Seen(equity=decimal_from(saw), at=tripped.now)

    if counts:
        assert tripped.approve(request, seen=seen).status == RequestStatus.EXECUTED
    else:
        with pytest.raises(RequestRefused, match=r"Equity is 9450\.00 now"):
            tripped.approve(request, seen=seen)


def test_of_two_requests_for_one_trip_the_second_is_refused(tripped: Desk) -> None:
    tripped.ask()

    with pytest.raises(RequestRefused, match="asked for already"):
        tripped.ask()


def test_a_short_reason_is_refused_with_its_length(tripped: Desk) -> None:
    from breaker.services.asking import ask_reset

    with pytest.raises(RequestRefused, match="at least 20 characters, this has 4"):
        ask_reset(
            portfolio=tripped.portfolio,
            requester=tripped.operator,
            reason="  it   s\n",
            reference=Reference.KEEP,
            address="",
            now=tripped.now,
        )


def test_who_is_no_operator_cannot_ask(tripped: Desk) -> None:
    tripped.operator = tripped.approver

    with pytest.raises(RequestRefused, match="You may not ask"):
        tripped.ask()


def test_a_lost_race_says_who_acted_and_when(tripped: Desk) -> None:
    request = tripped.ask()
    tripped.approve(request)
    tripped.wait(seconds=2)

    with pytest.raises(AlreadyDecided, match="approver approved this 2 s ago"):
        tripped.approve(request)


def test_a_refusal_closes_the_request_and_nothing_else(tripped: Desk) -> None:
    request = tripped.ask()

    refuse(request_id=request.pk, voter=tripped.approver, note="no", address="", now=tripped.now)

    assert ChangeRequest.objects.get().status == RequestStatus.REFUSED
    assert tripped.state is BreakerState.TRIGGERED
    assert tripped.ask().status == RequestStatus.OPEN


def test_only_the_requester_withdraws(tripped: Desk) -> None:
    request = tripped.ask()

    with pytest.raises(RequestRefused, match="not yours"):
        withdraw(request_id=request.pk, requester=tripped.approver, address="", now=tripped.now)
    withdraw(request_id=request.pk, requester=tripped.operator, address="", now=tripped.now)

    assert ChangeRequest.objects.get().status == RequestStatus.WITHDRAWN


def test_two_approvals_are_needed_where_the_quorum_is_two(tripped: Desk) -> None:
    second = make_user("second", portfolio=tripped.portfolio, role=Role.APPROVER)
    breaker = tripped.breaker
    breaker.quorum = 2
    breaker.save(update_fields=["quorum"])
    request = tripped.ask()

    assert tripped.approve(request).status == RequestStatus.OPEN
    with pytest.raises(RequestRefused, match="somebody else too"):
        tripped.approve(request)
    assert tripped.approve(request, voter=second).status == RequestStatus.EXECUTED


def test_a_changed_payload_is_approved_by_nobody(tripped: Desk) -> None:
    request = tripped.ask()
    assert stored_book_of(tripped.portfolio.pk).equity == decimal_from("9450")
    request.payload_hash = "0" * 64

    from breaker.services import approving

    with pytest.raises(RequestRefused, match="not what is stored"):
        approving._check_open(request, now=tripped.now)
