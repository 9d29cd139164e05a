"""A replay decides as the console would have, at the moments at which it would have known."""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from breaker.domain.candles import Tape, join
from breaker.domain.machine import Cause, InvalidLimits
from breaker.domain.replay import CannotReplay, Outcome, Terms, replay
from breaker.domain.stakes import stakes_from
from tests.unit.breaker.tapes import MINUTE, START, file_of, row, tape_of


def run(
    tape: Tape,
    *,
    cash: str = "0",
    spot: Iterable[str] = ("BTC=1",),
    perps: Iterable[str] = (),
    capital: str | None = None,
    warning: str = "0.03",
    trip: str = "0.05",
    is_data_judged: bool = False,
) -> Outcome:
    terms = Terms(
        capital=None if capital is None else Decimal(capital),
        warning_ratio=Decimal(warning),
        trip_ratio=Decimal(trip),
        is_data_judged=is_data_judged,
    )
    stakes = stakes_from(currency="USDT", cash=cash, spot=spot, perps=perps)
    return replay(tape=tape, stakes=stakes, terms=terms, steps=tape.steps)


def test_exactly_the_limit_trips_and_warns() -> None:
    outcome = run(tape_of(["100", "97", "95"]))
    assert outcome.warning_at == START + 2 * MINUTE
    assert outcome.trip is not None
    assert (outcome.trip.at, outcome.trip.loss_ratio) == (START + 3 * MINUTE, Decimal("0.05"))


def test_a_hair_above_the_limits_does_neither() -> None:
    outcome = run(tape_of(["100", "97.00000001", "97.5"]))
    assert (outcome.warning_at, outcome.trip) == (None, None)
    outcome = run(tape_of(["100", "95.00000001"]))
    assert outcome.warning_at is not None
    assert outcome.trip is None


def test_a_fall_through_both_limits_in_one_bar_warns_and_trips_at_once() -> None:
    outcome = run(tape_of(["100", "90"]))
    assert outcome.trip is not None
    assert outcome.warning_at == outcome.trip.at == START + 2 * MINUTE


def test_only_the_first_trip_counts_and_a_recovery_does_not_undo_it() -> None:
    outcome = run(tape_of(["100", "94", "110", "80", "99"]))
    assert outcome.trip is not None
    assert outcome.trip.at == START + 2 * MINUTE
    assert outcome.curve[-1].equity == Decimal(99)


def test_loss_avoided_counts_from_the_trip_on() -> None:
    assert run(tape_of(["100", "94", "80", "99"])).loss_avoided == Decimal(14)
    assert run(tape_of(["100", "94", "99"])).loss_avoided == Decimal(0)
    assert run(tape_of(["100", "99"])).loss_avoided is None


def test_the_lowest_equity_is_the_first_of_its_height() -> None:
    lowest = run(tape_of(["100", "98", "99", "98"])).lowest
    assert (lowest.at, lowest.equity) == (START + 2 * MINUTE, Decimal(98))


def test_a_short_loses_when_the_price_rises() -> None:
    outcome = run(tape_of(["100", "103", "106"]), cash="100", spot=(), perps=["BTCUSDT=-1@100"])
    assert outcome.trip is not None
    assert outcome.trip.equity == Decimal(94)


def test_one_symbol_values_spot_and_perpetual_together() -> None:
    tape = tape_of(["100", "50"])
    outcome = run(tape, cash="7", perps=["BTCUSDT=-1@90"])
    assert [point.equity for point in outcome.curve] == [Decimal(97), Decimal(97)]


def test_a_symbol_keeps_its_last_close_over_a_hole() -> None:
    rows = [row(minute=m, close="100") for m in range(3)]
    rows += [row(minute=m, close=c, symbol="ETHUSDT") for m, c in ((0, "10"), (2, "11"))]
    outcome = run(join([file_of(*rows)]), spot=("BTC=1", "ETH=1"))
    assert [point.equity for point in outcome.curve] == [Decimal(110), Decimal(110), Decimal(111)]


