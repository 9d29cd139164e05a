from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskconsole.kernel.numbers import (
    NotANumber,
    decimal_from,
    known_money_text,
    loss_text,
    money_text,
    percent_text,
    plain_text,
    positive_from,
    ratio_text,
)

accepted = st.decimals(
    min_value=-(10**15) + 1, max_value=10**15 - 1, places=18, allow_nan=False, allow_infinity=False
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("9450.00", "9450"),
        ("-0", "0"),
        ("1e3", "1000"),
        ("1E-18", "0.000000000000000001"),
        ("999999999999999.999999999999999999", "999999999999999.999999999999999999"),
        (".5", "0.5"),
        ("5.", "5"),
        (7, "7"),
    ],
)
def test_a_plain_number_is_read_exactly(text: str | int, number: str) -> None:
    assert decimal_from(text) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "1e15",
        "1e30",
        "1e-19",
        "1e999",
        "0.0000000000000000001",
        "1,234",
        "1 234",
        " 1",
        "1\n",
        "0x10",
        "1_000",
        "١٢٣",
        "",
        "-",
        ".",
        "e5",
        "9" * 400,
        "None",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(NotANumber):
        decimal_from(text)


@pytest.mark.parametrize("value", [0.1, float("nan"), True, None, [], b"1"])
def test_money_never_passes_through_another_type(value: object) -> None:
    with pytest.raises(TypeError):
        decimal_from(value)  # type: ignore[arg-type]


def test_a_refusal_does_not_repeat_a_long_text() -> None:
    with pytest.raises(NotANumber) as refusal:
        decimal_from("9" * 400)
    assert len(str(refusal.value)) < 100


@pytest.mark.parametrize("text", ["0", "-0.0", "-1"])
def test_what_must_be_positive_is_above_zero(text: str) -> None:
    with pytest.raises(NotANumber, match="not above zero"):
        positive_from(text)


@given(accepted)
def test_an_accepted_number_survives_as_text(number: Decimal) -> None:
    assert decimal_from(plain_text(number)) == number
    assert decimal_from(money_text(number)) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [("9450", "9450.00"), ("63772.485", "63772.485"), ("-0", "0.00"), ("1E+5", "100000.00")],
)
def test_money_has_two_decimals_at_least(number: str, text: str) -> None:
    assert money_text(Decimal(number)) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [("0.0350", "0.035"), ("0.0000000000005", "0"), ("0.0000000000015", "0.000000000002")],
)
def test_a_ratio_is_rounded_half_even_to_twelve_decimals(ratio: str, text: str) -> None:
    assert ratio_text(Decimal(ratio)) == text


def test_a_loss_is_never_shown_smaller_than_it_is() -> None:
    assert loss_text(Decimal("0.0500001")) == "5.01 %"
    assert loss_text(Decimal("0.05")) == "5.00 %"


def test_a_limit_is_shown_exactly() -> None:
    assert percent_text(Decimal("0.03125")) == "3.125 %"


def test_zero_is_known_and_none_is_not() -> None:
    assert known_money_text(Decimal(0)) == "0.00"
    assert known_money_text(None) is None
