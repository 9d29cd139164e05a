"""Halting, pausing and ending a pause in the browser."""

import pytest
from django.utils import timezone

from breaker.domain.machine import BreakerState, Cause
from breaker.models import Breaker, Trip, TripEvent
from portfolio.models import Membership, Portfolio, Role
from tests.factories import make_user, push
from tests.functional.breaker.conftest import SignedIn


def breaker() -> Breaker:
    return Breaker.objects.get(portfolio__slug="main")


@pytest.mark.parametrize("typed", ["main", " MAIN "])
def test_an_operator_halts_by_typing_the_slug(
    main: Portfolio, signed_in: SignedIn, typed: str
) -> None:
    response = signed_in("alice").post(
        "/portfolios/main/halt/", {"confirm": typed, "reason": "slippage"}
    )

    assert response["Location"] == "/portfolios/main/"
    trip = Trip.objects.get()
    assert (trip.cause, trip.reason, trip.actor) == (Cause.HALT, "slippage", "user:alice")
    assert breaker().state == BreakerState.TRIGGERED


def test_an_approver_halts_too(main: Portfolio, signed_in: SignedIn) -> None:
    make_user("anna", portfolio=main, role=Role.APPROVER)

    signed_in("anna").post("/portfolios/main/halt/", {"confirm": "main"})

    assert Trip.objects.get().actor == "user:anna"


def test_a_wrong_slug_halts_nothing_and_says_what_to_type(
    main: Portfolio, signed_in: SignedIn
) -> None:
    response = signed_in("alice").post("/portfolios/main/halt/", {"confirm": "other"})

    assert "Type main to confirm" in response.content.decode()
    assert not Trip.objects.exists()


def test_the_halt_dialog_is_a_part_and_the_page_without_scripts_is_whole(
    main: Portfolio, signed_in: SignedIn
) -> None:
    client = signed_in("alice")
    dialog = client.get(
        "/portfolios/main/halt/", headers={"HX-Request": "true", "HX-Target": "dialog"}
    )
    page = client.get("/portfolios/main/halt/")

    assert "<html" not in dialog.content.decode()
    assert "<html" in page.content.decode()
    for response in (dialog, page):
        assert 'action="/portfolios/main/halt/"' in response.content.decode()
        assert "Cannot cancel on cash" in response.content.decode()


def test_a_viewer_neither_halts_nor_pauses(main: Portfolio, signed_in: SignedIn) -> None:
    client = signed_in("bob")

    for address in ("halt/", "pause/", "resume/"):
        assert client.post(f"/portfolios/main/{address}", {"confirm": "main"}).status_code == 403
    assert not Trip.objects.exists()
    assert not breaker().is_paused
    assert "Halt…" not in client.get("/").content.decode()


def test_an_operator_of_another_portfolio_cannot_halt_this_one(
    main: Portfolio, signed_in: SignedIn
) -> None:
    other = Portfolio.objects.get(slug="other")
    make_user("olga", portfolio=other, role=Role.OPERATOR)

    assert signed_in("olga").post("/portfolios/main/halt/", {"confirm": "main"}).status_code == 404
    assert not Trip.objects.exists()


def test_an_operator_who_was_demoted_can_no_longer_halt(
    main: Portfolio, signed_in: SignedIn
) -> None:
    client = signed_in("alice")
    Membership.objects.filter(user__username="alice").update(role=Role.VIEWER)

    assert client.post("/portfolios/main/halt/", {"confirm": "main"}).status_code == 403


def test_a_second_halt_is_appended_to_the_trip(main: Portfolio, signed_in: SignedIn) -> None:
    client = signed_in("alice")
    for reason in ("first", "second"):
        client.post("/portfolios/main/halt/", {"confirm": "main", "reason": reason})

    assert Trip.objects.get().reason == "first"
    assert TripEvent.objects.get().reason == "second"


def test_state_version_and_actor_cannot_be_sent_along(main: Portfolio, signed_in: SignedIn) -> None:
    before = breaker().version
    signed_in("alice").post(
        "/portfolios/main/halt/",
        {"confirm": "main", "state": "ACTIVE", "version": "99", "actor": "user:bob"},
    )

    assert breaker().state == BreakerState.TRIGGERED
    assert breaker().version == before + 1
    assert Trip.objects.get().actor == "user:alice"


def test_actions_need_a_post_with_its_token(main: Portfolio, signed_in: SignedIn) -> None:
    client = signed_in("alice", enforce_csrf_checks=True)

    for address in ("pause/", "resume/"):
        assert client.get(f"/portfolios/main/{address}").status_code == 405
    for address in ("halt/", "pause/", "resume/"):
        assert client.post(f"/portfolios/main/{address}", {"confirm": "main"}).status_code == 403
    assert not Trip.objects.exists()


def test_a_pause_is_begun_and_ended_in_the_browser(main: Portfolio, signed_in: SignedIn) -> None:
    client = signed_in("alice")

    client.post("/portfolios/main/pause/")
    assert breaker().is_paused
    assert "End the pause" in client.get("/portfolios/main/").content.decode()

    client.post("/portfolios/main/resume/")
    assert not breaker().is_paused


def test_a_pause_stays_while_the_loss_is_at_the_trip_limit(
    main: Portfolio, signed_in: SignedIn
) -> None:
    client = signed_in("alice")
    client.post("/portfolios/main/pause/")
    push(main, {"USDT": "9450"}, now=timezone.now())

    page = client.post("/portfolios/main/resume/", follow=True).content.decode()

    assert breaker().is_paused
    assert "The pause stays" in page


def test_there_is_no_crash_button_and_no_crash_outside_a_demo(
    main: Portfolio, signed_in: SignedIn
) -> None:
    client = signed_in("alice")

    assert "Start the crash" not in client.get("/").content.decode()
    assert client.post("/crash/", {"portfolio": "main"}).status_code == 404
