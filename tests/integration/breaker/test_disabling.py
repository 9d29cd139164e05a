"""DISABLED takes two people, a reason and an end; it ends by itself or by anyone who may halt."""

from datetime import timedelta

import pytest

from breaker.domain.approval import RequestStatus
from breaker.domain.gate import Mode, Reason
from breaker.domain.machine import BreakerState, Cause
from breaker.models import ChangeRequest, Trip
from breaker.services.asking import ask_disable
from breaker.services.gate import gate_of
from breaker.services.requests import RequestRefused
from breaker.services.upkeep import NotDisabled, enable, keep_up
from portfolio.models import Evaluation
from riskconsole.audit.models import AuditEntry
from riskconsole.kernel.clock import time_text
from tests.history import check_history
from tests.integration.breaker.approvals import Desk, make_desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return make_desk()


@pytest.fixture
def disabled(desk: Desk) -> Desk:
    desk.approve(desk.ask_disable(hours=1))
    return desk


def enable_now(desk: Desk) -> None:
    enable(portfolio_id=desk.portfolio.pk, actor="user:operator", address="", now=desk.now)
    desk.wait(seconds=0)


def test_a_disabled_portfolio_says_no_to_bots(disabled: Desk) -> None:
    gate = gate_of(portfolio_id=disabled.portfolio.pk, now=disabled.now)

    assert disabled.state is BreakerState.DISABLED
    assert (gate.mode, gate.may_trade) == (Mode.HALTED, False)
    assert Reason.DISABLED in gate.reasons
    check_history()


def test_a_loss_is_no_trip_until_the_end_and_then_at_once(disabled: Desk) -> None:
    disabled.lose(percent="50")
    assert disabled.state is BreakerState.DISABLED
    assert not Trip.objects.exists()

    disabled.wait(minutes=60)
    keep_up(now=disabled.now)
    disabled.wait(seconds=0)

    assert disabled.trip.cause == Cause.LOSS
    check_history()


@pytest.mark.parametrize(
    ("before_end", "state"), [(1, BreakerState.DISABLED), (0, BreakerState.ACTIVE)]
)
def test_it_ends_by_itself(desk: Desk, before_end: int, state: BreakerState) -> None:
    desk.approve(desk.ask_disable(hours=1))
    desk.wait(minutes=60, seconds=-before_end)

    keep_up(now=desk.now)
    keep_up(now=desk.now)

    assert desk.state is state
    ended = AuditEntry.objects.filter(action="breaker.disable.ended")
    assert ended.count() == (state is BreakerState.ACTIVE)
    check_history()


def test_the_end_is_told_by_the_entry_and_the_breaker(disabled: Desk) -> None:
    until = disabled.breaker.disabled_until

    assert until == disabled.now + timedelta(hours=1)
    assert time_text(until) in AuditEntry.objects.get(action="breaker.disable.began").payload


def test_whoever_may_halt_ends_it_early(disabled: Desk) -> None:
    enable_now(disabled)

    assert disabled.state is BreakerState.ACTIVE
    assert disabled.breaker.disabled_until is None
    assert gate_of(portfolio_id=disabled.portfolio.pk, now=disabled.now).may_trade
    with pytest.raises(NotDisabled):
        enable_now(disabled)
    check_history()


def test_a_halt_trips_a_disabled_portfolio(disabled: Desk) -> None:
    disabled.halt()

    assert disabled.trip.cause == Cause.HALT
    assert disabled.breaker.disabled_until is None
    disabled.wait(minutes=61)
    keep_up(now=disabled.now)
    assert disabled.state is BreakerState.TRIGGERED
    check_history()


@pytest.mark.parametrize("ends", [enable_now, None])
def test_blindness_counts_anew_from_the_end(disabled: Desk, ends: object) -> None:
    Evaluation.objects.update(blind_since=disabled.now - timedelta(hours=1))

    if ends is None:
        disabled.now += timedelta(minutes=60)
        keep_up(now=disabled.now)
    else:
        enable_now(disabled)

    assert Evaluation.objects.get().blind_since is None


def test_a_warning_is_disabled_too(desk: Desk) -> None:
    desk.lose(percent="3.5")
    assert desk.breaker.state == BreakerState.WARNING

    desk.approve(desk.ask_disable())

    assert desk.breaker.state == BreakerState.DISABLED


@pytest.mark.parametrize(
    ("hours", "is_possible"), [(0, False), (8, True), (8.001, False), (-1, False)]
)
def test_the_end_is_within_eight_hours(desk: Desk, hours: float, is_possible: bool) -> None:
    until = desk.now + timedelta(hours=hours)

    if is_possible:
        ask_disable(**desk.asking(), until=until)
    else:
        with pytest.raises(RequestRefused, match="within the next 8 hours"):
            ask_disable(**desk.asking(), until=until)


def test_an_end_that_passed_before_the_approval_disables_nothing(desk: Desk) -> None:
    request = desk.ask_disable(minutes=1)
    desk.wait(minutes=1)

    with pytest.raises(RequestRefused, match="is past"):
        desk.approve(request)

    assert desk.state == BreakerState.ACTIVE


def test_a_halt_voids_what_was_asked_before_it(desk: Desk) -> None:
    request = desk.ask_disable()
    desk.halt()

    with pytest.raises(RequestRefused, match="void already"):
        desk.approve(request)

    assert desk.state == BreakerState.TRIGGERED


@pytest.mark.parametrize("how", ["halt", "disable"])
def test_only_a_watched_breaker_is_disabled(desk: Desk, how: str) -> None:
    if how == "halt":
        desk.halt()
    else:
        desk.approve(desk.ask_disable())

    with pytest.raises(RequestRefused, match="not ACTIVE or WARNING"):
        desk.ask_disable()


def test_of_two_requests_for_one_version_the_second_is_void(desk: Desk) -> None:
    first, second = desk.ask_disable(), desk.ask_disable()
    desk.approve(first)
    enable_now(desk)

    with pytest.raises(RequestRefused, match="changed since this was asked"):
        desk.approve(second)
    keep_up(now=desk.now)

    assert ChangeRequest.objects.get(pk=second.pk).status == RequestStatus.VOID
    check_history()


def test_an_exception_has_no_place_but_in_a_reset(desk: Desk) -> None:
    with pytest.raises(RequestRefused, match="can be excepted"):
        desk.approve(desk.ask_disable(), exceptions=frozenset({"cash"}))
