"""What each person sees of the overview and of a portfolio."""

import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from breaker.models import Trip
from portfolio.models import EquityPoint, Evaluation, Portfolio, Resolution
from riskconsole.audit.models import AuditEntry
from tests.factories import make_portfolio, make_user, push
from tests.functional.breaker.conftest import SignedIn

MINUS, NARROW = "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}"


def text_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_nobody_sees_a_page_without_signing_in(client: Client, main: Portfolio) -> None:
    for address in ("/", "/portfolios/main/", "/portfolios/main/equity/", "/audit/"):
        response = client.get(address)
        assert (response.status_code, response["Location"]) == (302, f"/sign-in/?next={address}")


def test_the_overview_shows_equity_loss_and_room_of_a_portfolio(
    main: Portfolio, signed_in: SignedIn
) -> None:
    page = text_of(signed_in("bob"), "/")

    assert "9,800.00" in page
    assert f"{MINUS}2.00{NARROW}%" in page
    assert "3.00&#8239;pp to trip" in page
    assert "300 left" in page
    assert "Open" in page


def test_a_stranger_is_shown_no_portfolio_and_no_event(
    main: Portfolio, signed_in: SignedIn
) -> None:
    page = text_of(signed_in("charlie"), "/")

    assert "No portfolios yet" in page
    assert "/portfolios/" not in page


def test_what_one_may_not_see_is_not_found_and_the_attempt_is_in_the_log(
    main: Portfolio, signed_in: SignedIn
) -> None:
    client = signed_in("charlie")

    for address in ("", "equity/", "equity/table/", "halt/"):
        assert client.get(f"/portfolios/main/{address}").status_code == 404
    for address in ("halt/", "pause/", "resume/"):
        assert client.post(f"/portfolios/main/{address}", {"confirm": "main"}).status_code == 404

    noted = AuditEntry.objects.filter(action="people.access.refused", actor="user:charlie")
    assert noted.count() == 7
    assert not Trip.objects.exists()


def test_an_unknown_slug_looks_the_same_as_a_foreign_one(
    main: Portfolio, signed_in: SignedIn
) -> None:
    client = signed_in("charlie")
    foreign, unknown = client.get("/portfolios/main/"), client.get("/portfolios/nothing/")

    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content


@pytest.mark.parametrize("reader", ["audrey", "adam"])
def test_auditors_and_admins_see_every_portfolio_but_halt_none(
    main: Portfolio, signed_in: SignedIn, reader: str
) -> None:
    client = signed_in(reader)
    page = text_of(client, "/")

    assert "/portfolios/main/" in page
    assert "/portfolios/other/" in page
    assert "Halt…" not in page
    assert client.post("/portfolios/main/halt/", {"confirm": "main"}).status_code == 403
    assert not Trip.objects.exists()


def test_the_portfolio_page_names_account_price_path_and_limits(
    main: Portfolio, signed_in: SignedIn
) -> None:
    page = text_of(signed_in("bob"), "/portfolios/main/")

    assert "cash" in page
    assert "9,800.00" in page
    assert "9,700.00" in page
    assert "9,500.00" in page
    assert f"5.00{NARROW}%" in page


def test_a_portfolio_without_a_price_waits_in_words_and_never_shows_a_zero(
    main: Portfolio, signed_in: SignedIn
) -> None:
    page = text_of(signed_in("audrey"), "/portfolios/other/")

    assert "Waiting for the first price" in page
    assert "Active, arming" in page
    assert ">0.00<" not in page.split("Numbers", 1)[1].split("</section>", 1)[0]


def test_a_portfolio_without_capital_is_called_not_protected(signed_in: SignedIn, db: None) -> None:
    make_portfolio("bare", capital=None)
    make_user("audrey", site="AUDITOR")

    assert "not protected" in text_of(signed_in("audrey"), "/portfolios/bare/")


def test_a_blind_portfolio_is_never_green_and_says_for_how_long(
    main: Portfolio, signed_in: SignedIn
) -> None:
    now = timezone.now()
    Evaluation.objects.filter(portfolio=main).update(
        blind_from=now - timedelta(seconds=40),
        blind_since=now - timedelta(seconds=40),
        stale=["cash BTC"],
    )

    page = text_of(signed_in("bob"), "/")

    assert "state ACTIVE not-ok" in page
    assert "Active, blind" in page
    assert re.search(rf"blind <span [^>]*>4\d{NARROW}s<", page)
    assert "Paused" in page
    assert "cash BTC" in page
    assert "0 of 1 on guard" in page


def test_a_portfolio_that_nobody_looks_at_is_not_called_on_guard(
    main: Portfolio, signed_in: SignedIn
) -> None:
    Evaluation.objects.update(finished_at=timezone.now() - timedelta(seconds=6))

    page = text_of(signed_in("bob"), "/")

    assert "Active, unchecked" in page
    assert "0 of 1 on guard" in page


