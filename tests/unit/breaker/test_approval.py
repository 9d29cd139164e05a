"""Every check of a reset and of a voter, on both sides of its limit."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from breaker.domain.approval import (
    Check,
    CheckName,
    CloseFacts,
    LegFacts,
    RequestKind,
    ResetFacts,
    Seen,
    VoterFacts,
    cooldown_end,
    reset_checks,
    seen_check,
    solo_wait,
    voter_refusal,
)
from breaker.domain.machine import BreakerState, Cause, FloorLimit, LossLimit
from oms.domain.cancel import LegStatus
from oms.domain.closing import CloseStatus
from portfolio.domain.quality import Health
from tests.clock import NOON, after

LOSS = LossLimit(
    reference_equity=Decimal(10000), warning_ratio=Decimal("0.03"), trip_ratio=Decimal("0.05")
)
FLOOR = FloorLimit(base=Decimal(10000), floor_ratio=Decimal("0.15"))
EMPTY = LegFacts(account="kraken", status=LegStatus.EMPTY, listed_at=NOON)
GOOD = ResetFacts(
    state=BreakerState.TRIGGERED,
    is_same_trip=True,
    legs=(EMPTY,),
    closes=(),
    excepted=frozenset(),
    health=Health.OK,
    equity=Decimal(10000),
    conservative_equity=Decimal(10000),
    is_judged=False,
    limits=(LOSS,),
    cooldown_ends_at=NOON,
)
VOTER = VoterFacts(is_requester=False, is_active=True, is_entitled=True, counts_from=NOON)


def failing(facts: ResetFacts, *, seconds: float = 0) -> list[CheckName]:
    return [check.name for check in reset_checks(facts, now=after(seconds)) if not check.holds]


def words(facts: ResetFacts, name: CheckName) -> str:
    return one(facts, name).words


def one(facts: ResetFacts, name: CheckName) -> Check:
    (check,) = (check for check in reset_checks(facts, now=NOON) if check.name is name)
    return check


def leg(status: LegStatus, *, listed_ago: float | None = 0) -> LegFacts:
    listed_at = None if listed_ago is None else after(-listed_ago)
    return LegFacts(account="kraken", status=status, listed_at=listed_at)


class TestResetChecks:
    def test_where_everything_holds_nothing_fails(self) -> None:
        assert failing(GOOD) == []

    @pytest.mark.parametrize("state", sorted(set(BreakerState) - {BreakerState.TRIGGERED}))
    def test_what_is_not_triggered_is_not_reset(self, state: BreakerState) -> None:
        assert failing(replace(GOOD, state=state)) == [CheckName.TRIP]

    def test_another_trip_or_version_is_not_reset(self) -> None:
        assert failing(replace(GOOD, is_same_trip=False)) == [CheckName.TRIP]

    @pytest.mark.parametrize(
        ("found", "holds", "said"),
        [
            (leg(LegStatus.EMPTY), True, "has no order, asked in the last 15 s"),
            (leg(LegStatus.EMPTY, listed_ago=15), True, "has no order, asked in the last 15 s"),
            (leg(LegStatus.EMPTY, listed_ago=15.001), False, "was not asked in the last 15 s"),
            (leg(LegStatus.EMPTY, listed_ago=None), False, "was not asked in the last 15 s"),
            (leg(LegStatus.PENDING), False, "is not confirmed without orders"),
            (leg(LegStatus.NEEDS_HUMAN), False, "is not confirmed without orders"),
            (leg(LegStatus.NOT_CONNECTED), False, "is not connected"),
        ],
    )
    def test_each_account_is_empty_by_a_listing_of_the_last_15_s(
        self, found: LegFacts, holds: bool, said: str
    ) -> None:
        facts = replace(GOOD, legs=(found,))

        assert failing(facts) == ([] if holds else [CheckName.ORDERS])
        assert said in words(facts, CheckName.ORDERS)

    @pytest.mark.parametrize(("named", "holds"), [("kraken", True), ("mexc", False)])
    def test_an_account_that_is_not_is_accepted_by_its_name(self, named: str, holds: bool) -> None:
        facts = replace(GOOD, legs=(leg(LegStatus.NEEDS_HUMAN),), excepted=frozenset({named}))

        assert failing(facts) == ([] if holds else [CheckName.ORDERS])
        assert one(facts, CheckName.ORDERS).is_excepted == holds
        assert not one(facts, CheckName.ORDERS).passed

    def test_an_exception_covers_its_own_account_alone(self) -> None:
        legs = (leg(LegStatus.PENDING), replace(leg(LegStatus.PENDING), account="mexc"))

        checks = reset_checks(replace(GOOD, legs=legs, excepted=frozenset({"kraken"})), now=NOON)

        assert [check.account for check in checks if not check.holds] == ["mexc"]

    def test_an_account_that_is_empty_needs_no_exception(self) -> None:
        facts = replace(GOOD, excepted=frozenset({"kraken"}))

        assert not one(facts, CheckName.ORDERS).is_excepted

    @pytest.mark.parametrize(
        ("status", "named", "holds", "said"),
        [
            (CloseStatus.CLOSING, "", False, "is still being closed"),
            (CloseStatus.CLOSING, "kraken", False, "is still being closed"),
            (CloseStatus.NEEDS_HUMAN, "", False, "could not be closed"),
            (CloseStatus.NEEDS_HUMAN, "mexc", False, "could not be closed"),
            (CloseStatus.NEEDS_HUMAN, "kraken", True, "could not be closed"),
        ],
    )
    def test_a_close_is_waited_for_and_accepted_by_name_once_a_human_is_needed(
        self, status: CloseStatus, named: str, holds: bool, said: str
    ) -> None:
        closes = (CloseFacts(account="kraken", status=status),)
        facts = replace(GOOD, closes=closes, excepted=frozenset({named}))

        assert failing(facts) == ([] if holds else [CheckName.CLOSING])
        assert said in words(facts, CheckName.CLOSING)

    @pytest.mark.parametrize(
        ("health", "holds"),
        [
            (Health.OK, True),
            (Health.DEGRADED, True),
            (Health.BLIND, False),
            (Health.ARMING, False),
        ],
    )
    def test_health_is_ok_or_degraded(self, health: Health, holds: bool) -> None:
        assert failing(replace(GOOD, health=health)) == ([] if holds else [CheckName.HEALTH])

    def test_nothing_is_being_judged(self) -> None:
        assert failing(replace(GOOD, is_judged=True)) == [CheckName.JUDGED]

    @pytest.mark.parametrize(("worse", "holds"), [("9500.01", True), ("9500", False)])
    def test_the_worse_equity_would_not_breach_either(self, worse: str, holds: bool) -> None:
        facts = replace(GOOD, conservative_equity=Decimal(worse))

        assert failing(facts) == ([] if holds else [CheckName.JUDGED])

    @pytest.mark.parametrize(("equity", "holds"), [("9500.01", True), ("9500", False)])
    def test_it_would_not_trip_again_at_once(self, equity: str, holds: bool) -> None:
        facts = replace(GOOD, equity=Decimal(equity), conservative_equity=Decimal(equity))

        assert failing(facts) == ([] if holds else [CheckName.LIMITS])

    def test_the_refusal_tells_the_loss(self) -> None:
        facts = replace(GOOD, equity=Decimal(9450), conservative_equity=Decimal(9450))

        assert "loss of 5.50 %" in words(facts, CheckName.LIMITS)

    @pytest.mark.parametrize(("equity", "holds"), [("8500.01", True), ("8500", False)])
    def test_at_the_floor_it_must_be_raised_first(self, equity: str, holds: bool) -> None:
        amount = Decimal(equity)
        rebased = replace(LOSS, reference_equity=amount)
        facts = replace(GOOD, equity=amount, conservative_equity=amount, limits=(rebased, FLOOR))

        assert failing(facts) == ([] if holds else [CheckName.LIMITS])
        assert ("must be raised first" in words(facts, CheckName.LIMITS)) != holds

    @pytest.mark.parametrize("unknown", [{"equity": None}, {"limits": ()}])
    def test_what_is_not_known_is_not_fine(self, unknown: dict[str, object]) -> None:
        assert failing(replace(GOOD, **unknown)) == [CheckName.LIMITS]  # type: ignore[arg-type]

    @pytest.mark.parametrize(("seconds", "is_over"), [(-0.001, False), (0, True), (60, True)])
    def test_the_cooldown_is_over(self, seconds: float, is_over: bool) -> None:
        facts = replace(GOOD, legs=(), cooldown_ends_at=NOON)

        assert failing(facts, seconds=seconds) == ([] if is_over else [CheckName.COOLDOWN])

    def test_each_thing_that_does_not_hold_is_told(self) -> None:
        facts = replace(
            GOOD,
            state=BreakerState.ACTIVE,
            legs=(leg(LegStatus.PENDING),) * 2,
            health=Health.BLIND,
            is_judged=True,
            equity=None,
            cooldown_ends_at=after(1),
        )

        assert failing(facts) == [
            CheckName.TRIP,
            CheckName.ORDERS,
            CheckName.ORDERS,
            CheckName.HEALTH,
            CheckName.JUDGED,
            CheckName.LIMITS,
            CheckName.COOLDOWN,
        ]


class TestSeen:
    @pytest.mark.parametrize(
        ("ago", "holds"), [(0, True), (120, True), (120.001, False), (-0.001, False)]
    )
    def test_what_was_seen_counts_for_two_minutes(self, ago: float, holds: bool) -> None:
        seen = Seen(equity=Decimal(9450), at=after(-ago))

        assert seen_check(seen, equity=Decimal(9450), now=NOON).holds == holds

    @pytest.mark.parametrize(
        ("saw", "there_is", "holds"),
        [
            ("10000", "10050", True),
            ("10000", "10050.01", False),
            ("10000", "9950", True),
            ("10000", "9949.99", False),
            ("-1000", "-995", True),
            ("-1000", "-994.99", False),
            ("0", "0", True),
            ("0", "0.01", False),
        ],
    )
    def test_equity_is_within_half_a_per_cent_of_it(
        self, saw: str, there_is: str, holds: bool
    ) -> None:
        seen = Seen(equity=Decimal(saw), at=NOON)

        assert seen_check(seen, equity=Decimal(there_is), now=NOON).holds == holds

    @pytest.mark.parametrize(
        ("saw", "there_is", "holds"),
        [(None, None, True), (None, Decimal(1), False), (Decimal(1), None, False)],
    )
    def test_what_is_not_known_was_not_known(
        self, saw: Decimal | None, there_is: Decimal | None, holds: bool
    ) -> None:
        assert seen_check(Seen(equity=saw, at=NOON), equity=there_is, now=NOON).holds == holds


class TestVoter:
    def test_somebody_else_who_is_entitled_counts(self) -> None:
        assert voter_refusal(VOTER, now=NOON) == ""

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"is_active": False}, "not active"),
            ({"is_entitled": False}, "no approver"),
            ({"is_requester": True}, "asked for this yourself"),
            ({"counts_from": after(0.001)}, "less than 24 hours"),
            ({"is_requester": True, "solo_from": after(0.001)}, "wait longer"),
            (
                {"is_requester": True, "solo_from": NOON, "is_entitled": False},
                "no approver",
            ),
            ({"is_requester": True, "solo_from": NOON, "is_active": False}, "not active"),
        ],
    )
    def test_whoever_does_not_count_is_told_why(
        self, changed: dict[str, object], said: str
    ) -> None:
        assert said in voter_refusal(replace(VOTER, **changed), now=NOON)  # type: ignore[arg-type]

    def test_one_alone_counts_from_the_end_of_the_wait(self) -> None:
        alone = replace(VOTER, is_requester=True, solo_from=NOON)

        assert voter_refusal(alone, now=NOON) == ""

    def test_another_need_not_wait(self) -> None:
        assert voter_refusal(replace(VOTER, solo_from=after(60)), now=NOON) == ""


MINUTES_10, MINUTES_60 = timedelta(minutes=10), timedelta(minutes=60)


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("is_below", [False, True])
def test_only_a_halt_below_the_warning_limit_has_no_cooldown(cause: Cause, is_below: bool) -> None:
    ends = cooldown_end(
        tripped_at=NOON, cause=cause, is_below_warning=is_below, cooldown=timedelta(seconds=900)
    )

    is_free = cause is Cause.HALT and is_below
    assert ends == (NOON if is_free else after(900))


@pytest.mark.parametrize(
    ("kind", "cause", "is_below", "wait"),
    [
        (RequestKind.RESET, Cause.HALT, True, MINUTES_10),
        (RequestKind.RESET, Cause.BLIND, True, MINUTES_10),
        (RequestKind.RESET, Cause.HALT, False, MINUTES_60),
        (RequestKind.RESET, Cause.BLIND, False, MINUTES_60),
        (RequestKind.RESET, Cause.LOSS, True, MINUTES_60),
        (RequestKind.RESET, Cause.FLOOR, True, MINUTES_60),
        *((kind, None, False, MINUTES_60) for kind in RequestKind if kind is not RequestKind.RESET),
    ],
)
def test_one_alone_waits_an_hour_or_ten_minutes(
    kind: RequestKind, cause: Cause | None, is_below: bool, wait: timedelta
) -> None:
    assert solo_wait(kind=kind, cause=cause, is_below_warning=is_below) == wait
