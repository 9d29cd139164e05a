"""Pushed marks: one that is none refuses all; the rest are judged in order."""

import json
from typing import Any

import pytest

from portfolio import marks
from portfolio.domain.holdings import VenueKind
from portfolio.domain.mark_text import MarkKey
from portfolio.models import MarkSource, Venue
from tests.factories import make_portfolio
from tests.functional.api.conftest import Caller
from tests.functional.api.test_snapshots import BAD_NUMBERS

CASH = "portfolios/main/accounts/cash/snapshot"


def push(bot: Caller, *batch: dict[str, object]) -> Any:  # noqa: ANN401
    full = [{"venue": "manual", "instrument": "BTC/USDT", "price": "60000"} | one for one in batch]
    return bot("POST", "marks", json.dumps(full))


def outcomes(response: Any) -> list[tuple[str, str | None]]:  # noqa: ANN401
    return [(result["status"], result["reason"]) for result in response.json()["results"]]


@pytest.fixture(autouse=True)
def bitcoin(bot: Caller) -> None:
    """A portfolio that holds bitcoin, so that its marks are needed."""
    make_portfolio()
    bot("PUT", CASH, '{"balances": {"BTC": "0.1", "USDT": "4000"}}')


def test_the_first_mark_waits_for_a_second_that_agrees(bot: Caller) -> None:
    response = push(bot, {}, {"price": "60100"}, {"price": "60100"})

    assert outcomes(response) == [("held", "first"), ("accepted", None), ("accepted", None)]


def test_results_come_in_the_order_of_the_batch(bot: Caller) -> None:
    Venue.objects.create(
        slug="desk", kind=VenueKind.EXCHANGE, exchange="kraken", source=MarkSource.PUSH
    )
    batch: list[dict[str, object]] = [
        {"venue": "desk", "instrument": "ETH/USDT"},
        {"instrument": "BTC/USDT"},
        {"venue": "desk", "instrument": "BTC/USDT"},
        {"instrument": "ETH/USDT"},
    ]

    results = push(bot, *batch).json()["results"]

    assert [(result["venue"], result["instrument"]) for result in results] == [
        ("desk", "ETH/USDT"),
        ("manual", "BTC/USDT"),
        ("desk", "BTC/USDT"),
        ("manual", "ETH/USDT"),
    ]


def test_a_mark_that_nobody_holds_is_ignored_and_kept_all_the_same(bot: Caller) -> None:
    push(bot, {"instrument": "DOGE/USDT", "price": "0.1"})

    response = push(bot, {"instrument": "DOGE/USDT", "price": "0.1"})

    assert outcomes(response) == [("ignored", "not_needed")]
    key = MarkKey(venue="manual", instrument="DOGE/USDT")
    assert marks.states([key])[key].accepted is not None


def test_what_becomes_needed_is_accepted_from_then_on(bot: Caller) -> None:
    push(bot, {"instrument": "DOGE/USDT", "price": "0.1"})
    bot("PUT", CASH, '{"balances": {"DOGE": "5"}}')

    response = push(bot, {"instrument": "DOGE/USDT", "price": "0.1"})

    assert outcomes(response) == [("accepted", None)]


def test_an_old_a_repeated_a_future_and_a_wild_mark_are_told_apart(bot: Caller) -> None:
    push(bot, {}, {})
    at = "2026-01-01T00:00:10Z"

    response = push(
        bot,
        {"source_at": at},
        {"source_at": at},
        {"source_at": "2026-01-01T00:00:09Z"},
        {"source_at": "2999-01-01T00:00:00Z"},
        {"source_at": "2026-01-01T00:00:11Z", "price": "90000"},
    )

    assert outcomes(response) == [
        ("accepted", None),
        ("ignored", "duplicate"),
        ("refused", "older"),
        ("refused", "future"),
        ("held", "outlier"),
    ]


@pytest.mark.parametrize("number", [*BAD_NUMBERS, "0", "-1"])
def test_one_bad_price_refuses_the_whole_batch(bot: Caller, number: str) -> None:
    good = '{"venue": "manual", "instrument": "BTC/USDT", "price": "60000"}'
    bad = f'{{"venue": "manual", "instrument": "BTC/USDT", "price": {number}}}'

    response = bot("POST", "marks", f"[{good}, {good}, {bad}]")

    assert response.status_code == 422
    assert list(response.json()["error"]["fields"]) == ["2.price"]
    assert marks.states() == {}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"instrument": "BTCUSDT"}, "1.instrument"),
        ({"instrument": ""}, "1.instrument"),
        ({"instrument": "A" * 64 + "/B"}, "1.instrument"),
        ({"instrument": None}, "1.instrument"),
        ({"venue": "nowhere"}, "1.venue"),
        ({"venue": 5}, "1.venue"),
        ({"source_at": "today"}, "1.source_at"),
        ({"bid": "1"}, "1.bid"),
    ],
)
def test_a_mark_that_is_none_is_named_by_its_place(
    bot: Caller, change: dict[str, object], place: str
) -> None:
    response = push(bot, {}, change)

    assert response.status_code == 422
    assert list(response.json()["error"]["fields"]) == [place]
    assert marks.states() == {}


@pytest.mark.parametrize("body", ["{}", "5", "null", ""])
def test_a_batch_is_a_list(bot: Caller, body: str) -> None:
    response = bot("POST", "marks", body)

    assert response.status_code == 422
    assert list(response.json()["error"]["fields"]) == ["body"]


def test_an_empty_batch_is_a_batch(bot: Caller) -> None:
    assert bot("POST", "marks", "[]").json() == {"results": []}


def test_a_batch_has_at_most_five_thousand_marks(bot: Caller) -> None:
    response = push(bot, *([{}] * 5001))

    assert response.status_code == 422


def test_a_venue_that_is_read_by_the_console_takes_no_marks(bot: Caller) -> None:
    Venue.objects.create(
        slug="kraken", kind=VenueKind.EXCHANGE, exchange="kraken", source=MarkSource.VENUE
    )

    response = push(bot, {}, {"venue": "kraken"})

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "not_fed_by_push"
    assert marks.states() == {}


def test_a_price_is_exact_to_the_last_digit(bot: Caller) -> None:
    price = "60000.123456789012345678"
    body = f'[{{"venue": "manual", "instrument": "BTC/USDT", "price": {price}}}]'

    bot("POST", "marks", body)
    bot("POST", "marks", body)

    lines = bot("GET", "portfolios/main/holdings").json()["items"]
    assert [line["price"] for line in lines if line["asset"] == "BTC"] == [price]
