"""Whoever comes at once with others: one decision, no deadlock, and never a gate past a halt."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from breaker.domain.approval import Reference, RequestStatus
from breaker.domain.machine import BreakerState
from breaker.models import Breaker, ChangeRequest, Trip, Vote
from breaker.services import monitoring, upkeep
from breaker.services.approving import AlreadyDecided, approve
from breaker.services.requests import RequestRefused
from breaker.services.tripping import halt
from breaker.services.upkeep import enable, keep_up
from portfolio.models import Portfolio, Role
from portfolio.services.snapshots import apply_snapshot
from riskconsole.audit.models import AuditEntry
from riskconsole.audit.verification import verify_log
from tests.clock import NOON
from tests.factories import make_account, make_disabled, make_portfolio, make_user, push
from tests.history import check_history
from tests.integration.breaker.approvals import Desk, make_desk
from tests.integration.breaker.racing import together

pytestmark = pytest.mark.usefixtures("flushable_db")

APPROVERS, ROUNDS, PAIRS = 20, 30, 12


@pytest.fixture
def desk(flushable_db: None) -> Desk:
    return make_desk()


def deciding(desk: Desk, request: ChangeRequest, **changed: object) -> partial[ChangeRequest]:
    return partial(approve, request_id=request.pk, ballot=desk.ballot(**changed), now=desk.now)


def halting(portfolio: Portfolio, *, now: datetime = NOON) -> partial[Trip]:
    return partial(
        halt,
        portfolio_id=portfolio.pk,
        reason="",
        actor="user:operator",
        address="",
        now=now,
    )


@pytest.mark.parametrize("quorum", [1, 3])
def test_of_twenty_approvers_exactly_as_many_as_it_takes_decide(desk: Desk, quorum: int) -> None:
    crowd = [
        make_user(f"approver-{number}", portfolio=desk.portfolio, role=Role.APPROVER)
        for number in range(APPROVERS)
    ]
    Breaker.objects.update(quorum=quorum)
    desk.lose(percent="5.5")
    desk.wait(minutes=15)
    request = desk.ask()

    found = together([deciding(desk, request, voter=voter) for voter in crowd])

    done = [one for one in found if isinstance(one, ChangeRequest)]
    late = [one for one in found if isinstance(one, AlreadyDecided)]
    assert (len(done), len(late)) == (quorum, APPROVERS - quorum), found
    assert all("approved this 0 s ago" in str(error) for error in late)
    assert Vote.objects.count() == quorum
    assert desk.state is BreakerState.ACTIVE
    for action in ("breaker.reset.happened", "breaker.request.executed"):
        assert AuditEntry.objects.filter(action=action).count() == 1
    refused = AuditEntry.objects.filter(action="breaker.approval.refused")
    assert refused.count() == len(late)
    assert verify_log().broken is None
    check_history()


def test_a_halt_beside_an_approval_is_never_lost(desk: Desk) -> None:
    desk.halt()
    for _ in range(ROUNDS):
        desk.wait(seconds=1)
        keep_up(now=desk.now)
        request, before = desk.ask(Reference.KEEP), desk.trip

        approved, halted = together(
            [deciding(desk, request), halting(desk.portfolio, now=desk.now)]
        )

        assert isinstance(halted, Trip), halted
        assert desk.state is BreakerState.TRIGGERED
        request.refresh_from_db()
        if request.status == RequestStatus.EXECUTED:
            assert desk.trip == halted != before
        else:
            assert desk.trip == halted == before
            assert isinstance(approved, RequestRefused), approved
    check_history()


def test_a_reset_beside_a_snapshot_of_an_excepted_account_waits_for_it(desk: Desk) -> None:
    """Both change the account and the portfolio; one order of locks lets both end."""
    perp = make_account(desk.portfolio, "perp", venue="paper")
    push(desk.portfolio, {"USDT": "1000"}, account="perp", now=desk.now)
    named = frozenset({"cash", "perp"})
    for number in range(ROUNDS):
        desk.halt()
        request = desk.ask()
        snapshot = partial(
            apply_snapshot,
            account_id=perp.pk,
            balances={"USDT": 1000 + number % 2},  # type: ignore[dict-item]
            positions=(),
            as_of=None,
            now=desk.now,
        )

        found = together([deciding(desk, request, exceptions=named), snapshot])

        refused = [one for one in found if isinstance(one, Exception)]
        assert not refused, refused
        desk.wait(seconds=1)
    check_history()


@pytest.fixture
def pairs(flushable_db: None) -> list[list[Portfolio]]:
    """Return pairs of armed portfolios that are evaluated together."""
    found = [
        [make_portfolio(f"{name}-{number}") for name in ("first", "second")]
        for number in range(PAIRS)
    ]
    for pair in found:
        for portfolio in pair:
            push(portfolio, {"USDT": "10000"})
    return found


def lose(portfolio: Portfolio, total: int) -> None:
    apply_snapshot(
        account_id=portfolio.accounts.get().pk,
        balances={"USDT": total},  # type: ignore[dict-item]
        positions=(),
        as_of=None,
        now=NOON + timedelta(seconds=1),
    )


def evaluating(pair: list[Portfolio]) -> Callable[[], object]:
    return partial(
        monitoring.evaluate,
        portfolio_ids=[portfolio.pk for portfolio in pair],
        now=NOON + timedelta(seconds=1),
    )


@pytest.mark.parametrize("equity", [9000, 9700])
def test_two_that_trip_or_warn_together_do_not_hold_up_a_halt(
    pairs: list[list[Portfolio]], equity: int
) -> None:
    """An evaluation has the log from its first entry on, and then needs the second breaker."""
    for pair in pairs:
        for portfolio in pair:
            lose(portfolio, equity)

        found = together([evaluating(pair), halting(pair[1])])

        assert isinstance(found[1], Trip), found
    states = Breaker.objects.filter(portfolio__slug__startswith="second")
    assert set(states.values_list("state", flat=True)) == {BreakerState.TRIGGERED}
    check_history()


def test_two_that_warn_together_do_not_hold_up_an_enable(pairs: list[list[Portfolio]]) -> None:
    for first, second in pairs:
        make_disabled(second, until=NOON + timedelta(hours=1))
        lose(first, 9700)
        lose(second, 9800)

        found = together(
            [
                evaluating([first, second]),
                partial(enable, portfolio_id=second.pk, actor="command", address="", now=NOON),
            ]
        )

        assert not [one for one in found if isinstance(one, Exception)], found
    assert set(Breaker.objects.values_list("state", flat=True)) == {
        BreakerState.WARNING,
        BreakerState.ACTIVE,
    }


def test_two_runners_let_an_account_join_once(desk: Desk) -> None:
    more = {"slug": "more", "venue": "manual", "kind": "spot"}
    desk.approve(desk.ask_change(account=[more]))
    desk.now += timedelta(seconds=1)
    push(desk.portfolio, {"USDT": "5000"}, account="more", now=desk.now)
    version = desk.breaker.version

    together([partial(upkeep.keep_up, now=desk.now)] * 6)

    assert desk.breaker.version == version + 1
    assert Portfolio.objects.get().net_flows == 5000
    assert AuditEntry.objects.filter(action="portfolio.account.joined").count() == 1
    check_history()


def test_two_runners_end_a_disable_once(desk: Desk) -> None:
    desk.approve(desk.ask_disable(hours=1))
    desk.now += timedelta(hours=1)

    together([partial(upkeep.keep_up, now=desk.now)] * 6)

    assert AuditEntry.objects.filter(action="breaker.disable.ended").count() == 1
    check_history()
