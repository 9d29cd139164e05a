"""What stands around every page: strips that must never be missing."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from oms.domain.cancel import LegStatus
from oms.models import CancelLeg
from portfolio.domain.holdings import AccountKind
from portfolio.models import Evaluation, Portfolio
from riskconsole.alerts.models import Alert, Delivery, DeliveryStatus, Level
from riskconsole.audit.models import AuditEntry
from tests.factories import make_account, push
from tests.functional.breaker.conftest import SignedIn

PAGES = ("/", "/portfolios/main/", "/audit/")


def pages(signed_in: SignedIn, username: str) -> list[str]:
    client = signed_in(username)
    return [client.get(address).content.decode() for address in PAGES]


def test_a_console_without_an_alert_route_says_so_on_every_page(
    main: Portfolio, signed_in: SignedIn
) -> None:
    assert all("Nobody is told when a breaker trips" in page for page in pages(signed_in, "bob"))

    with override_settings(ALERT_URLS=["json://localhost"]):
        shown = pages(signed_in, "bob")
    assert not any("Nobody is told when a breaker trips" in page for page in shown)


def test_pages_travel_compressed(main: Portfolio, signed_in: SignedIn) -> None:
    client = signed_in("bob")
    plain = client.get("/").content
    answer = client.get("/", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.content) < len(plain) / 2


@pytest.mark.parametrize(("seconds", "is_said"), [(2, False), (20, True)])
def test_breakers_that_do_not_run_are_said_on_every_page(
    main: Portfolio, signed_in: SignedIn, seconds: int, is_said: bool
) -> None:
    Evaluation.objects.update(finished_at=timezone.now() - timedelta(seconds=seconds))

    for page in pages(signed_in, "bob"):
        assert ("Breakers have not run for" in page) is is_said


def test_a_leg_that_needs_a_human_is_on_every_page_of_whoever_may_see_it(
    main: Portfolio, signed_in: SignedIn
) -> None:
    make_account(main, "perp", venue="paper", kind=AccountKind.MARGIN)
    push(main, {"USDT": "9450"}, now=timezone.now())
    CancelLeg.objects.filter(account__slug="perp").update(
        status=LegStatus.NEEDS_HUMAN, error="the venue is down"
    )

    for page in pages(signed_in, "bob"):
        assert "Needs a human: Main, perp" in page
        assert "the venue is down" in page
    assert "Needs a human" not in signed_in("charlie").get("/").content.decode()


def test_a_trip_that_no_route_took_within_a_minute_needs_a_human(
    main: Portfolio, signed_in: SignedIn
) -> None:
    alert = Alert.objects.create(
        portfolio="main",
        cause="trip:1",
        level=Level.TRIP,
        subject="Main is triggered",
        body="",
        raised_at=timezone.now() - timedelta(seconds=61),
    )
    first, second = (
        Delivery.objects.create(alert=alert, route=route, next_attempt_at=timezone.now())
        for route in ("1 json", "2 mailto")
    )
    said = "nobody was told of “Main is triggered”"

    assert all(said in page for page in pages(signed_in, "bob"))

    Delivery.objects.filter(pk=second.pk).update(status=DeliveryStatus.DELIVERED)
    assert not any(said in page for page in pages(signed_in, "bob"))
    assert first.status == DeliveryStatus.PENDING


def test_a_demo_says_so_and_offers_a_crash_to_its_operators(
    main: Portfolio, signed_in: SignedIn
) -> None:
    make_account(main, "perp", venue="paper", kind=AccountKind.MARGIN)
    with override_settings(IS_DEMO=True):
        assert "Start the crash" in signed_in("alice").get("/").content.decode()
        bob = signed_in("bob").get("/").content.decode()
        answer = signed_in("alice").post("/crash/", {"portfolio": "main"})
        refused = signed_in("bob").post("/crash/", {"portfolio": "main"})

    assert "DEMO" in bob
    assert "Start the crash" not in bob
    assert (answer.status_code, refused.status_code) == (302, 403)
    started = AuditEntry.objects.get(action="oms.crash.started")
    assert (started.actor, started.portfolio) == ("user:alice", "main")


def test_every_page_is_sent_with_a_strict_policy(main: Portfolio, signed_in: SignedIn) -> None:
    for address in PAGES:
        policy = signed_in("bob").get(address)["Content-Security-Policy"]
        assert "script-src 'self';" in f"{policy};"
        assert "style-src 'self';" in f"{policy};"
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
