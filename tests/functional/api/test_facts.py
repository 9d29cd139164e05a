"""What the API answers about portfolios, the gate, halts and trips."""

import json

import pytest
from django.utils import timezone

from breaker.domain.approval import Reference
from breaker.models import TripEvent
from breaker.services.approving import refuse
from portfolio.domain.holdings import AccountKind
from riskconsole.kernel.clock import time_text
from tests.factories import make_account, make_portfolio, mark, push
from tests.functional.api.conftest import Caller
from tests.integration.breaker.approvals import make_desk

PORTFOLIO_KEYS = {
    "slug",
    "name",
    "reference_currency",
    "initial_capital",
    "reference_equity",
    "equity",
    "pnl",
    "loss_ratio",
    "realized_pnl",
    "unrealized_pnl",
    "state",
    "health",
    "mode",
    "may_trade",
    "may_reduce",
    "reasons",
    "as_of",
    "armed_at",
    "version",
}


def test_a_portfolio_that_is_not_armed_has_no_equity(bot: Caller) -> None:
    make_portfolio()

    facts = bot("GET", "portfolios/main").json()

    assert set(facts) == PORTFOLIO_KEYS
    assert (facts["equity"], facts["pnl"], facts["loss_ratio"]) == (None, None, None)
    assert (facts["state"], facts["health"], facts["mode"]) == ("ACTIVE", "ARMING", "PAUSED")
    assert "ARMING" in facts["reasons"]
    assert facts["initial_capital"] == "10000.00"


def test_a_portfolio_without_capital_is_not_protected(bot: Caller) -> None:
    make_portfolio(capital=None)

    facts = bot("GET", "portfolios/main").json()

    assert facts["mode"] == "HALTED"
    assert "NOT_PROTECTED" in facts["reasons"]


def test_pnl_is_split_into_realized_and_unrealized(bot: Caller) -> None:
    portfolio = make_portfolio()
    make_account(portfolio, "perp", kind=AccountKind.MARGIN)
    now = timezone.now()
    mark("BTC/USDT:USDT", "60500", now=now)
    body = {
        "balances": {"USDT": "200"},
        "positions": [
            {
                "instrument": "BTC/USDT:USDT",
                "side": "LONG",
                "quantity": "0.2",
                "entry_price": "61000",
            }
        ],
    }
    bot("PUT", "portfolios/main/accounts/perp/snapshot", json.dumps(body))

    facts = bot(
        "PUT", "portfolios/main/accounts/cash/snapshot", '{"balances": {"USDT": "9700"}}'
    ).json()

    assert facts["equity"] == "9800.00"
    assert facts["unrealized_pnl"] == "-100.00"
    assert facts["realized_pnl"] == "-100.00"


