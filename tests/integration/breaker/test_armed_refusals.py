"""What guards an armed portfolio is tightened by anybody and loosened by nobody alone: raw SQL."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from breaker.domain.approval import RequestKind, RequestStatus
from breaker.models import Breaker, ChangeRequest
from portfolio.models import Portfolio, Role, VenueAccount
from tests.clock import NOON, after
from tests.factories import make_executed, make_portfolio, make_request, make_user, make_vote
from tests.integration.breaker.raw_sql import replacing, run

pytestmark = pytest.mark.django_db

NEVER, MINUTE = timedelta(0), timedelta(minutes=1)
MOVES: list[tuple[str, object, object, object]] = [
    ("warning_ratio", Decimal("0.03"), Decimal("0.031"), Decimal("0.029")),
    ("trip_ratio", Decimal("0.05"), Decimal("0.051"), Decimal("0.049")),
    ("hysteresis_ratio", Decimal("0.0025"), Decimal("0.0024"), Decimal("0.0026")),
    ("warning_dwell", timedelta(seconds=10), timedelta(seconds=9), timedelta(seconds=11)),
    ("max_mark_age", timedelta(seconds=10), timedelta(seconds=11), timedelta(seconds=9)),
    ("max_snapshot_age", MINUTE, timedelta(seconds=61), timedelta(seconds=59)),
    ("blind_trip_after", 5 * MINUTE, timedelta(seconds=301), timedelta(seconds=299)),
    ("cooldown", 15 * MINUTE, timedelta(seconds=899), timedelta(seconds=901)),
    ("floor_ratio", Decimal("0.15"), Decimal("0.1501"), Decimal("0.1499")),
    ("quorum", 2, 1, 3),
]
CHOICES = [("close_positions", True), ("keep_reduce_only", True)]
REFUSAL = "loosened only by an approved request"


@pytest.fixture
def armed() -> Portfolio:
    portfolio = make_portfolio()
    Breaker.objects.update(quorum=2)
    Portfolio.objects.update(armed_at=NOON)
    return portfolio


def change(**columns: Any) -> None:  # noqa: ANN401 - as an update takes them
    with transaction.atomic():
        Breaker.objects.update(**columns, version=F("version") + 1)


@pytest.mark.parametrize(("column", "before", "looser", "tighter"), MOVES)
def test_a_limit_is_tightened_and_not_loosened(
    armed: Portfolio, column: str, before: object, looser: object, tighter: object
) -> None:
    assert getattr(Breaker.objects.get(), column) == before

    with pytest.raises(DatabaseError, match=REFUSAL):
        change(**{column: looser})
    change(**{column: tighter})

    with pytest.raises(DatabaseError, match=REFUSAL):
        change(**{column: before})


@pytest.mark.parametrize(("column", "value"), CHOICES)
def test_what_is_neither_takes_an_approval_both_ways(
    armed: Portfolio, column: str, value: bool
) -> None:
    with pytest.raises(DatabaseError, match=REFUSAL):
        change(**{column: value})


def test_never_is_the_longest_time_of_all(armed: Portfolio) -> None:
    with pytest.raises(DatabaseError, match=REFUSAL):
        change(blind_trip_after=NEVER)


def test_any_time_is_shorter_than_never() -> None:
    make_portfolio()
    change(blind_trip_after=NEVER)
    Portfolio.objects.update(armed_at=NOON)

    change(blind_trip_after=5 * MINUTE)

    assert Breaker.objects.get().blind_trip_after == 5 * MINUTE


@pytest.mark.parametrize(("column", "_before", "looser", "_tighter"), MOVES)
def test_before_it_is_armed_any_limit_may_be_set(
    column: str, _before: object, looser: object, _tighter: object
) -> None:
    make_portfolio()

    change(**{column: looser})

    assert getattr(Breaker.objects.get(), column) == looser


def test_an_approval_loosens_once_and_under_a_new_version(armed: Portfolio) -> None:
    approve_change(armed)

    with pytest.raises(DatabaseError, match=REFUSAL), transaction.atomic():
        Breaker.objects.update(trip_ratio=Decimal("0.06"))
    change(trip_ratio=Decimal("0.06"))
    with pytest.raises(DatabaseError, match=REFUSAL):
        change(trip_ratio=Decimal("0.07"))


def approve_change(portfolio: Portfolio) -> None:
    """Let two people decide, as the quorum of the armed portfolio wants it."""
    request = make_request(portfolio, RequestKind.CHANGE, quorum=2)
    for name in ("one", "two"):
        make_vote(request, approver=make_user(name, portfolio=portfolio, role=Role.APPROVER))
    ChangeRequest.objects.update(status=RequestStatus.EXECUTED, closed_at=NOON)


@pytest.mark.parametrize("kind", sorted(set(RequestKind) - {RequestKind.CHANGE, RequestKind.RESET}))
def test_an_approval_of_something_else_loosens_nothing(kind: RequestKind) -> None:
    portfolio = make_portfolio()
    Portfolio.objects.update(armed_at=NOON)
    make_executed(portfolio, kind)

    with pytest.raises(DatabaseError, match=REFUSAL):
        change(trip_ratio=Decimal("0.06"))


def test_an_approval_for_another_portfolio_loosens_nothing() -> None:
    make_portfolio()
    other = make_portfolio("other")
    Portfolio.objects.update(armed_at=NOON)
    make_executed(other, RequestKind.CHANGE)

    with pytest.raises(DatabaseError, match=REFUSAL):
        change(trip_ratio=Decimal("0.06"))


@pytest.mark.parametrize("column", ["initial_capital", "reference_equity", "floor_base"])
def test_what_losses_are_measured_from_rises_and_does_not_fall(
    armed: Portfolio, column: str
) -> None:
    Portfolio.objects.update(**{column: Decimal(10001)})

    with pytest.raises(DatabaseError, match="falls only by an approved"):
        Portfolio.objects.update(**{column: Decimal("10000.99")})


@pytest.mark.parametrize("column", ["initial_capital", "reference_equity", "floor_base"])
def test_before_it_is_armed_they_are_set_freely(column: str) -> None:
    make_portfolio()

    Portfolio.objects.update(**{column: Decimal(9999)})

    assert getattr(Portfolio.objects.get(), column) == Decimal(9999)


def test_what_losses_are_measured_from_is_not_taken_away(armed: Portfolio) -> None:
    with pytest.raises(DatabaseError, match="falls only by an approved"):
        take_capital()


def test_what_was_taken_away_is_not_set_anew_alone(armed: Portfolio) -> None:
    """Otherwise two steps would make what one may not."""
    approve_change(armed)
    take_capital()
    Breaker.objects.update(version=F("version") + 1)

    with pytest.raises(DatabaseError, match="falls only by an approved"):
        Portfolio.objects.update(
            initial_capital=Decimal(1), reference_equity=Decimal(1), floor_base=Decimal(1)
        )


def take_capital() -> None:
    with transaction.atomic():
        Portfolio.objects.update(initial_capital=None, reference_equity=None, floor_base=None)


@pytest.mark.parametrize(
    "changes",
    ["armed_at = NULL", "armed_at = '2031-01-01 00:00:00'", "id = id + 100"],
)
def test_an_armed_portfolio_stays_armed(armed: Portfolio, changes: str) -> None:
    with pytest.raises(DatabaseError, match="stays armed"):
        run(f"UPDATE portfolio_portfolio SET {changes}")  # noqa: S608


def test_an_armed_portfolio_is_not_removed(armed: Portfolio) -> None:
    with pytest.raises(DatabaseError, match="never removed"):
        run("DELETE FROM portfolio_portfolio")


def test_an_armed_portfolio_is_not_replaced(armed: Portfolio) -> None:
    if connection.vendor == "sqlite":
        run("PRAGMA recursive_triggers = OFF")
    try:
        with pytest.raises(DatabaseError):
            run(replacing("portfolio_portfolio", "armed_at = NULL"))
    finally:
        if connection.vendor == "sqlite":
            run("PRAGMA recursive_triggers = ON")


@pytest.mark.parametrize(
    ("after_it", "is_wider"),
    [(["USDC"], False), ([], False), (["DAI", "USDC"], True), (["DAI"], True)],
)
def test_pegs_are_taken_away_and_not_added(after_it: list[str], is_wider: bool) -> None:
    make_portfolio()
    Portfolio.objects.update(pegs=["USDC"])
    Portfolio.objects.update(armed_at=NOON)

    if is_wider:
        with pytest.raises(DatabaseError, match="pegs widen only"):
            Portfolio.objects.update(pegs=after_it)
    else:
        Portfolio.objects.update(pegs=after_it)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"removed_at": after(1)}, "leaves an armed portfolio only"),
        ({"is_excepted": True}, "left out of health only"),
        ({"is_joining": True}, "joins its portfolio once"),
        ({"portfolio_id": 0}, "joins its portfolio once"),
    ],
)
def test_an_account_of_an_armed_portfolio_goes_on_to_count(
    armed: Portfolio, changed: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(DatabaseError, match=refusal):
        VenueAccount.objects.update(**changed)


def test_a_removed_account_does_not_come_back() -> None:
    make_portfolio()
    VenueAccount.objects.update(removed_at=NOON)

    with pytest.raises(DatabaseError, match="leaves it once"):
        VenueAccount.everything.update(removed_at=None)
