"""What a reset must not overlook: accounts without a leg, prices that age, votes that lapsed."""

from datetime import timedelta
from decimal import Decimal

import pytest

from breaker.domain.approval import Reference, RequestStatus
from breaker.domain.machine import BreakerState
from breaker.models import Breaker, ChangeRequest, Vote
from breaker.selectors.requests import cooldown_ends_at
from breaker.services import approving
from breaker.services.requests import RequestRefused
from oms.models import CancelLeg
from oms.services import cancelling
from oms.services.cancelling import sweep_holds
from portfolio import marks
from portfolio.domain.valuation import Book
from portfolio.models import Membership, Portfolio, Role
from portfolio.selectors import stored_book_of
from riskconsole.people.models import User
from tests.factories import make_account, make_user, mark, push
from tests.history import check_history
from tests.integration.breaker.approvals import Desk, make_desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return make_desk()


def test_an_account_without_a_leg_is_not_empty(desk: Desk) -> None:
    desk.halt()
    make_account(desk.portfolio, "perp", venue="paper")
    request = desk.ask(Reference.KEEP)

    with pytest.raises(RequestRefused, match="perp is not confirmed without orders"):
        desk.approve(request)


def test_an_ended_run_covers_no_new_account(desk: Desk) -> None:
    """Its leg would go on cancelling what the desk is allowed to trade again."""
    desk.halt()
    run = CancelLeg.objects.get().run
    make_account(desk.portfolio, "perp", venue="paper")
    desk.approve(desk.ask(Reference.KEEP), exceptions=frozenset({"cash", "perp"}))

    cancelling._cover(run_id=run.pk, now=desk.now)

    assert [leg.account.slug for leg in CancelLeg.objects.all()] == ["cash"]
    assert not sweep_holds(now=desk.now)


def test_a_manual_account_is_named_for_its_orders_and_not_for_its_prices(desk: Desk) -> None:
    desk.now += timedelta(seconds=1)
    mark("BTC/USDT", "50000", now=desk.now)
    marks.save_unsaved()
    push(desk.portfolio, {"BTC": "0.2"}, now=desk.now)
    desk.halt()
    desk.wait(seconds=41)

    with pytest.raises(RequestRefused, match="Prices and accounts are BLIND"):
        desk.approve(desk.ask(Reference.KEEP))


@pytest.mark.parametrize("how", ["demoted", "deactivated"])
def test_an_earlier_vote_lapses_with_its_voter(desk: Desk, how: str) -> None:
    second = make_user("second", portfolio=desk.portfolio, role=Role.APPROVER)
    third = make_user("third", portfolio=desk.portfolio, role=Role.APPROVER)
    Breaker.objects.update(quorum=2)
    desk.halt()
    request = desk.ask(Reference.KEEP)
    desk.approve(request)
    if how == "demoted":
        Membership.objects.filter(user=desk.approver).update(role=Role.OPERATOR)
    else:
        User.objects.filter(pk=desk.approver.pk).update(is_active=False)

    assert desk.approve(request, voter=second).status == RequestStatus.OPEN
    assert desk.state is BreakerState.TRIGGERED
    assert desk.approve(request, voter=third).status == RequestStatus.EXECUTED
    check_history()


def test_an_exception_counts_once_every_approver_accepts_it(desk: Desk) -> None:
    second = make_user("second", portfolio=desk.portfolio, role=Role.APPROVER)
    make_account(desk.portfolio, "perp", venue="paper")
    Breaker.objects.update(quorum=2)
    desk.halt()
    perp = CancelLeg.objects.filter(account__slug="perp")
    perp.update(status="EMPTY", first_empty_at=desk.now, confirmed_at=desk.now, listed_at=desk.now)
    request = desk.ask(Reference.KEEP)
    desk.approve(request)
    desk.wait(seconds=20)

    with pytest.raises(RequestRefused, match="perp was without orders, but"):
        desk.approve(request, voter=second, exceptions=frozenset({"cash", "perp"}))
    perp.update(listed_at=desk.now)
    desk.approve(request, voter=second)

    assert [vote.exceptions for vote in Vote.objects.all()] == [["cash"]] * 2


def test_a_breach_that_was_appended_takes_the_cooldown_of_a_loss(desk: Desk) -> None:
    desk.halt()
    assert cooldown_ends_at(desk.trip) == desk.trip.at

    desk.lose(percent="6")

    assert cooldown_ends_at(desk.trip) == desk.trip.at + timedelta(minutes=15)
    with pytest.raises(RequestRefused, match="cooldown lasts until"):
        desk.approve(desk.ask())


@pytest.mark.parametrize(("seconds", "counts"), [(-0.001, True), (0, False)])
def test_at_twelve_hours_a_request_is_not_younger(desk: Desk, seconds: float, counts: bool) -> None:
    desk.halt()
    request = desk.ask(Reference.KEEP)
    desk.wait(hours=12, seconds=seconds)

    if counts:
        assert desk.approve(request).status == RequestStatus.EXECUTED
    else:
        with pytest.raises(RequestRefused, match="expired"):
            desk.approve(request)


def test_what_is_judged_is_what_is_carried_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark that comes in between changes the next evaluation, not the new reference."""
    desk.lose(percent="5.5")
    desk.wait(minutes=15)
    request, ballot = desk.ask(), desk.ballot()
    read: list[Book] = []
    stored = stored_book_of

    def reading(portfolio_id: int) -> Book:
        read.append(stored(portfolio_id))
        return read[-1]

    for name in ("approving", "carrying_out"):
        monkeypatch.setattr(f"breaker.services.{name}.stored_book_of", reading, raising=False)
    monkeypatch.setattr("breaker.selectors.requests.stored_book_of", reading)
    approving.approve(request_id=request.pk, ballot=ballot, now=desk.now)

    assert len(read) == 1
    assert Portfolio.objects.get().reference_equity == read[0].equity == Decimal(9450)


def test_a_refused_approval_leaves_no_vote(desk: Desk) -> None:
    desk.lose(percent="5.5")
    request = desk.ask()

    with pytest.raises(RequestRefused, match="cooldown"):
        desk.approve(request)

    assert not Vote.objects.exists()
    assert ChangeRequest.objects.get().status == RequestStatus.OPEN
