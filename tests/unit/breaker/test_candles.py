"""Recorded bars are read exactly, or refused with file and line."""

from datetime import timedelta
from decimal import Decimal

import pytest

from breaker.domain.candles import BadCandles, join, read_candles
from tests.unit.breaker.tapes import HEADER, MINUTE, START, file_of, row

GOOD = row(minute=0, close="100")


def replaced(column: str, value: str) -> str:
    values = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | {column: value}
    return ",".join(values.values())


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "", "1,0", "1e30", "x"])
def test_a_price_that_is_no_positive_number_is_refused_with_its_line(
    column: str, value: str
) -> None:
    with pytest.raises(BadCandles, match=r"^bars\.csv line 3: "):
        file_of(row(minute=1, close="100"), replaced(column, value))


@pytest.mark.parametrize("value", ["nan", "-1", "", "x"])
def test_a_bad_volume_is_refused_by_its_name(value: str) -> None:
    with pytest.raises(BadCandles, match=r"^bars\.csv line 2: volume "):
        file_of(replaced("volume", value))


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
def test_the_refusal_names_the_column_that_is_wrong(column: str) -> None:
    with pytest.raises(BadCandles, match=rf"^bars\.csv line 2: {column} 'nan' "):
        file_of(replaced(column, "nan"))


def test_a_volume_of_zero_is_a_quiet_minute() -> None:
    file = file_of(replaced("volume", "0"), row(minute=1, close="100"))
    assert len(file.candles) == 2


@pytest.mark.parametrize(
    "bar", ["1,0.5,0.5,0.5,1", "0.5,2,1,1,1", "1,2,1,3,1", "1,2,1.5,1.5,1", "2,2,1,0.5,1"]
)
def test_a_bar_outside_its_own_range_is_refused(bar: str) -> None:
    with pytest.raises(BadCandles, match="outside low"):
        file_of(f"2024-08-05T00:00:00Z,BTCUSDT,{bar}")


@pytest.mark.parametrize(
    "time", ["", "2024-08-05", "2024-08-05T00:00:00", "1722816000", "9999-12-31T23:59:00Z", "x"]
)
def test_a_time_without_a_zone_or_beyond_reason_is_refused(time: str) -> None:
    with pytest.raises(BadCandles, match=r"^bars\.csv line 2: time "):
        file_of(replaced("time", time))


def test_a_time_in_another_zone_is_the_same_moment() -> None:
    file = file_of(replaced("time", "2024-08-05T02:00:00+02:00"), row(minute=1, close="1"))
    assert file.candles[0].at == START


@pytest.mark.parametrize("symbol", ["", "BTC USDT", "BTC\x07USDT"])
def test_a_symbol_that_is_no_word_is_refused(symbol: str) -> None:
    with pytest.raises(BadCandles, match=r"^bars\.csv line 2: symbol "):
        file_of(replaced("symbol", symbol))


@pytest.mark.parametrize("line", ["", GOOD + ",1", GOOD.rpartition(",")[0]])
def test_a_line_of_another_width_is_refused(line: str) -> None:
    with pytest.raises(BadCandles, match=r"^bars\.csv line 3: it has \d values, the header has 7"):
        file_of(GOOD, line)


@pytest.mark.parametrize("column", HEADER.split(","))
def test_a_missing_column_is_named(column: str) -> None:
    header = HEADER.replace(column, "other")
    with pytest.raises(BadCandles, match=rf"^bars\.csv line 1: column '{column}' is missing"):
        read_candles(name="bars.csv", lines=[header, GOOD])


def test_a_column_that_is_there_twice_is_refused() -> None:
    with pytest.raises(BadCandles, match="column 'close' is twice"):
        read_candles(name="bars.csv", lines=[HEADER + ",close", GOOD + ",1"])


def test_columns_are_found_by_name_in_any_order() -> None:
    names, values = reversed(HEADER.split(",")), reversed(GOOD.split(","))
    other = reversed(row(minute=1, close="1").split(","))
    lines = [",".join(names), ",".join(values), ",".join(other)]
    file = read_candles(name="bars.csv", lines=lines)
    assert (file.candles[0].at, file.candles[0].close) == (START, Decimal(100))


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(BadCandles, match=r"^bars\.csv line 1: "):
        read_candles(name="bars.csv", lines=[])


def test_a_file_of_a_header_only_is_refused() -> None:
    with pytest.raises(BadCandles, match=r"^bars\.csv line 2: there is no bar"):
        file_of()


def test_a_nul_byte_is_refused_with_its_line() -> None:
    with pytest.raises(BadCandles, match=r"^bars\.csv line 3: "):
        file_of(GOOD, '2024-08-05T00:01:00Z,"BTC')


def test_a_single_time_says_nothing_of_the_bar_length() -> None:
    with pytest.raises(BadCandles, match=r"^bars\.csv line 2: all bars are of 2024-08-05"):
        file_of(GOOD, row(minute=0, close="1", symbol="ETHUSDT"))


def test_the_bar_length_is_the_smallest_step_whatever_the_order() -> None:
    file = file_of(*(row(minute=minute, close="1") for minute in (9, 0, 2, 5)))
    assert file.bar_length == timedelta(minutes=2)


def test_a_bar_is_known_only_when_it_ended() -> None:
    tape = join([file_of(GOOD, row(minute=1, close="1"))])
    assert [step.known_at for step in tape.steps] == [START + MINUTE, START + 2 * MINUTE]


def test_bars_of_several_files_that_share_a_time_are_one_step() -> None:
    btc = file_of(GOOD, row(minute=1, close="101"), name="btc.csv")
    eth = file_of(
        row(minute=1, close="11", symbol="ETHUSDT"),
        row(minute=0, close="10", symbol="ETHUSDT"),
        name="eth.csv",
    )
    tape = join([btc, eth])
    assert tape.bars == 4
    assert [dict(step.closes) for step in tape.steps] == [
        {"BTCUSDT": Decimal(100), "ETHUSDT": Decimal(10)},
        {"BTCUSDT": Decimal(101), "ETHUSDT": Decimal(11)},
    ]


def test_files_of_different_bar_length_are_refused() -> None:
    minutes = file_of(GOOD, row(minute=1, close="1"), name="1m.csv")
    fives = file_of(*(row(minute=m, close="1", symbol="ETHUSDT") for m in (0, 5)), name="5m.csv")
    with pytest.raises(BadCandles, match=r"^5m\.csv line 2: its bars are 0:05:00 long"):
        join([minutes, fives])


def test_a_bar_that_is_there_twice_is_refused_with_both_lines() -> None:
    file = file_of(GOOD, row(minute=1, close="1"), GOOD)
    with pytest.raises(BadCandles, match=r"^bars\.csv line 4: .* is in bars\.csv line 2 already"):
        join([file])


def test_a_bar_that_two_files_have_is_refused() -> None:
    file, again = (file_of(GOOD, row(minute=1, close="1"), name=name) for name in ("a", "b"))
    with pytest.raises(BadCandles, match=r"^b line 2: .* is in a line 2 already"):
        join([file, again])


def test_the_same_file_given_twice_is_refused() -> None:
    file = file_of(GOOD, row(minute=1, close="1"))
    with pytest.raises(BadCandles, match="already"):
        join([file, file])
