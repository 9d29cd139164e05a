from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.cancel import (
    Evidence,
    Finding,
    LegStatus,
    Outcome,
    Rules,
    Standing,
    backoff,
    is_confirmed_empty,
    is_disobedience,
    is_late,
    kept_ids,
    needs_human,
    next_standing,
    outcome_of,
    reducing_ids,
)
from oms.domain.orders import CancelAnswer, OpenOrder, OrderSide, OrderType

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def make_order(
    order_id: str = "1",
    *,
    instrument: str = "BTC/USDT:USDT",
    side: OrderSide = OrderSide.SELL,
    order_type: OrderType = OrderType.STOP,
    quantity: str = "1",
    is_reduce_only: bool = False,
    created_at: datetime = NOON,
) -> OpenOrder:
    return OpenOrder(
        id=order_id,
        instrument=instrument,
        side=side,
        type=order_type,
        quantity=Decimal(quantity),
        price=Decimal(55000),
        is_reduce_only=is_reduce_only,
        created_at=created_at,
    )


def make_standing(
    status: LegStatus = LegStatus.PENDING,
    *,
    failures: int = 0,
    first_empty_at: datetime | None = None,
    listed_at: datetime | None = None,
) -> Standing:
    return Standing(
        status=status,
        failures=failures,
        next_attempt_at=NOON,
        first_empty_at=first_empty_at,
        confirmed_at=first_empty_at,
        listed_at=listed_at,
        unconfirmed_since=NOON,
    )


def make_finding(
    *,
    is_empty: bool | None,
    seconds: float = 0,
    had_orders: bool = False,
    is_fatal: bool = False,
    retry_after: float = 0,
) -> Finding:
    return Finding(
        is_empty=is_empty,
        had_orders=had_orders,
        listed_at=at(seconds),
        answered_at=at(seconds),
        is_fatal=is_fatal,
        retry_after=timedelta(seconds=retry_after),
    )


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (10_000, 8)]
)
def test_the_pause_doubles_to_eight_seconds_and_stays_there(failures: int, seconds: int) -> None:
    assert backoff(failures) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("gap", "expected"), [(timedelta(seconds=1), True), (timedelta(seconds=1) - MOMENT, False)]
)
def test_two_empty_listings_count_from_one_second_apart(*, gap: timedelta, expected: bool) -> None:
    assert is_confirmed_empty(first_empty_at=NOON, listed_at=NOON + gap) is expected


def test_one_empty_listing_confirms_nothing() -> None:
    assert not is_confirmed_empty(first_empty_at=None, listed_at=NOON)


@pytest.mark.parametrize(
    ("age", "expected"), [(timedelta(seconds=60), True), (timedelta(seconds=60) - MOMENT, False)]
)
def test_a_human_is_needed_from_sixty_seconds_on(*, age: timedelta, expected: bool) -> None:
    assert needs_human(unconfirmed_since=NOON, now=NOON + age) is expected


@pytest.mark.parametrize(("age", "expected"), [(timedelta(0), False), (MOMENT, True)])
def test_an_order_is_late_if_created_after_the_commit(*, age: timedelta, expected: bool) -> None:
    assert is_late(created_at=NOON + age, committed_at=NOON) is expected


@pytest.mark.parametrize(
    ("age", "expected"), [(timedelta(seconds=12), False), (timedelta(seconds=12) + MOMENT, True)]
)
def test_disobedience_begins_after_lease_and_two_seconds(*, age: timedelta, expected: bool) -> None:
    assert is_disobedience(created_at=NOON + age, committed_at=NOON) is expected


class TestReducingIds:
    def test_on_margin_only_the_flag_counts(self) -> None:
        orders = [make_order("flagged", is_reduce_only=True), make_order("stop")]

        assert reducing_ids(orders, holdings=None) == {"flagged"}

    @pytest.mark.parametrize(("holding", "expected"), [("1", {"1"}), ("0.999", set())])
    def test_on_spot_a_stop_sell_counts_up_to_the_holding(
        self, holding: str, expected: set[str]
    ) -> None:
        order = make_order(instrument="BTC/USDT")

        assert reducing_ids([order], holdings={"BTC": Decimal(holding)}) == expected

    def test_on_spot_the_older_stops_use_the_holding_up(self) -> None:
        orders = [
            make_order("new", instrument="BTC/USDT", created_at=at(1)),
            make_order("old", instrument="BTC/EUR", created_at=at(0)),
        ]

        assert reducing_ids(orders, holdings={"BTC": Decimal(1)}) == {"old"}

    @pytest.mark.parametrize(
        ("side", "order_type"),
        [(OrderSide.BUY, OrderType.STOP), (OrderSide.SELL, OrderType.LIMIT)],
    )
    def test_on_spot_nothing_but_a_stop_sell_counts(
        self, side: OrderSide, order_type: OrderType
    ) -> None:
        order = make_order(
            instrument="BTC/USDT", side=side, order_type=order_type, is_reduce_only=True
        )

        assert reducing_ids([order], holdings={"BTC": Decimal(9)}) == frozenset()


