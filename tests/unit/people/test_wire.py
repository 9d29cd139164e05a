"""JSON from outside becomes exact values, and what is wrong is named by its place."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import ValidationError

from riskconsole.wire import (
    Moment,
    Number,
    NumberText,
    PositiveNumber,
    WireModel,
    Word,
    WrongFields,
    field_errors,
    read_json,
)


class Order(WireModel):
    amounts: dict[Word, Number] = {}
    price: PositiveNumber = Decimal(1)
    at: Moment | None = None
    name: Word = "BTC"


def errors_of(body: str) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        Order.model_validate(read_json(body.encode()))
    return field_errors(caught.value.errors())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", "0.1"),
        ('"0.1"', "0.1"),
        ("1e3", "1000"),
        ("100000000000000.123456789012345678", "100000000000000.123456789012345678"),
        ("-5", "-5"),
        ("0", "0"),
    ],
)
def test_a_number_is_read_from_its_own_text(text: str, value: str) -> None:
    order = Order.model_validate(read_json(f'{{"amounts": {{"USDT": {text}}}}}'.encode()))

    assert order.amounts == {"USDT": Decimal(value)}


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "1" * 400,
        "1" * 5000,
        "0." + "1" * 19,
        "1e15",
        '"1,234"',
        '"NaN"',
        '"nan"',
        '" 1"',
        '"1_000"',
        '"٣"',
        '"0x10"',
        '""',
        "null",
        "true",
        "[]",
        "{}",
    ],
)
def test_what_is_no_plain_number_is_named_by_its_place(text: str) -> None:
    assert list(errors_of(f'{{"amounts": {{"USDT": {text}}}}}')) == ["amounts.USDT"]


@pytest.mark.parametrize("text", ["0", "-1", '"0.000"'])
def test_a_price_is_above_zero(text: str) -> None:
    assert "not above zero" in errors_of(f'{{"price": {text}}}')["price"]


def test_a_key_given_twice_is_wrong_at_its_place() -> None:
    body = '{"amounts": {"USDT": "1", "USDT": "1"}, "price": "1", "price": "1"}'

    assert errors_of(body) == {"amounts.USDT": "is given twice", "price": "is given twice"}


def test_a_number_is_never_taken_for_a_name() -> None:
    assert errors_of('{"name": 5}') == {"name": "is not text"}


@pytest.mark.parametrize(
    "name", ['"a b"', '""', '"a\\u0000b"', '"a\\nb"', '"\\ud800"', '"\\u202e"']
)
def test_a_name_is_printable_and_has_no_spaces(name: str) -> None:
    assert list(errors_of(f'{{"name": {name}}}')) == ["name"]


def test_an_unknown_key_is_named() -> None:
    assert errors_of('{"prize": 1}') == {"prize": "is not known"}


def test_a_time_is_read_with_its_offset() -> None:
    order = Order.model_validate(read_json(b'{"at": "2030-01-02T14:00:00+02:00"}'))

    assert order.at == datetime(2030, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        '"2030-01-02T12:00:00"',
        '"2030-01-02"',
        '"0001-01-01T00:00:00+23:00"',
        '"1969-12-31T23:59:59Z"',
        '"1893585600"',
        "1893585600",
        '"yesterday"',
        "true",
    ],
)
def test_a_time_without_an_offset_is_no_time(text: str) -> None:
    assert list(errors_of(f'{{"at": {text}}}')) == ["at"]


@pytest.mark.parametrize("body", [b"", b"{", b"{'a': 1}", b"\xff{}", b"{} {}", b'{"a": 01}'])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_json(body)


def test_numbers_stay_text_until_a_field_asks_for_them() -> None:
    assert read_json(b"[0.1, 7]") == [NumberText("0.1"), NumberText("7")]


def test_many_mistakes_are_summed_up_and_all_named() -> None:
    error = WrongFields({f"{place}.price": "is missing" for place in range(5)})

    assert str(error) == "0.price: is missing; 1.price: is missing; 2.price: is missing; and 2 more"
    assert len(error.fields) == 5
