"""One person working alone waits instead of a second one, and every trace of it says so."""

import json

import pytest
from pytest_django import Settings

from breaker.domain.approval import Reference, RequestStatus
from breaker.models import ChangeRequest, Vote
from breaker.services.requests import RequestRefused
from breaker.services.upkeep import keep_up
from portfolio.models import Role
from riskconsole.audit.models import AuditEntry
from tests.factories import make_member, make_user
from tests.history import check_history
from tests.integration.breaker.approvals import Desk, make_desk

pytestmark = pytest.mark.django_db

TOO_EARLY, ALONE = "wait longer", "asked for this yourself"


@pytest.fixture
def alone(settings: Settings) -> Desk:
    """Return a desk whose only person asks and approves."""
    settings.IS_SOLO = True
    desk = make_desk()
    make_member(desk.operator, desk.portfolio, Role.APPROVER)
    desk.approver = desk.operator
    return desk


def approve(desk: Desk, request: ChangeRequest, *, counts: bool) -> None:
    if counts:
        assert desk.approve(request).status == RequestStatus.EXECUTED
        check_history()
    else:
        with pytest.raises(RequestRefused, match=TOO_EARLY):
            desk.approve(request)


@pytest.mark.parametrize(("seconds", "counts"), [(3599, False), (3600, True)])
def test_an_hour_after_a_loss(alone: Desk, seconds: int, counts: bool) -> None:
    alone.lose(percent="5.5")
    alone.wait(seconds=seconds)

    approve(alone, alone.ask(), counts=counts)


@pytest.mark.parametrize(("seconds", "counts"), [(599, False), (600, True)])
def test_ten_minutes_after_a_halt_below_the_warning_limit(
    alone: Desk, seconds: int, counts: bool
) -> None:
    alone.halt()
    alone.wait(seconds=seconds)

    approve(alone, alone.ask(Reference.KEEP), counts=counts)


@pytest.mark.parametrize(("seconds", "counts"), [(3599, False), (3600, True)])
def test_an_hour_after_a_halt_at_the_warning_limit(alone: Desk, seconds: int, counts: bool) -> None:
    alone.lose(percent="3")
    alone.halt()
    alone.wait(seconds=seconds)

    approve(alone, alone.ask(Reference.KEEP), counts=counts)


@pytest.mark.parametrize(("seconds", "counts"), [(3599, False), (3600, True)])
def test_an_hour_after_a_halt_that_a_loss_followed(alone: Desk, seconds: int, counts: bool) -> None:
    alone.halt()
    at = alone.trip.at
    alone.lose(percent="6")
    alone.wait(seconds=seconds - (alone.now - at).total_seconds())

    approve(alone, alone.ask(), counts=counts)


@pytest.mark.parametrize(("seconds", "counts"), [(3599, False), (3600, True)])
def test_any_other_request_an_hour_after_it_was_made(
    alone: Desk, seconds: int, counts: bool
) -> None:
    request = alone.ask_disable(hours=8)
    alone.wait(seconds=seconds)

    approve(alone, request, counts=counts)


@pytest.mark.parametrize(("hours", "status"), [(23.999, "OPEN"), (24, "EXPIRED")])
def test_a_solo_request_lives_for_a_day(alone: Desk, hours: float, status: str) -> None:
    request = alone.ask_change(limits={"trip": "6"})
    alone.wait(hours=hours)

    keep_up(now=alone.now)

    assert ChangeRequest.objects.get().status == status
    if status == "OPEN":
        approve(alone, request, counts=True)


def test_vote_entry_and_request_are_marked(alone: Desk) -> None:
    request = alone.ask_change(limits={"trip": "6"})
    alone.wait(hours=1)

    alone.approve(request)

    assert Vote.objects.get().is_solo
    request.refresh_from_db()
    assert (request.is_solo, request.outcome) == (True, "approved by operator, alone")
    for action in ("made", "executed"):
        entry = AuditEntry.objects.get(action=f"breaker.request.{action}")
        assert json.loads(entry.payload)["solo"] == "one person works alone"


def test_somebody_else_need_not_wait(alone: Desk) -> None:
    request = alone.ask_change(limits={"trip": "6"})
    second = make_user("second", portfolio=alone.portfolio, role=Role.APPROVER)

    alone.approve(request, voter=second)

    assert not Vote.objects.get().is_solo


def test_who_is_no_approver_is_none_alone_either(alone: Desk) -> None:
    alone.portfolio.memberships.filter(role=Role.APPROVER).delete()
    request = alone.ask_change(limits={"trip": "6"})
    alone.wait(hours=1)

    with pytest.raises(RequestRefused, match="no approver"):
        alone.approve(request)


def test_without_the_setting_it_does_not_exist(alone: Desk, settings: Settings) -> None:
    settings.IS_SOLO = False
    request = alone.ask_change(limits={"trip": "6"})
    alone.wait(hours=11)

    with pytest.raises(RequestRefused, match=ALONE):
        alone.approve(request)

    assert not request.is_solo


def test_it_ends_with_the_setting_for_requests_made_before(alone: Desk, settings: Settings) -> None:
    request = alone.ask_change(limits={"trip": "6"})
    settings.IS_SOLO = False
    alone.wait(hours=2)

    with pytest.raises(RequestRefused, match=ALONE):
        alone.approve(request)


def test_a_request_made_without_it_stays_one_for_two(alone: Desk, settings: Settings) -> None:
    settings.IS_SOLO = False
    request = alone.ask_change(limits={"trip": "6"})
    settings.IS_SOLO = True
    alone.wait(hours=2)

    with pytest.raises(RequestRefused, match=ALONE):
        alone.approve(request)
