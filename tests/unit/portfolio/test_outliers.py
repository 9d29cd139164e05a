from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from portfolio.domain.outliers import (
    Held,
    HeldSide,
    MarkState,
    Reason,
    Status,
    Verdict,
    judge,
    learned_offset,
    outlier_bound,
)
from tests.unit.portfolio.books import AT, mark, seconds

NONE = timedelta(0)


def tick(
    state: MarkState,
    price: str,
    *,
    after: float = 1,
    source_at: datetime | None = None,
    usual_offset: timedelta = NONE,
) -> Verdict:
    at = AT + seconds(after)
    return judge(
        state=state,
        mark=mark("BTC/USDT", price, at=at, source_at=source_at),
        now=at,
        usual_offset=usual_offset,
    )


def accepted(price: str = "100", *, source_at: datetime | None = None) -> MarkState:
    return MarkState(accepted=mark("BTC/USDT", price, source_at=source_at))


def holding(price: str, side: HeldSide) -> MarkState:
    held = Held(mark=mark("BTC/USDT", price), side=side)
    return MarkState(accepted=accepted().accepted, held=held)


def price_of(state: MarkState) -> str | None:
    return str(state.accepted.price) if state.accepted else None


def held_price_of(state: MarkState) -> str | None:
    return str(state.held.mark.price) if state.held else None


class TestFirst:
    def test_the_first_mark_is_held(self) -> None:
        verdict = tick(MarkState(), "100")

        assert (verdict.status, verdict.reason) == (Status.HELD, Reason.FIRST)
        assert price_of(verdict.state) is None
        assert held_price_of(verdict.state) == "100"

    @pytest.mark.parametrize("price", ["98", "100", "102"])
    def test_the_second_counts_within_two_percent(self, price: str) -> None:
        verdict = tick(tick(MarkState(), "100").state, price, after=2)

        assert (verdict.status, verdict.reason) == (Status.ACCEPTED, None)
        assert price_of(verdict.state) == price
        assert verdict.state.held is None

    @pytest.mark.parametrize("price", ["97.99", "102.01"])
    def test_a_second_further_off_is_the_first_again(self, price: str) -> None:
        verdict = tick(tick(MarkState(), "100").state, price, after=2)

        assert (verdict.status, verdict.reason) == (Status.HELD, Reason.FIRST)
        assert held_price_of(verdict.state) == price

    def test_the_same_message_twice_does_not_confirm_itself(self) -> None:
        first = tick(MarkState(), "100", source_at=AT)

        again = tick(first.state, "100", after=2, source_at=AT)

        assert (again.status, again.reason) == (Status.IGNORED, Reason.DUPLICATE)
        assert again.state == first.state


class TestOrder:
    def test_an_older_mark_is_refused_and_a_newer_one_counts(self) -> None:
        state = accepted(source_at=AT)

        older = tick(state, "101", source_at=AT - seconds(0.000001))
        newer = tick(state, "101", source_at=AT + seconds(0.000001))

        assert (older.status, older.reason) == (Status.REFUSED, Reason.OLDER)
        assert older.state == state
        assert newer.status is Status.ACCEPTED

    def test_without_a_source_time_the_time_of_receipt_orders(self) -> None:
        assert tick(accepted(), "101", after=-0.001).reason is Reason.OLDER
        assert tick(accepted(), "101", after=0).status is Status.ACCEPTED

    def test_a_mark_between_the_accepted_and_the_held_one_is_older(self) -> None:
        waiting = tick(accepted(source_at=AT), "120", after=5, source_at=AT + seconds(5))
        assert waiting.status is Status.HELD

        verdict = tick(waiting.state, "100", after=6, source_at=AT + seconds(4))

        assert verdict.reason is Reason.OLDER

    def test_the_same_source_time_is_a_duplicate_whatever_the_price(self) -> None:
        verdict = tick(accepted(source_at=AT), "101", source_at=AT)

        assert (verdict.status, verdict.reason) == (Status.IGNORED, Reason.DUPLICATE)
        assert price_of(verdict.state) == "100"

    def test_an_equal_price_without_a_source_time_confirms(self) -> None:
        verdict = tick(accepted(), "100", after=7)

        assert verdict.status is Status.ACCEPTED
        assert verdict.state.accepted is not None
        assert verdict.state.accepted.confirmed_at == AT + seconds(7)
        assert verdict.state.accepted.received_at == AT

    def test_more_than_two_seconds_ahead_is_refused(self) -> None:
        at_limit = tick(accepted(), "101", after=1, source_at=AT + seconds(3))
        beyond = tick(accepted(), "101", after=1, source_at=AT + seconds(3.000001))

        assert at_limit.status is Status.ACCEPTED
        assert (beyond.status, beyond.reason) == (Status.REFUSED, Reason.FUTURE)

    def test_the_sources_usual_lead_is_allowed_for(self) -> None:
        ahead = AT + seconds(1 + 6)

        assert tick(accepted(), "101", source_at=ahead, usual_offset=seconds(4)).reason is None
        assert tick(accepted(), "101", source_at=ahead, usual_offset=seconds(3.9)).reason