def test_a_stale_line_is_said_with_how_long_it_is_stale(
    main: Portfolio, signed_in: SignedIn
) -> None:
    Evaluation.objects.filter(portfolio=main).update(
        fresh_until=timezone.now() - timedelta(seconds=40), stale=["cash BTC", "cash ETH"]
    )

    page = text_of(signed_in("bob"), "/")

    assert re.search(rf"stale for <span [^>]*>4\d{NARROW}s<", page)
    assert "cash BTC and 1 more" in page


def test_a_trip_shows_the_strip_the_legs_and_what_the_breaker_did(
    main: Portfolio, signed_in: SignedIn
) -> None:
    push(main, {"USDT": "9450"}, now=timezone.now())

    page = text_of(signed_in("bob"), "/portfolios/main/")

    assert "Main is triggered" in page
    assert "Triggered" in page
    assert f"{MINUS}5.50{NARROW}%" in page
    assert "over by" not in page
    assert "Past the trip line" in page
    assert "NOT_CONNECTED" in page
    assert "cancel there by hand" in page
    assert "no alert route is set" in page


def test_the_chart_is_answered_in_rising_seconds_with_both_lines(
    main: Portfolio, signed_in: SignedIn
) -> None:
    push(main, {"USDT": "9450"}, now=timezone.now())

    answer = signed_in("bob").get("/portfolios/main/equity/?range=15m").json()

    seconds = [point[0] for point in answer["points"]]
    assert seconds == sorted(set(seconds))
    assert 1 <= len(seconds) <= 2000
    assert answer["points"][-1][1:] == ["-5.5000", "9450.00"]
    assert answer["lines"] == {"warning": ["-3.0000", "9,700.00"], "trip": ["-5.0000", "9,500.00"]}
    assert [mark["text"].split(" 1")[0][:4] for mark in answer["marks"]] == ["Loss"]


def test_the_chart_keeps_the_lowest_and_highest_value_of_each_bucket_in_rising_seconds(
    main: Portfolio, signed_in: SignedIn
) -> None:
    EquityPoint.objects.all().delete()
    end = timezone.now().replace(second=0, microsecond=0)
    EquityPoint.objects.bulk_create(
        EquityPoint(
            portfolio=main,
            resolution=Resolution.MINUTE,
            at=end - timedelta(minutes=minute),
            equity=Decimal(9800),
            low=Decimal(9600),
            high=Decimal(9900),
        )
        for minute in range(1, 300)
    )
    EquityPoint.objects.create(
        portfolio=main,
        resolution=Resolution.FIVE_MINUTES,
        at=end - timedelta(hours=5),
        equity=Decimal(9800),
        low=Decimal(9600),
        high=Decimal(9900),
    )

    points = signed_in("bob").get("/portfolios/main/equity/?range=6h").json()["points"]

    seconds = [point[0] for point in points]
    assert seconds == sorted(set(seconds))
    assert [point[2] for point in points[-3:]] == ["9600.00", "9900.00", "9800.00"]


def test_the_chart_has_a_table_with_the_same_numbers(main: Portfolio, signed_in: SignedIn) -> None:
    assert "9,800.00" in text_of(signed_in("bob"), "/portfolios/main/equity/table/?range=15m")


def test_the_live_refetch_of_a_page_is_its_content_alone(
    main: Portfolio, signed_in: SignedIn
) -> None:
    part = signed_in("bob").get("/", headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in part
    assert "9,800.00" in part
    assert 'data-key="shell"' in part


def test_the_overview_asks_the_database_as_often_for_many_portfolios_as_for_few(
    main: Portfolio, signed_in: SignedIn
) -> None:
    client = signed_in("audrey")
    client.get("/")
    with CaptureQueriesContext(connection) as few:
        client.get("/")
    for number in range(5):
        push(make_portfolio(f"more-{number}"), {"USDT": "9900"}, now=timezone.now())
    with CaptureQueriesContext(connection) as many:
        client.get("/")

    assert len(many) == len(few)


def test_a_page_is_never_kept_by_the_browser(main: Portfolio, signed_in: SignedIn) -> None:
    for address in ("/", "/portfolios/main/", "/portfolios/main/equity/", "/audit/"):
        assert "no-store" in signed_in("audrey").get(address)["Cache-Control"]


def test_names_and_reasons_are_shown_as_text_never_as_markup(
    main: Portfolio, signed_in: SignedIn
) -> None:
    evil = "<script>alert(1)</script>"
    Portfolio.objects.filter(pk=main.pk).update(name=evil)
    signed_in("alice").post("/portfolios/main/halt/", {"confirm": "main", "reason": evil})

    for address in ("/", "/portfolios/main/", "/audit/"):
        page = text_of(signed_in("audrey"), address)
        assert evil not in page
        assert json.dumps(evil) not in page
    assert Decimal(9800) == Trip.objects.get().equity