def test_the_first_evaluation_waits_for_a_price_of_every_holding() -> None:
    rows = [row(minute=m, close="100") for m in range(3)]
    rows += [row(minute=2, close="10", symbol="ETHUSDT")]
    outcome = run(join([file_of(*rows)]), spot=("BTC=1", "ETH=1"))
    assert outcome.first_at == START + MINUTE
    assert [(point.at, point.equity) for point in outcome.curve] == [
        (START + 3 * MINUTE, Decimal(110))
    ]


def test_symbols_that_are_not_held_change_nothing() -> None:
    rows = [row(minute=m, close="100") for m in range(2)]
    rows += [row(minute=m, close=c, symbol="ODD") for m, c in ((0, "1"), (1, "900"))]
    assert [point.equity for point in run(join([file_of(*rows)])).curve] == [100, 100]


def test_a_loss_is_measured_from_the_capital_that_is_given() -> None:
    outcome = run(tape_of(["100", "100"]), capital="104")
    assert outcome.warning_at == START + MINUTE
    assert outcome.trip is None
    assert run(tape_of(["100", "100"]), capital="200").trip is not None


def test_limits_are_those_that_are_given() -> None:
    outcome = run(tape_of(["100", "99", "98"]), warning="0.01", trip="0.02")
    assert outcome.warning_at == START + 2 * MINUTE
    assert outcome.trip is not None


def test_a_warning_at_or_above_the_trip_is_refused() -> None:
    with pytest.raises(InvalidLimits):
        run(tape_of(["100", "99"]), warning="0.05")


def test_an_equity_that_falls_below_zero_trips_with_its_true_ratio() -> None:
    outcome = run(tape_of(["100", "10"]), cash="20", spot=(), perps=["BTCUSDT=1@100"])
    assert outcome.trip is not None
    assert outcome.trip.equity == Decimal(-70)
    assert outcome.trip.loss_ratio == Decimal("4.5")


def test_a_held_symbol_that_never_appears_is_refused_by_name() -> None:
    with pytest.raises(CannotReplay, match=r"^bars\.csv: SOLUSDT is held, but no line has a bar"):
        run(tape_of(["1", "1"]), spot=("BTC=1", "SOL=1"))


def test_nothing_to_lose_asks_for_a_capital() -> None:
    tape = tape_of(["100", "99"])
    with pytest.raises(CannotReplay, match="give --capital"):
        run(tape, spot=(), perps=["BTCUSDT=1@100"])
    assert run(tape, spot=(), perps=["BTCUSDT=1@100"], capital="10").trip is not None


def test_a_spike_trips_plain_equity_and_is_held_where_data_is_judged() -> None:
    closes = ["100", "100", "60", "100", "100"]
    assert run(tape_of(closes)).trip is not None
    judged = run(tape_of(closes), is_data_judged=True)
    assert judged.trip is None
    assert judged.data_quality is not None
    assert judged.data_quality.held == 2  # the first mark, and the spike


def test_a_crash_that_the_next_bar_confirms_trips_one_bar_later() -> None:
    judged = run(tape_of(["100", "100", "60", "60"]), is_data_judged=True)
    assert judged.trip is not None
    assert judged.trip.at == START + 4 * MINUTE


def test_a_symbol_that_falls_silent_blinds_and_trips_where_data_is_judged() -> None:
    rows = [row(minute=m, close="100") for m in range(2)]
    rows += [row(minute=m, close="1", symbol="ETHUSDT") for m in range(12)]
    tape = join([file_of(*rows)])
    assert run(tape, spot=("BTC=1", "ETH=1")).trip is None
    judged = run(tape, spot=("BTC=1", "ETH=1"), is_data_judged=True)
    assert judged.trip is not None
    # Known at minute 2, stale after three bars, blind at the next bar, borne for five minutes.
    assert (judged.trip.cause, judged.trip.at) == (Cause.BLIND, START + 11 * MINUTE)