class TestKeptIds:
    @pytest.mark.parametrize(("created", "expected"), [(0, set()), (0.001, {"1"})])
    def test_only_what_came_after_the_trip_stays_by_default(
        self, created: float, expected: set[str]
    ) -> None:
        rules = Rules(committed_at=NOON, keep_reduce_only=False, holdings=None)
        order = make_order(is_reduce_only=True, created_at=at(created))

        assert kept_ids([order], rules=rules) == expected

    def test_the_choice_keeps_older_ones_too(self) -> None:
        rules = Rules(committed_at=NOON, keep_reduce_only=True, holdings=None)
        orders = [make_order("a", is_reduce_only=True), make_order("b")]

        assert kept_ids(orders, rules=rules) == {"a"}


@pytest.mark.parametrize(
    ("is_listed", "is_kept", "was_asked", "answer", "expected"),
    [
        (True, True, False, None, Outcome.KEPT),
        (None, True, False, None, Outcome.KEPT),
        (False, True, False, None, Outcome.GONE),
        (None, False, True, CancelAnswer.ACCEPTED, Outcome.UNKNOWN),
        (True, False, True, CancelAnswer.ACCEPTED, Outcome.FAILED),
        (True, False, True, CancelAnswer.UNKNOWN, Outcome.UNKNOWN),
        (False, False, True, CancelAnswer.UNKNOWN, Outcome.CANCELLED),
        (False, False, True, CancelAnswer.FAILED, Outcome.CANCELLED),
        (False, False, True, CancelAnswer.GONE, Outcome.GONE),
        (False, False, False, None, Outcome.GONE),
    ],
)
def test_an_outcome_follows_the_listing_not_the_answer(
    *,
    is_listed: bool | None,
    is_kept: bool,
    was_asked: bool,
    answer: CancelAnswer | None,
    expected: Outcome,
) -> None:
    evidence = Evidence(is_listed=is_listed, is_kept=is_kept, was_asked=was_asked, answer=answer)

    assert outcome_of(evidence) is expected


class TestNextStanding:
    def test_the_first_empty_listing_asks_for_a_second_one_a_second_later(self) -> None:
        after = next_standing(make_standing(), make_finding(is_empty=True))

        assert (after.status, after.first_empty_at) == (LegStatus.PENDING, NOON)
        assert after.next_attempt_at == at(1)

    def test_the_second_one_makes_the_leg_empty_and_due_again_in_five_seconds(self) -> None:
        before = make_standing(first_empty_at=NOON)

        after = next_standing(before, make_finding(is_empty=True, seconds=1))

        assert (after.status, after.confirmed_at) == (LegStatus.EMPTY, at(1))
        assert after.next_attempt_at == at(6)

    @pytest.mark.parametrize("finding", [False, None])
    def test_anything_else_in_between_starts_the_count_anew(self, *, finding: bool | None) -> None:
        before = make_standing(first_empty_at=NOON)

        after = next_standing(before, make_finding(is_empty=finding, seconds=1))

        assert after.first_empty_at is None

    def test_an_order_met_on_an_empty_account_must_be_confirmed_gone(self) -> None:
        before = make_standing(LegStatus.EMPTY, first_empty_at=NOON, listed_at=NOON)

        after = next_standing(before, make_finding(is_empty=True, seconds=5, had_orders=True))

        assert (after.status, after.first_empty_at) == (LegStatus.PENDING, at(5))
        assert after.unconfirmed_since == at(5)

    @pytest.mark.parametrize(
        ("seconds", "expected"), [(15, LegStatus.EMPTY), (15.1, LegStatus.PENDING)]
    )
    def test_a_silent_venue_is_called_empty_for_fifteen_seconds(
        self, seconds: float, expected: LegStatus
    ) -> None:
        before = make_standing(LegStatus.EMPTY, first_empty_at=NOON, listed_at=NOON)

        assert (
            next_standing(before, make_finding(is_empty=None, seconds=seconds)).status is expected
        )

    def test_a_refusal_that_only_people_can_lift_asks_for_one_at_once(self) -> None:
        after = next_standing(make_standing(), make_finding(is_empty=None, is_fatal=True))

        assert after.status is LegStatus.NEEDS_HUMAN

    @pytest.mark.parametrize(("asked", "waits"), [(0, 4), (30, 30), (3600, 60)])
    def test_the_venue_may_ask_for_a_longer_pause_up_to_a_minute(
        self, asked: float, waits: float
    ) -> None:
        before = make_standing(failures=2)

        after = next_standing(before, make_finding(is_empty=None, retry_after=asked))

        assert after.next_attempt_at == at(waits)

    def test_a_clock_that_was_set_back_confirms_later_not_never(self) -> None:
        before = make_standing(first_empty_at=at(3600))

        first = next_standing(before, make_finding(is_empty=True))
        second = next_standing(first, make_finding(is_empty=True, seconds=1))

        assert (first.status, second.status) == (LegStatus.PENDING, LegStatus.EMPTY)

    @given(
        st.lists(
            st.tuples(st.sampled_from([True, False, None]), st.booleans(), st.integers(0, 3)),
            max_size=30,
        )
    )
    def test_empty_always_follows_two_clean_listings_on_end(
        self, answers: list[tuple[bool | None, bool, int]]
    ) -> None:
        clean: list[int] = []
        standing, seconds = make_standing(), 0
        for is_empty, had_orders, pause in answers:
            seconds += pause
            finding = make_finding(is_empty=is_empty, seconds=seconds, had_orders=had_orders)
            was_empty = standing.status is LegStatus.EMPTY
            standing = next_standing(standing, finding)
            clean = [*clean, seconds] if is_empty else []
            if standing.status is LegStatus.EMPTY and not was_empty:
                assert clean[-1] - clean[0] >= 1
