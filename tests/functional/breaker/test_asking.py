"""Asking for what takes a second person: every form, who may fill it in, what it refuses."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from breaker.domain.approval import RequestKind
from breaker.models import Breaker, ChangeRequest
from portfolio.models import Portfolio
from riskconsole.audit.models import AuditEntry
from tests.factories import make_account, make_exchange_account, make_key
from tests.functional.breaker.conftest import SignedIn
from tests.functional.breaker.decisions import REASON, ask_now, halt_now, make_decider, state_of

MAIN = "/portfolios/main/"
ASKING = ("reset", "disable", "restore", "flow", "removal", "key")


def payload_of(kind: RequestKind) -> dict[str, object]:
    found: dict[str, object] = json.loads(ChangeRequest.objects.get(kind=kind).payload)
    return found


def test_a_reset_is_asked_for_with_both_choices_explained(
    main: Portfolio, signed_in: SignedIn
) -> None:
    halt_now(main)
    client = signed_in("alice")
    page = client.get(f"{MAIN}ask/reset/").content.decode()
    assert "Keep the reference" in page
    assert "Move the reference to the equity at the approval" in page
    assert "9,310.00" in page

    answer = client.post(f"{MAIN}ask/reset/", {"reference": "REBASE", "reason": REASON})

    request = ChangeRequest.objects.get()
    assert answer["Location"] == f"/approvals/{request.pk}/"
    assert request.requester.username == "alice"
    assert payload_of(RequestKind.RESET)["reference"] == "REBASE"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reference": "KEEP", "reason": "too short"}, "at least 20 characters, this has 9"),
        ({"reason": REASON}, "Choose what becomes of the reference"),
        ({"reference": "OTHER", "reason": REASON}, "Select a valid choice"),
    ],
)
def test_a_form_says_what_is_wrong_and_keeps_what_was_typed(
    main: Portfolio, signed_in: SignedIn, fields: dict[str, str], said: str
) -> None:
    halt_now(main)

    page = signed_in("alice").post(f"{MAIN}ask/reset/", fields).content.decode()

    assert said in page
    assert fields["reason"] in page
    assert not ChangeRequest.objects.exists()


def test_a_second_reset_of_one_trip_is_refused(main: Portfolio, signed_in: SignedIn) -> None:
    halt_now(main)
    ask_now(main)

    page = signed_in("alice").post(f"{MAIN}ask/reset/", {"reference": "KEEP", "reason": REASON})

    assert "asked for already" in page.content.decode()
    assert ChangeRequest.objects.count() == 1


def test_a_portfolio_that_is_not_triggered_has_no_reset_to_ask_for(
    main: Portfolio, signed_in: SignedIn
) -> None:
    assert signed_in("alice").get(f"{MAIN}ask/reset/")["Location"] == MAIN


def test_disabling_is_asked_for_until_the_next_time_of_that_name(
    main: Portfolio, signed_in: SignedIn
) -> None:
    end = timezone.now() + timedelta(hours=2)

    signed_in("alice").post(
        f"{MAIN}ask/disable/", {"until": end.strftime("%H:%M"), "reason": REASON}
    )

    until = payload_of(RequestKind.DISABLE)["until"]
    assert until == end.replace(second=0, microsecond=0).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("until", [timedelta(hours=9), timedelta(minutes=-2)])
def test_an_end_more_than_eight_hours_ahead_is_refused_beside_its_field(
    main: Portfolio, signed_in: SignedIn, until: timedelta
) -> None:
    end = (timezone.now() + until).strftime("%H:%M")

    page = signed_in("alice").post(f"{MAIN}ask/disable/", {"until": end, "reason": REASON})

    assert "The end must be within the next 8 hours" in page.content.decode()
    assert end in page.content.decode()
    assert not ChangeRequest.objects.exists()


def test_a_restore_is_confirmed_only_where_one_was_noticed(
    main: Portfolio, signed_in: SignedIn
) -> None:
    client = signed_in("alice")
    page = client.post(f"{MAIN}ask/restore/", {"reason": REASON}).content.decode()
    assert "No restore of Main was noticed" in page

    Breaker.objects.filter(portfolio=main).update(is_restored=True)
    assert "Ask to go on" in client.get(MAIN).content.decode()
    client.post(f"{MAIN}ask/restore/", {"reason": REASON})

    assert ChangeRequest.objects.get().kind == RequestKind.RESTORE


def test_a_flow_is_an_exact_amount(main: Portfolio, signed_in: SignedIn) -> None:
    signed_in("alice").post(f"{MAIN}ask/flow/", {"amount": "-250.10", "reason": REASON})

    assert payload_of(RequestKind.FLOW)["amount"] == "-250.10"


@pytest.mark.parametrize(
    ("amount", "said"),
    [("0", "must not be zero"), ("1,000", "not a plain"), ("NaN", "not a plain")],
)
def test_a_flow_of_no_amount_is_refused(
    main: Portfolio, signed_in: SignedIn, amount: str, said: str
) -> None:
    page = signed_in("alice").post(f"{MAIN}ask/flow/", {"amount": amount, "reason": REASON})

    assert said in page.content.decode()
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize("who", ["alice", "adam"])
def test_removing_an_account_is_asked_for_by_operator_or_admin(
    main: Portfolio, signed_in: SignedIn, who: str
) -> None:
    client = signed_in(who)
    page = client.post(f"{MAIN}ask/removal/", {"account": "elsewhere", "reason": REASON})
    assert "Select a valid choice" in page.content.decode()

    client.post(f"{MAIN}ask/removal/", {"account": "cash", "reason": REASON})

    assert payload_of(RequestKind.REMOVAL) == {"account": "cash"}
    assert ChangeRequest.objects.get().requester.username == who


@pytest.mark.parametrize("who", ["alice", "adam"])
def test_a_key_is_let_go_of_at_the_wish_of_operator_or_admin(
    main: Portfolio, signed_in: SignedIn, who: str
) -> None:
    make_key(make_exchange_account(main))
    client = signed_in(who)
    assert "spot: READ key ...1111" in client.get(f"{MAIN}ask/key/").content.decode()
    page = client.post(f"{MAIN}ask/key/", {"key": "spot EMERGENCY", "reason": REASON})
    assert "Select a valid choice" in page.content.decode()

    answer = client.post(f"{MAIN}ask/key/", {"key": "spot READ", "reason": REASON})

    assert payload_of(RequestKind.KEY) == {
        "account": "spot",
        "purpose": "READ",
        "key_hint": "1111",
    }
    asked = client.get(answer["Location"]).content.decode()
    assert "The READ key of account spot, ...1111, may be removed or swapped within" in asked


def test_the_way_there_is_shown_where_there_is_a_key(main: Portfolio, signed_in: SignedIn) -> None:
    client, way = signed_in("alice"), f'href="{MAIN}ask/key/"'
    assert way not in client.get(MAIN).content.decode()

    make_key(make_exchange_account(main))

    assert way in client.get(MAIN).content.decode()
    assert way not in signed_in("bob").get(MAIN).content.decode()


@pytest.mark.parametrize("what", ASKING)
@pytest.mark.parametrize("who", ["bob", "audrey"])
def test_who_only_looks_asks_for_nothing(
    main: Portfolio, signed_in: SignedIn, who: str, what: str
) -> None:
    client, address = signed_in(who), f"{MAIN}ask/{what}/"

    assert client.get(address).status_code == 403
    assert client.post(address, {"reason": REASON}).status_code == 403
    refused = AuditEntry.objects.filter(action="people.access.refused", actor=f"user:{who}")
    assert refused.count() == 2


@pytest.mark.parametrize("what", ASKING)
def test_for_a_stranger_there_is_nothing_to_ask_for(
    main: Portfolio, signed_in: SignedIn, what: str
) -> None:
    client = signed_in("charlie")

    assert client.get(f"{MAIN}ask/{what}/").status_code == 404
    assert client.post(f"{MAIN}ask/{what}/", {"reason": REASON}).status_code == 404


@pytest.mark.parametrize("what", ASKING)
def test_asking_needs_its_csrf_token(main: Portfolio, signed_in: SignedIn, what: str) -> None:
    client = signed_in("alice", enforce_csrf_checks=True)

    assert client.post(f"{MAIN}ask/{what}/", {"reason": REASON}).status_code == 403
    assert not ChangeRequest.objects.exists()


def test_requester_status_and_quorum_cannot_be_sent_along(
    main: Portfolio, signed_in: SignedIn
) -> None:
    sent = {"requester": "1", "status": "EXECUTED", "quorum": "0", "is_solo": "1", "version": "99"}
    signed_in("alice").post(f"{MAIN}ask/flow/", {"amount": "5", "reason": REASON, **sent})

    request = ChangeRequest.objects.get()
    assert (request.requester.username, request.status) == ("alice", "OPEN")
    assert (request.quorum, request.is_solo) == (1, False)
    assert request.version == Breaker.objects.get(portfolio=main).version


def test_an_open_request_is_on_the_portfolio_and_on_the_overview(
    main: Portfolio, signed_in: SignedIn
) -> None:
    halt_now(main)
    request = ask_now(main)

    for address in ("/", MAIN, "/breakers/"):
        page = signed_in("bob").get(address).content.decode()
        assert f'href="/approvals/{request.pk}/"' in page


def test_the_portfolio_offers_a_reset_to_operators_alone(
    main: Portfolio, signed_in: SignedIn
) -> None:
    halt_now(main)

    assert f"{MAIN}ask/reset/" in signed_in("alice").get(MAIN).content.decode()
    assert f"{MAIN}ask/reset/" not in signed_in("bob").get(MAIN).content.decode()


def test_a_disabled_portfolio_says_until_when_and_is_guarded_again_by_whoever_may_halt(
    main: Portfolio, signed_in: SignedIn
) -> None:
    end = (timezone.now() + timedelta(hours=1)).strftime("%H:%M")
    signed_in("alice").post(f"{MAIN}ask/disable/", {"until": end, "reason": REASON})
    make_decider(ChangeRequest.objects.get()).post(exceptions=None)
    assert "Not guarded" in signed_in("bob").get(MAIN).content.decode()
    assert "not guarded until" in signed_in("bob").get("/").content.decode()
    assert signed_in("bob").post(f"{MAIN}enable/").status_code == 403
    assert signed_in("charlie").post(f"{MAIN}enable/").status_code == 404
    assert signed_in("alice").get(f"{MAIN}enable/").status_code == 405

    signed_in("alice").post(f"{MAIN}enable/")
    assert state_of(main) == "ACTIVE"

    again = signed_in("alice").post(f"{MAIN}enable/", follow=True).content.decode()
    assert "The breaker is not DISABLED" in again


def test_an_account_that_joins_is_called_not_guarded_yet(
    main: Portfolio, signed_in: SignedIn
) -> None:
    make_account(main, "perp", is_joining=True)

    assert "perp joining" in signed_in("bob").get("/").content.decode()
    assert "joining: not guarded yet" in signed_in("bob").get(MAIN).content.decode()
