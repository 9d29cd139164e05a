"""Holdings, equity over time, the log, and what an answer says when something fails."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from portfolio.models import EquityPoint, Resolution
from riskconsole.audit.chain import canonical
from riskconsole.audit.verify_export import Row, hash_of
from riskconsole.kernel.clock import time_text
from tests.factories import make_portfolio, mark
from tests.functional.api.conftest import Caller


def test_holdings_show_every_line_with_its_price_and_flags(bot: Caller) -> None:
    make_portfolio()
    now = timezone.now()
    mark("BTC/USDT", "60000", now=now)
    bot(
        "PUT",
        "portfolios/main/accounts/cash/snapshot",
        '{"balances": {"BTC": "0.1", "DOGE": "5", "USDT": "4000"}}',
    )

    lines = bot("GET", "portfolios/main/holdings").json()["items"]

    found = {line["asset"]: (line["quantity"], line["price"], line["value"]) for line in lines}
    assert found["BTC"] == ("0.1", "60000", "6000.00")
    assert found["USDT"][2] == "4000.00"
    assert found["DOGE"][1] is None
    assert {line["account"] for line in lines} == {"cash"}
    bitcoin = next(line for line in lines if line["asset"] == "BTC")
    assert (bitcoin["path"], bitcoin["source"]) == (["BTC/USDT"], "manual")
    assert bitcoin["age_seconds"] >= 0
    assert next(line for line in lines if line["asset"] == "DOGE")["flags"]


def test_equity_keeps_the_lowest_and_the_highest_of_each_bucket(bot: Caller) -> None:
    portfolio, now = make_portfolio(), timezone.now().replace(microsecond=0)
    EquityPoint.objects.bulk_create(
        EquityPoint(
            portfolio=portfolio,
            resolution=Resolution.SECOND,
            at=now - timedelta(seconds=100 - at),
            equity=Decimal(1000 + at),
            low=Decimal(1000 + at - (500 if at == 41 else 0)),
            high=Decimal(1000 + at),
        )
        for at in range(100)
    )

    points = bot("GET", "portfolios/main/equity?points=10").json()["items"]

    assert len(points) == 10
    assert min(Decimal(point["low"]) for point in points) == Decimal(541)
    assert points[-1]["equity"] == "1099.00"


def test_equity_of_a_window_holds_only_that_window(bot: Caller) -> None:
    portfolio, now = make_portfolio(), timezone.now().replace(microsecond=0)
    for ago in (30, 20, 10):
        EquityPoint.objects.create(
            portfolio=portfolio,
            resolution=Resolution.SECOND,
            at=now - timedelta(seconds=ago),
            equity=ago,
            low=ago,
            high=ago,
        )
    start, end = time_text(now - timedelta(seconds=25)), time_text(now - timedelta(seconds=15))

    points = bot("GET", f"portfolios/main/equity?from={start}&to={end}").json()["items"]

    assert [point["equity"] for point in points] == ["20.00"]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("points=2001", "points"),
        ("points=0", "points"),
        ("from=yesterday", "from"),
        ("to=2030-01-01", "to"),
        ("from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z", "from"),
        ("to=0001-01-01T00:00:00Z", "to"),
    ],
)
def test_a_wrong_window_is_named(bot: Caller, query: str, place: str) -> None:
    make_portfolio()

    response = bot("GET", f"portfolios/main/equity?{query}")

    assert response.status_code == 422
    assert list(response.json()["error"]["fields"]) == [place]


def test_the_log_is_read_by_sequence_and_every_hash_can_be_checked(bot: Caller) -> None:
    make_portfolio()
    bot("POST", "portfolios/main/trip", '{"reason": "fire"}')

    items: list[dict[str, Any]] = []
    after: str | None = "0"
    while after is not None:
        page = bot("GET", f"audit?after={after}&limit=1").json()
        items += page["items"]
        after = page["next"]

    assert len(items) > 1
    for item in items:
        row = Row(**item | {"payload": canonical(item["payload"])})
        assert row.hash == hash_of(row)


@pytest.mark.parametrize("after", ["-1", "x", "9" * 30])
def test_a_sequence_that_is_none_is_named(bot: Caller, after: str) -> None:
    response = bot("GET", f"audit?after={after}")

    assert response.status_code == 422
    assert list(response.json()["error"]["fields"]) == ["after"]


def test_a_database_that_does_not_answer_is_said_and_never_means_yes(
    bot: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_portfolio()

    def unreachable(**_: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("breaker.api.gate_of", unreachable)

    response = bot("GET", "portfolios/main/gate")

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "unavailable"
    assert "server closed" not in response.content.decode()


def test_an_unforeseen_failure_keeps_its_details_to_the_log(
    bot: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_portfolio()

    def broken(**_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("breaker.api.gate_of", broken)

    response = bot("GET", "portfolios/main/gate")

    assert response.status_code == 500
    assert response.json()["error"]["code"] == "failed"
    assert "secret detail" not in response.content.decode()
    assert "secret detail" in caplog.text