class TestLearning:
    def test_a_steady_lead_is_learned(self) -> None:
        usual = NONE
        for _ in range(100):
            usual = learned_offset(usual=usual, mark=mark("B/U", "1", source_at=AT + seconds(3)))

        assert seconds(2.9) < usual <= seconds(3)

    def test_no_more_than_five_seconds_are_learned_and_no_lag(self) -> None:
        far = mark("B/U", "1", source_at=AT + timedelta(days=1))
        behind = mark("B/U", "1", source_at=AT - seconds(60))

        assert learned_offset(usual=seconds(5), mark=far) == seconds(5)
        assert learned_offset(usual=NONE, mark=behind) == NONE

    def test_a_mark_without_a_source_time_teaches_nothing(self) -> None:
        assert learned_offset(usual=seconds(2), mark=mark("B/U", "1")) == seconds(2)


class TestBound:
    @pytest.mark.parametrize(
        ("after", "bound"),
        [(0, "0.10"), (60, "0.11"), (90, "0.115"), (2400, "0.50"), (2401, "0.50"), (-5, "0.10")],
    )
    def test_it_is_ten_percent_and_a_point_per_minute_up_to_fifty(
        self, after: float, bound: str
    ) -> None:
        assert outlier_bound(seconds(after)) == Decimal(bound)

    @pytest.mark.parametrize(
        ("price", "status"),
        [
            ("111", Status.ACCEPTED),
            ("111.000001", Status.HELD),
            ("89", Status.ACCEPTED),
            ("88.999999", Status.HELD),
        ],
    )
    def test_a_mark_beyond_it_is_held(self, price: str, status: Status) -> None:
        verdict = tick(accepted(), price, after=60)

        assert verdict.status is status
        assert verdict.reason is (Reason.OUTLIER if status is Status.HELD else None)


class TestSettling:
    def test_back_within_the_bound_the_held_one_is_discarded(self) -> None:
        verdict = tick(holding("50", HeldSide.BELOW), "101")

        assert verdict.status is Status.ACCEPTED
        assert (price_of(verdict.state), verdict.state.held) == ("101", None)

    def test_a_second_one_alike_confirms_the_move(self) -> None:
        verdict = tick(holding("50", HeldSide.BELOW), "51")

        assert verdict.status is Status.ACCEPTED
        assert (price_of(verdict.state), verdict.state.held) == ("51", None)

    def test_a_further_one_within_the_bound_of_the_held_counts(self) -> None:
        verdict = tick(holding("50", HeldSide.BELOW), "48")

        assert (verdict.status, price_of(verdict.state)) == (Status.ACCEPTED, "48")
        assert verdict.state.held is None

    def test_a_much_further_one_is_held_against_the_milder(self) -> None:
        verdict = tick(holding("80", HeldSide.BELOW), "40")

        assert (verdict.status, verdict.reason) == (Status.HELD, Reason.OUTLIER)
        assert (price_of(verdict.state), held_price_of(verdict.state)) == ("80", "40")

    def test_a_much_milder_one_counts_and_the_held_goes_on_waiting(self) -> None:
        verdict = tick(holding("40", HeldSide.BELOW), "80")

        assert verdict.status is Status.ACCEPTED
        assert (price_of(verdict.state), held_price_of(verdict.state)) == ("80", "40")

    def test_beyond_it_on_the_other_side_the_hold_starts_anew(self) -> None:
        verdict = tick(holding("50", HeldSide.BELOW), "150", after=2)

        assert (verdict.status, verdict.reason) == (Status.HELD, Reason.OUTLIER)
        assert (price_of(verdict.state), held_price_of(verdict.state)) == ("100", "150")
        assert verdict.state.held is not None
        assert verdict.state.held.side is HeldSide.ABOVE
        assert verdict.state.held.mark.received_at == AT + seconds(2)

    def test_one_spike_between_good_marks_never_counts(self) -> None:
        state, seen = accepted(), []
        for number, price in enumerate(["100", "1", "100", "900", "101"]):
            state = tick(state, price, after=number).state
            seen.append(price_of(state))

        assert seen == ["100", "100", "100", "100", "101"]
