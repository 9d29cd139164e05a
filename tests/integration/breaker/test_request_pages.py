"""What the pages of requests read: numbers before and after, the floor, who could decide."""

from datetime import timedelta
from decimal import Decimal

import pytest

from breaker.domain.approval import Reference, RequestKind
from breaker.models import Breaker
from breaker.selectors.approvals import approval_page, approvers_of, floor_left_of, rebases_of
from breaker.selectors.asking import reset_page
from breaker.selectors.breakers import last_changes
from breaker.selectors.numbers import NO_LINES, numbers_of
from breaker.selectors.pending import pending_of
from breaker.selectors.waiting import visible_requests, waiting_for
from breaker.services.approving import checks_of
from breaker.services.asking import ask_flow
from portfolio.selectors import stored_book_of
from riskconsole.kernel.numbers import decimal_from
from tests.factories import make_account, make_portfolio, make_user, push
from tests.integration.breaker.approvals import REASON, Desk, make_desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return make_desk()


@pytest.fixture
def tripped(desk: Desk) -> Desk:
    desk.lose(percent="5.5")
    desk.wait(minutes=15)
    return desk


def loaded(desk: Desk) -> Breaker:
    return Breaker.objects.select_related("portfolio__evaluation").get(portfolio=desk.portfolio)


def test_a_rebase_moves_the_lines_and_a_kept_reference_none(tripped: Desk) -> None:
    page = reset_page(loaded(tripped), tripped.trip, now=tripped.now)

    keep, rebase = page.choices
    assert keep.value is Reference.KEEP
    assert keep.numbers.after == keep.numbers.before
    assert "trips again at once" in keep.problem
    assert rebase.numbers.after is not None
    assert rebase.numbers.after.reference == Decimal(9450)
    assert rebase.numbers.after.trip == Decimal("8977.5")
    assert rebase.numbers.left_after == Decimal("472.5")
    assert rebase.numbers.loss_after == 0
    assert rebase.problem == ""


def test_the_floor_is_a_line_from_the_first_rebase_on(tripped: Desk) -> None:
    (_, first) = reset_page(loaded(tripped), tripped.trip, now=tripped.now).choices
    assert first.numbers.before.floor is None
    assert first.numbers.after is not None
    assert first.numbers.after.floor == Decimal(8500)

    tripped.approve(tripped.ask())

    assert rebases_of(tripped.breaker) == 1
    numbers = numbers_of(
        tripped.breaker,
        kind=RequestKind.DISABLE,
        payload={},
        book=stored_book_of(tripped.portfolio.pk),
    )
    assert floor_left_of(tripped.breaker, numbers) == Decimal(950)
    assert numbers.after is None


@pytest.mark.parametrize(("amount", "reference"), [("1000", "11111.11"), ("-1000", "9090.90")])
def test_a_flow_moves_the_reference_and_no_loss_ratio(
    desk: Desk, amount: str, reference: str
) -> None:
    numbers = numbers_of(
        desk.breaker,
        kind=RequestKind.FLOW,
        payload={"amount": amount},
        book=stored_book_of(desk.portfolio.pk),
    )

    assert numbers.after is not None
    assert numbers.after.reference is not None
    assert str(numbers.after.reference).startswith(reference)


def test_a_flow_of_everything_leaves_no_line(desk: Desk) -> None:
    numbers = numbers_of(
        desk.breaker,
        kind=RequestKind.FLOW,
        payload={"amount": "10000"},
        book=stored_book_of(desk.portfolio.pk),
    )

    assert numbers.after == NO_LINES
    assert numbers.left_after is None
    assert numbers.loss_after is None


def test_a_removed_account_takes_its_equity_and_leaves_the_loss_ratio(desk: Desk) -> None:
    make_account(desk.portfolio, "more")
    push(desk.portfolio, {"USDT": "10000"}, account="more", now=desk.now)

    numbers = numbers_of(
        desk.breaker,
        kind=RequestKind.REMOVAL,
        payload={"account": "more"},
        book=stored_book_of(desk.portfolio.pk),
    )

    assert numbers.equity == Decimal(20000)
    assert numbers.equity_after == Decimal(10000)
    assert numbers.after is not None
    assert numbers.after.reference == Decimal(5000)


def test_each_approver_is_named_with_what_is_in_the_way(tripped: Desk) -> None:
    (found,) = approvers_of(tripped.ask(), now=tripped.now)

    assert (found.username, found.why_not) == ("approver", "has no second factor")


def test_only_who_could_decide_it_counts_a_request(tripped: Desk) -> None:
    tripped.ask()

    assert waiting_for(tripped.approver, now=tripped.now) == 1
    assert waiting_for(tripped.operator, now=tripped.now) == 0
    assert waiting_for(make_user("adam", site="ADMIN"), now=tripped.now) == 0
    assert waiting_for(tripped.approver, now=tripped.now + timedelta(hours=12)) == 0


def test_a_request_is_seen_with_its_portfolio_and_by_the_sites_readers(tripped: Desk) -> None:
    tripped.ask()
    make_portfolio("other")

    assert visible_requests(tripped.operator).count() == 1
    assert visible_requests(make_user("audrey", site="AUDITOR")).count() == 1
    assert visible_requests(make_user("charlie")).count() == 0


def test_the_page_of_an_expected_reset_holds_every_check(tripped: Desk) -> None:
    request = tripped.ask()
    request.portfolio = loaded(tripped).portfolio
    checks = checks_of(request, now=tripped.now)

    page = approval_page(request, reader=tripped.approver, checks=checks, now=tripped.now)

    assert [row.accepts for row in page.checks if row.accepts] == [
        "cash: orders cancelled there by hand"
    ]
    assert page.passed == len(page.checks) - 1
    assert page.may_decide
    assert page.word == "main"


def test_what_stands_open_is_told_by_portfolio(desk: Desk) -> None:
    make_account(desk.portfolio, "new", is_joining=True)
    desk.portfolio.refresh_from_db()
    ask_flow(
        portfolio=desk.portfolio,
        requester=desk.operator,
        reason=REASON,
        amount=decimal_from("5"),
        address="",
        now=desk.now,
    )

    pending = pending_of([desk.portfolio.pk], now=desk.now)[desk.portfolio.pk]

    assert pending.joining == ("new",)
    assert [row.kind for row in pending.requests] == [RequestKind.FLOW]


def test_the_last_change_of_a_breaker_is_the_newest_of_its_own(tripped: Desk) -> None:
    make_portfolio("other")

    changes = last_changes(["main", "other"])

    assert set(changes) == {"main"}
    assert changes["main"].words.startswith("tripped at a loss of")
