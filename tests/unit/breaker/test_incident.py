"""How fast an incident went, what is not known of it, and where its timeline was quiet."""

from datetime import datetime, timedelta

import pytest

from breaker.domain.incident import (
    LegTimes,
    Measure,
    price_to_trip,
    quiet_before,
    trip_to_all_empty,
    trip_to_first_alert,
    trip_to_first_cancel,
)
from breaker.domain.machine import Cause
from breaker.selectors.timeline import Line, folded
from tests.clock import NOON, after

BY_HAND = LegTimes(is_connected=False)


def seconds(measure: Measure) -> float | None:
    return None if measure.took is None else measure.took.total_seconds()


class TestPriceToTrip:
    def test_it_counts_from_the_newest_price(self) -> None:
        measure = price_to_trip(
            cause=Cause.LOSS, tripped_at=after(1), confirmed_at=[None, after(0.2), after(0.75)]
        )

        assert seconds(measure) == 0.25

    @pytest.mark.parametrize(("took", "is_met"), [(0.5, True), (0.501, False)])
    def test_half_a_second_is_fast_enough(self, took: float, is_met: bool) -> None:
        measure = price_to_trip(cause=Cause.FLOOR, tripped_at=after(took), confirmed_at=[NOON])

        assert measure.is_met is is_met

    def test_a_price_that_came_while_it_was_decided_took_no_time(self) -> None:
        measure = price_to_trip(cause=Cause.LOSS, tripped_at=NOON, confirmed_at=[after(0.01)])

        assert seconds(measure) == 0

    @pytest.mark.parametrize(
        ("cause", "note"),
        [(Cause.HALT, "halted by a person"), (Cause.BLIND, "want of prices")],
    )
    def test_what_no_price_caused_is_not_timed(self, cause: Cause, note: str) -> None:
        measure = price_to_trip(cause=cause, tripped_at=after(1), confirmed_at=[NOON])

        assert (measure.took, measure.is_met) == (None, None)
        assert note in measure.note

    def test_cash_alone_has_no_price(self) -> None:
        measure = price_to_trip(cause=Cause.LOSS, tripped_at=NOON, confirmed_at=[None])

        assert measure.took is None


class TestFirstCancel:
    def test_the_first_account_counts(self) -> None:
        legs = [
            LegTimes(is_connected=True, asked_at=after(0.4)),
            LegTimes(is_connected=True, asked_at=after(0.1)),
            BY_HAND,
        ]

        measure = trip_to_first_cancel(tripped_at=NOON, legs=legs)

        assert seconds(measure) == 0.1
        assert measure.note == "orders open on 2 accounts"

    @pytest.mark.parametrize(
        ("legs", "note"),
        [
            ([BY_HAND], "no account is connected"),
            ([LegTimes(is_connected=True)], "no order was met yet"),
            ([LegTimes(is_connected=True, empty_at=NOON)], "no order was open"),
        ],
    )
    def test_where_none_was_sent_it_says_why(self, legs: list[LegTimes], note: str) -> None:
        measure = trip_to_first_cancel(tripped_at=NOON, legs=legs)

        assert (measure.took, measure.note) == (None, note)


class TestAllEmpty:
    def test_the_last_connected_account_counts(self) -> None:
        legs = [
            LegTimes(is_connected=True, empty_at=after(1.2)),
            LegTimes(is_connected=True, empty_at=after(5)),
            BY_HAND,
        ]

        measure = trip_to_all_empty(tripped_at=NOON, legs=legs)

        assert (seconds(measure), measure.is_met) == (5, True)
        assert measure.note == "2 accounts; 1 not connected"

    def test_one_that_is_not_empty_leaves_it_open(self) -> None:
        legs = [LegTimes(is_connected=True, empty_at=after(1.2)), LegTimes(is_connected=True)]

        measure = trip_to_all_empty(tripped_at=NOON, legs=legs)

        assert (measure.took, measure.note) == (None, "1 of 2 accounts so far")

    def test_what_is_cancelled_by_hand_is_never_called_empty(self) -> None:
        assert trip_to_all_empty(tripped_at=NOON, legs=[BY_HAND]).took is None


class TestFirstAlert:
    def test_the_first_route_that_took_it_counts(self) -> None:
        measure = trip_to_first_alert(
            tripped_at=NOON, routes=3, delivered=[(after(9), "1:mailto"), (after(2), "2:slack")]
        )

        assert (seconds(measure), measure.note) == (2, "over 2:slack")

    @pytest.mark.parametrize(
        ("routes", "note"), [(0, "no alert route was set"), (2, "no route has taken it")]
    )
    def test_where_nobody_was_told_it_says_why(self, routes: int, note: str) -> None:
        measure = trip_to_first_alert(tripped_at=NOON, routes=routes, delivered=[])

        assert (measure.took, measure.note) == (None, note)


class TestQuiet:
    @pytest.mark.parametrize(("gap", "is_told"), [(59.999, False), (60, True)])
    def test_a_minute_is_quiet(self, gap: float, is_told: bool) -> None:
        assert quiet_before([NOON, after(gap)]) == [
            None,
            timedelta(seconds=gap) if is_told else None,
        ]

    def test_there_is_nothing_before_the_first_line(self) -> None:
        assert quiet_before([NOON]) == [None]
        assert quiet_before([]) == []


def line(title: str, *, account: str = "perp", at: datetime = NOON) -> Line:
    return Line(
        at=at,
        title=title,
        detail="",
        tone="",
        icon="log",
        source="order manager",
        person="",
        sequence=1,
        hash="00",
        account=account,
    )


class TestRepeats:
    def test_what_an_account_repeats_is_told_once(self) -> None:
        found = folded([line("stuck"), line("stuck"), line("stuck"), line("empty")])

        assert [(one.title, one.repeats) for one in found] == [("stuck", 2), ("empty", 0)]

    def test_another_account_between_them_changes_nothing(self) -> None:
        found = folded([line("stuck"), line("empty", account="spot"), line("stuck")])

        assert [(one.title, one.repeats) for one in found] == [("stuck", 1), ("empty", 0)]

    def test_what_comes_again_after_something_else_is_told_again(self) -> None:
        found = folded([line("empty"), line("an order came"), line("empty")])

        assert len(found) == 3

    def test_what_no_account_says_is_never_folded(self) -> None:
        assert len(folded([line("noted", account=""), line("noted", account="")])) == 2