def test_portfolios_are_paged_by_slug(bot: Caller) -> None:
    for slug in ("c", "a", "b"):
        make_portfolio(slug)

    first = bot("GET", "portfolios?limit=2").json()
    second = bot("GET", f"portfolios?limit=2&after={first['next']}").json()

    assert [item["slug"] for item in first["items"]] == ["a", "b"]
    assert [item["slug"] for item in second["items"]] == ["c"]
    assert second["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "limit="])
def test_a_wrong_page_size_is_named(bot: Caller, query: str) -> None:
    response = bot("GET", f"portfolios?{query}")

    assert response.status_code == 422
    assert list(response.json()["error"]["fields"]) == ["limit"]


def test_the_gate_answers_with_its_lease(bot: Caller) -> None:
    push(make_portfolio(), {"USDT": "10000"}, now=timezone.now())

    answer = bot("GET", "portfolios/main/gate").json()

    assert answer == {
        "mode": "FULL",
        "may_trade": True,
        "may_reduce": True,
        "state": "ACTIVE",
        "health": "OK",
        "reasons": [],
        "version": answer["version"],
        "lease_seconds": 10,
    }


def test_a_pause_lets_bots_only_reduce(bot: Caller) -> None:
    push(make_portfolio(), {"USDT": "10000"}, now=timezone.now())

    answer = bot("POST", "portfolios/main/pause").json()

    assert (answer["mode"], answer["may_trade"], answer["may_reduce"]) == ("REDUCE", False, True)
    assert answer == bot("GET", "portfolios/main/gate").json()


@pytest.mark.parametrize("body", ["", "{}", '{"reason": "dinner"}', "null"])
def test_a_halt_needs_no_reason(bot: Caller, body: str) -> None:
    make_portfolio()

    trip = bot("POST", "portfolios/main/trip", body).json()

    assert trip["cause"] == "HALT"
    assert trip["portfolio"] == "main"
    assert bot("GET", "portfolios/main/gate").json()["mode"] == "HALTED"


def test_halting_again_answers_with_the_same_trip_and_is_recorded(bot: Caller) -> None:
    make_portfolio()
    first = bot("POST", "portfolios/main/trip", '{"reason": "one"}').json()

    second = bot("POST", "portfolios/main/trip", '{"reason": "two"}').json()

    assert second["id"] == first["id"]
    assert second["reason"] == "one"
    assert TripEvent.objects.get(kind="HALT").reason == "two"


def test_a_portfolio_that_is_not_protected_trips_too(bot: Caller) -> None:
    make_portfolio(capital=None)

    assert bot("POST", "portfolios/main/trip").status_code == 200


@pytest.mark.parametrize(
    ("written", "kept"),
    [("a\\u0000b\\nc", "a b c"), ("x" * 5000, "x" * 500), ("\\ud800", ""), ("\\u202eabc", "abc")],
)
def test_a_halt_is_never_refused_for_how_its_reason_is_written(
    bot: Caller, written: str, kept: str
) -> None:
    make_portfolio()

    response = bot("POST", "portfolios/main/trip", f'{{"reason": "{written}"}}')

    assert response.status_code == 200
    assert response.json()["reason"] == kept


@pytest.mark.parametrize("body", ['{"reason": 5}', '{"why": "x"}', "[]"])
def test_a_halt_with_a_body_of_another_shape_is_refused(bot: Caller, body: str) -> None:
    make_portfolio()

    assert bot("POST", "portfolios/main/trip", body).status_code == 422


def test_a_trip_tells_its_legs_and_its_alerts(bot: Caller) -> None:
    make_portfolio(accounts=["cash", "bank"])

    created = bot("POST", "portfolios/main/trip", '{"reason": "fire"}').json()
    trip = bot("GET", f"trips/{created['id']}").json()

    assert trip["legs"] == [
        {"account": "bank", "status": "NOT_CONNECTED", "cancelled": 0, "orders": []},
        {"account": "cash", "status": "NOT_CONNECTED", "cancelled": 0, "orders": []},
    ]
    assert [alert["level"] for alert in trip["alerts"]] == ["TRIP"]
    assert trip["requests"] == []
    assert trip["evidence"] is not None


def test_a_trip_tells_the_resets_that_were_asked_for_and_who_decided(bot: Caller) -> None:
    desk = make_desk()
    desk.halt()
    first = desk.ask(Reference.KEEP)
    refuse(request_id=first.pk, voter=desk.approver, note="no", address="", now=desk.now)
    second = desk.ask(Reference.KEEP)

    facts = bot("GET", f"trips/{desk.trip.pk}").json()

    at = time_text(desk.now)
    assert facts["requests"] == [
        {
            "id": first.pk,
            "kind": "RESET",
            "status": "REFUSED",
            "requester": "operator",
            "created_at": at,
            "closed_at": at,
            "votes": [{"approver": "approver", "verdict": "REFUSED", "at": at}],
        },
        {
            "id": second.pk,
            "kind": "RESET",
            "status": "OPEN",
            "requester": "operator",
            "created_at": at,
            "closed_at": None,
            "votes": [],
        },
    ]


def test_trips_are_paged_from_the_newest(bot: Caller) -> None:
    ids = []
    for slug in ("a", "b", "c"):
        make_portfolio(slug)
        ids.append(bot("POST", f"portfolios/{slug}/trip").json()["id"])

    first = bot("GET", "trips?limit=2").json()
    second = bot("GET", f"trips?limit=2&after={first['next']}").json()

    assert [trip["id"] for trip in first["items"]] == [ids[2], ids[1]]
    assert [trip["id"] for trip in second["items"]] == [ids[0]]
    assert second["next"] is None


@pytest.mark.parametrize("trip_id", ["0", "9" * 30])
def test_a_trip_that_never_was_is_not_there(bot: Caller, trip_id: str) -> None:
    assert bot("GET", f"trips/{trip_id}").status_code == 404
