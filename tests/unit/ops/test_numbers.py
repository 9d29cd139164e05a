"""Numbers on the pages: exact, and never so that a loss looks smaller than it is."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from riskconsole.ops.templatetags import numbers

MINUS, NARROW = "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1134216.40", "1,134,216.40"),
        ("0.999", "0.99"),
        ("-0.001", f"{MINUS}0.01"),
        ("999999999999999.999", "999,999,999,999,999.99"),
    ],
)
def test_money_is_grouped_and_rounded_down(value: str, text: str) -> None:
    assert numbers.money(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("65783.601", "+65,783.60"),
        ("-65783.601", f"{MINUS}65,783.61"),
        ("0", "+0.00"),
        ("-0", "+0.00"),
        ("0.009", "+0.00"),
    ],
)
def test_a_change_has_a_sign_and_a_loss_goes_away_from_zero(value: str, text: str) -> None:
    assert numbers.signed_money(Decimal(value)) == text


@pytest.mark.parametrize(
    ("loss_ratio", "text"),
    [
        ("0.0548", f"{MINUS}5.48"),
        ("0.049999", f"{MINUS}5.00"),
        ("0.050001", f"{MINUS}5.01"),
        ("-0.0154", "+1.54"),
        ("-0.01549", "+1.54"),
        ("0", "+0.00"),
    ],
)
def test_a_loss_ratio_is_shown_as_a_change_never_too_small(loss_ratio: str, text: str) -> None:
    assert numbers.loss_percent(Decimal(loss_ratio)) == f"{text}{NARROW}%"


@pytest.mark.parametrize(
    ("room", "text"),
    [("0.01439", "1.43"), ("0", "0.00"), ("-0.00001", "0.01"), ("0.00009", "0.00")],
)
def test_room_goes_towards_zero_and_past_the_line_away_from_it(room: str, text: str) -> None:
    assert numbers.points(Decimal(room)) == text


@pytest.mark.parametrize(
    ("room", "text"), [("35870.99", "35,870"), ("-0.5", "1"), ("0.5", "0"), ("-874", "874")]
)
def test_room_in_money_is_whole_and_never_too_much(room: str, text: str) -> None:
    assert numbers.whole(Decimal(room)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("63772.485", "63,772.485"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("1E+3", "1,000"),
    ],
)
def test_prices_and_quantities_keep_every_digit(value: str, text: str) -> None:
    assert numbers.exact(Decimal(value)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.31, "0.4 s"),
        (9.99, "10.0 s"),
        (46.2, "47 s"),
        (60, "1 min"),
        (719, "12 min"),
        (3600, "1 h"),
        (100_000, "28 h"),
        (259_200, "3 d"),
        (-5, "0.0 s"),
    ],
)
def test_an_age_is_never_younger_than_it_is(seconds: float, text: str) -> None:
    assert numbers.age(timedelta(seconds=seconds)) == text.replace(" ", NARROW)


def test_times_are_utc_with_milliseconds_where_they_matter() -> None:
    at = datetime(2026, 1, 2, 13, 42, 7, 318_999, tzinfo=UTC)

    assert numbers.clock(at) == "13:42:07"
    assert numbers.instant(at) == "13:42:07.318"
    assert numbers.iso(at) == "2026-01-02T13:42:07.318999Z"


def test_what_is_not_known_is_a_dash_and_never_a_zero() -> None:
    filters = (numbers.money, numbers.signed_money, numbers.loss_percent, numbers.points)

    assert {shown(None) for shown in filters} == {"\N{EN DASH}"}
    assert numbers.age(None) == numbers.exact(None) == numbers.clock(None) == "\N{EN DASH}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("60053.66341278", "60,053.663"),
        ("60000", "60,000"),
        ("0.00001234567891", "0.000012345679"),
        ("123456789.5", "123,456,790"),
        ("0", "0"),
        ("1.50", "1.5"),
    ],
)
def test_a_price_has_no_more_than_eight_figures_after_its_point_begins(
    value: str, text: str
) -> None:
    assert numbers.price(Decimal(value)) == text


@pytest.mark.parametrize(("seconds", "tone"), [(0, "mid"), (2.9, "mid"), (3, "dim"), (60, "dim")])
def test_an_age_turns_grey_after_three_seconds(seconds: float, tone: str) -> None:
    assert numbers.age_tone(timedelta(seconds=seconds)) == tone


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, f"+0.00{NARROW}s"),
        (0.214, f"+0.21{NARROW}s"),
        (59.99, f"+59.99{NARROW}s"),
        (-30.318, f"{MINUS}30.32{NARROW}s"),
        (60, f"+1{NARROW}min"),
        (615, f"+10{NARROW}min 15{NARROW}s"),
        (-615, f"{MINUS}10{NARROW}min 15{NARROW}s"),
    ],
)
def test_a_distance_from_a_moment_has_its_direction(seconds: float, text: str) -> None:
    assert numbers.after(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, f"0{NARROW}s"),
        (59.9, f"59{NARROW}s"),
        (3_600, f"1{NARROW}h"),
        (3_605, f"1{NARROW}h"),
        (7_380, f"2{NARROW}h 3{NARROW}min"),
        (90_000, f"1{NARROW}d 1{NARROW}h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert numbers.span(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "\N{EN DASH}"),
        (0, "0.00"),
        (0.0801, "0.09"),
        (1.88, "1.88"),
        (59.999, "60.00"),
        (61.2, "62"),
    ],
)
def test_a_measured_time_is_never_shorter_than_it_was(seconds: float | None, text: str) -> None:
    assert numbers.took(None if seconds is None else timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("time", "text", "tone"),
    [
        (timedelta(hours=11, minutes=59, seconds=59), f"11{NARROW}h 59{NARROW}min", "mid"),
        (timedelta(hours=1), f"1{NARROW}h 0{NARROW}min", "mid"),
        (timedelta(minutes=59, seconds=59), f"59{NARROW}min", "t-warn"),
        (timedelta(seconds=59.9), f"59{NARROW}s", "t-warn"),
        (timedelta(seconds=-5), f"0{NARROW}s", "t-warn"),
    ],
)
def test_what_is_left_is_never_longer_than_it_is(time: timedelta, text: str, tone: str) -> None:
    assert numbers.left(time) == text
    assert numbers.left_tone(time) == tone
