"""A snapshot replaces what a manual account holds: whole, exact, or not at all."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from portfolio.domain.holdings import AccountKind
from portfolio.models import Balance, Portfolio, Position, VenueAccount
from riskconsole.kernel.clock import time_text
from tests.factories import make_account, make_portfolio
from tests.functional.api.conftest import Caller

CASH = "portfolios/main/accounts/cash/snapshot"
PERP = "portfolios/main/accounts/perp/snapshot"
LINE = {
    "instrument": "BTC/USDT:USDT",
    "side": "LONG",
    "quantity": "0.2",
    "entry_price": "61000",
}


@pytest.fixture
def main(db: None) -> Portfolio:
    portfolio = make_portfolio()
    make_account(portfolio, "perp", kind=AccountKind.MARGIN)
    make_account(portfolio, "paper", venue="paper")
    return portfolio


def rows() -> list[tuple[str, Decimal]]:
    return list(Balance.objects.order_by("asset").values_list("asset", "total"))


def test_it_is_evaluated_before_the_answer(bot: Caller) -> None:
    make_portfolio()

    answer = bot("PUT", CASH, '{"balances": {"USDT": "9650"}}').json()

    assert answer["equity"] == "9650.00"
    assert answer["pnl"] == "-350.00"
    assert answer["loss_ratio"] == "0.035"
    assert answer["state"] == "WARNING"
    assert answer == bot("GET", "portfolios/main").json() | {"as_of": answer["as_of"]}


def test_a_loss_of_exactly_the_trip_limit_trips_in_the_request(bot: Caller) -> None:
    make_portfolio()
    bot("PUT", CASH, '{"balances": {"USDT": "10000"}}')

    answer = bot("PUT", CASH, '{"balances": {"USDT": 9500}}').json()

    assert (answer["state"], answer["mode"], answer["may_trade"]) == ("TRIGGERED", "HALTED", False)


def test_numbers_are_kept_as_they_were_written(bot: Caller, main: Portfolio) -> None:
    body = (
        '{"balances": {"USDT": 0.1, "BTC": 1e-18, "ETH": "-2.50", "DAI": 0,'
        ' "XRP": 999999999999999.999999999999999999}}'
    )

    assert bot("PUT", CASH, body).status_code == 200
    assert rows() == [
        ("BTC", Decimal("1e-18")),
        ("DAI", Decimal(0)),
        ("ETH", Decimal("-2.5")),
        ("USDT", Decimal("0.1")),
        ("XRP", Decimal("999999999999999.999999999999999999")),
    ]


def test_an_empty_object_is_the_empty_book(bot: Caller, main: Portfolio) -> None:
    bot("PUT", CASH, '{"balances": {"USDT": "5"}}')

    assert bot("PUT", CASH, "{}").status_code == 200
    assert rows() == []


def test_a_snapshot_replaces_all_that_was_there(bot: Caller, main: Portfolio) -> None:
    bot("PUT", PERP, json.dumps({"balances": {"USDT": "5"}, "positions": [LINE]}))

    bot("PUT", PERP, json.dumps({"balances": {"BTC": "1"}}))

    assert rows() == [("BTC", Decimal(1))]
    assert not Position.objects.exists()


BAD_NUMBERS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "1" * 400,
    "9" * 5000,
    '"1,234"',
    '"NaN"',
    '"Infinity"',
    '"1e400"',
    '"' + "1" * 400 + '"',
    '"0.' + "1" * 19 + '"',
    "1000000000000000",
    '"12 "',
    '"0x1f"',
    '"1_000"',
    '"\\u0661"',
    '""',
    "null",
    "true",
    "[1]",
    '{"value": 1}',
]


@pytest.mark.parametrize("number", BAD_NUMBERS)
def test_a_bad_balance_is_named_and_nothing_is_half_applied(
    bot: Caller, main: Portfolio, number: str
) -> None:
    bot("PUT", CASH, '{"balances": {"USDT": "5"}}')

    response = bot("PUT", CASH, f'{{"balances": {{"BTC": "1", "USDT": {number}}}}}')

    assert response.status_code == 422
    assert list(response.json()["error"]["fields"]) == ["balances.USDT"]
    assert rows() == [("USDT", Decimal(5))]


@pytest.mark.parametrize("key", ["quantity", "entry_price", "contract_size"])
@pytest.mark.parametrize("number", [*BAD_NUMBERS, "0", "-1", '"0.0"', '"-0"'])
def test_a_number_of_a_position_is_plain_and_above_zero(
    bot: Caller, main: Portfolio, key: str, number: str
) -> None:
    line = json.dumps(LINE | {key: "HERE"}).replace('"HERE"', number)

    response = bot("PUT", PERP, f'{{"balances": {{"USDT": "5"}}, "positions": [{line}]}}')

    assert response.status_code == 422
    assert list(response.json()["error"]["fields"]) == [f"positions.0.{key}"]
    assert rows() == []


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"balances": {"USDT": "1", "USDT": "2"}}', "balances.USDT"),
        ('{"balances": {"USDT": "1"}, "balances": {}}', "balances"),
        ('{"balances": []}', "balances"),
        ('{"balances": null}', "balances"),
        ('{"positions": {}}', "positions"),
        ('{"positions": [5]}', "positions.0"),
        ('{"positions": [{}]}', "positions.0.instrument"),
        ('{"amounts": {}}', "amounts"),
        ('{"as_of": "noon"}', "as_of"),
        ('{"as_of": 5}', "as_of"),
        ('{"as_of": "2030-01-02T12:00:00"}', "as_of"),
        ('{"balances": {"US DT": "1"}}', "balances.US DT"),
        ('{"balances": {"": "1"}}', "balances."),
        ('{"balances": {"' + "A" * 33 + '": "1"}}', "balances." + "A" * 33),
        ("[]", "body"),
        ("5", "body"),
        ('"text"', "body"),
        ("null", "body"),
        ("", "body"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(
    bot: Caller, main: Portfolio, body: str, place: str
) -> None:
    response = bot("PUT", PERP, body)

    assert response.status_code == 422
    assert any(found.startswith(place) for found in response.json()["error"]["fields"])
    assert rows() == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("instrument", "BTCUSDT"),
        ("instrument", "BTC/USDT:"),
        ("instrument", "A" * 63 + "/B"),
        ("instrument", 5),
        ("side", "long"),
        ("side", "BUY"),
        ("is_inverse", "true"),
        ("is_inverse", 1),
        ("leverage", "3"),
    ],
)
def test_a_bad_position_is_named_by_its_key(
    bot: Caller, main: Portfolio, key: str, value: object
) -> None:
    response = bot("PUT", PERP, json.dumps({"positions": [LINE, LINE | {key: value}]}))

    assert response.status_code == 422
    assert f"positions.1.{key}" in response.json()["error"]["fields"]


@pytest.mark.parametrize(
    ("instrument", "is_inverse"), [("BTC/USDT:USDT", True), ("BTC/USD:BTC", False)]
)
def test_a_contract_is_inverse_exactly_if_it_settles_in_its_base(
    bot: Caller, main: Portfolio, instrument: str, *, is_inverse: bool
) -> None:
    right = LINE | {"instrument": instrument, "is_inverse": not is_inverse}
    wrong = LINE | {"instrument": instrument, "is_inverse": is_inverse}

    response = bot("PUT", PERP, json.dumps({"positions": [wrong]}))

    assert response.status_code == 422
    assert list(response.json()["error"]["fields"]) == ["positions.0.is_inverse"]
    assert bot("PUT", PERP, json.dumps({"positions": [right]})).status_code == 200


def test_the_same_side_of_an_instrument_twice_is_wrong_at_both(
    bot: Caller, main: Portfolio
) -> None:
    lines = [LINE, LINE | {"side": "SHORT"}, LINE]

    response = bot("PUT", PERP, json.dumps({"positions": lines}))

    assert response.status_code == 422
    assert list(response.json()["error"]["fields"]) == ["positions.0", "positions.2"]


def test_a_spot_account_holds_no_positions(bot: Caller, main: Portfolio) -> None:
    response = bot("PUT", CASH, json.dumps({"positions": [LINE]}))

    assert response.status_code == 422
    assert list(response.json()["error"]["fields"]) == ["positions"]


@pytest.mark.parametrize("body", ["{", "{'a': 1}", "not json", "{} {}", "\x00", "[" * 100_000])
def test_what_is_not_json_is_called_that(bot: Caller, main: Portfolio, body: str) -> None:
    response = bot("PUT", CASH, body)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "not_json"


def test_an_account_that_the_venue_feeds_takes_no_snapshot(bot: Caller, main: Portfolio) -> None:
    response = bot("PUT", "portfolios/main/accounts/paper/snapshot", "{}")

    assert response.status_code == 409
    assert response.json()["error"]["code"] == "not_manual"


def test_an_unknown_account_is_not_there(bot: Caller, main: Portfolio) -> None:
    assert bot("PUT", "portfolios/main/accounts/none/snapshot", "{}").status_code == 404


def test_an_as_of_that_is_not_later_is_stale_and_changes_nothing(
    bot: Caller, main: Portfolio
) -> None:
    at = time_text(timezone.now() - timedelta(minutes=1))
    bot("PUT", CASH, json.dumps({"balances": {"USDT": "5"}, "as_of": at}))

    response = bot("PUT", CASH, json.dumps({"balances": {"USDT": "6"}, "as_of": at}))

    assert response.status_code == 409
    assert response.json()["error"]["code"] == "stale_snapshot"
    assert rows() == [("USDT", Decimal(5))]


def test_an_as_of_ahead_of_the_server_is_wrong(bot: Caller, main: Portfolio) -> None:
    at = time_text(timezone.now() + timedelta(minutes=1))

    response = bot("PUT", CASH, json.dumps({"balances": {"USDT": "6"}, "as_of": at}))

    assert response.status_code == 422
    assert list(response.json()["error"]["fields"]) == ["as_of"]


def test_without_an_as_of_each_snapshot_is_later_than_the_one_before(
    bot: Caller, main: Portfolio
) -> None:
    ahead = timezone.now() + timedelta(seconds=1.5)
    bot("PUT", CASH, json.dumps({"as_of": time_text(ahead)}))

    assert bot("PUT", CASH, "{}").status_code == 200
    stored = VenueAccount.objects.get(slug="cash").as_of
    assert stored == ahead + timedelta(microseconds=1)


def test_a_body_that_is_too_large_is_refused_unread(bot: Caller, main: Portfolio) -> None:
    response = bot("PUT", CASH, '{"balances": {}}' + " " * 6_000_000)

    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"
