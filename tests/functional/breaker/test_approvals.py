"""The pages of a request: who sees it, who decides it, and what does not count as a decision."""

from datetime import timedelta

import pytest
from django.core import signing
from django.test import Client, override_settings
from django.utils import timezone

from breaker.domain.approval import Reference, RequestStatus
from breaker.domain.machine import BreakerState
from breaker.forms.deciding import SALT
from breaker.models import ChangeRequest, Vote
from breaker.services.asking import ask_second_factor
from portfolio.domain.holdings import AccountKind, Side
from portfolio.models import Membership, Portfolio, Position, Role
from portfolio.services.snapshots import PositionLine
from riskconsole.audit.models import AuditEntry
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import decimal_from
from riskconsole.people.models import User
from tests.factories import make_account, make_user, push
from tests.functional.breaker.conftest import SignedIn
from tests.functional.breaker.decisions import (
    REASON,
    Decider,
    ask_now,
    halt_now,
    make_decider,
    state_of,
)
from tests.second_factors import add_app, code_of


@pytest.fixture
def anna(main: Portfolio) -> Decider:
    halt_now(main)
    return make_decider(ask_now(main))


def address_of(request: ChangeRequest) -> str:
    return f"/approvals/{request.pk}/"


def refusals(username: str) -> int:
    return AuditEntry.objects.filter(
        action="people.access.refused", actor=f"user:{username}"
    ).count()


def test_an_approver_sees_the_reason_beside_what_the_system_sees(anna: Decider) -> None:
    page = anna.page()

    assert REASON in page
    assert "cash is not connected: were its orders cancelled by hand?" in page
    assert "cash: orders cancelled there by hand" in page
    assert "Keep the reference" in page
    assert "9,800.00" in page
    assert "9,500.00" in page
    assert "Approve and resume" in page
    assert "autofocus" not in page


def test_an_approver_with_a_code_ends_the_trip(main: Portfolio, anna: Decider) -> None:
    answer = anna.post()

    assert answer["Location"] == anna.address
    assert state_of(main) == BreakerState.ACTIVE
    vote = Vote.objects.get()
    assert (vote.approver.username, vote.proof_method) == ("anna", "totp")
    assert vote.exceptions == ["cash"]
    page = anna.page()
    assert "anna approved this" in page
    assert "Approve and resume" not in page
    assert "confirmed by a code" in page
    assert "cash unverified, accepted" in page
    assert "Room to the trip line" not in page


def test_without_a_code_the_decision_waits_for_the_second_factor(
    main: Portfolio, anna: Decider
) -> None:
    answer = anna.post(code=None)

    assert answer["Location"].startswith("/again/")
    assert state_of(main) == BreakerState.TRIGGERED

    held = anna.client.get(answer["Location"]).context["held"]
    anna.client.post(
        "/again/", {"held": held, "next": anna.address, "code": code_of(anna.app)}, follow=True
    )
    assert state_of(main) == BreakerState.ACTIVE
    assert Vote.objects.get().note == "looked at the fills"


@pytest.mark.parametrize("typed", [" MAIN ", "Main"])
def test_the_name_may_be_typed_in_capitals(main: Portfolio, anna: Decider, typed: str) -> None:
    anna.post(confirm=typed)

    assert anna.status == RequestStatus.EXECUTED


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"confirm": "other"}, "Type main to confirm, this was &#x27;other&#x27;"),
        ({"note": ""}, "This field is required"),
        ({"seen": "forged:value:here"}, "read it again"),
        ({"seen": None}, "read it again"),
        ({"exceptions": None}, "cash is not connected"),
        ({"exceptions": "elsewhere"}, "No account elsewhere can be excepted"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    main: Portfolio, anna: Decider, changed: dict[str, str | None], said: str
) -> None:
    fields = {"note": "a note to keep", **changed}

    page = anna.post(**fields).content.decode()

    assert said in page
    if changed.get("note", "x"):
        assert "a note to keep" in page
    assert state_of(main) == BreakerState.TRIGGERED
    assert not Vote.objects.exists()


def test_a_wrong_name_uses_no_code_up(anna: Decider) -> None:
    code = code_of(anna.app)

    anna.post(confirm="other", code=code)
    anna.post(code=code)

    assert anna.status == RequestStatus.EXECUTED


def test_facts_sealed_for_another_request_or_reader_do_not_count(anna: Decider) -> None:
    facts = {"request": anna.request.pk, "reader": anna.app.user_id, "equity": "9800.00"}
    for wrong in ({"request": anna.request.pk + 1}, {"reader": 1}):
        sealed = {**facts, "at": time_text(timezone.now()), **wrong}
        page = anna.post(seen=signing.dumps(sealed, salt=SALT)).content.decode()
        assert "read it again" in page

    assert anna.status == RequestStatus.OPEN


@pytest.mark.parametrize(
    ("equity", "age", "said"),
    [
        ("9800.00", timedelta(minutes=3), "more than two minutes ago"),
        ("9700.00", timedelta(), "you saw 9700.00"),
    ],
)
def test_facts_that_are_old_or_far_off_do_not_count(
    anna: Decider, equity: str, age: timedelta, said: str
) -> None:
    facts = {
        "request": anna.request.pk,
        "reader": anna.app.user_id,
        "equity": equity,
        "at": time_text(timezone.now() - age),
    }

    page = anna.post(seen=signing.dumps(facts, salt=SALT)).content.decode()

    assert said in page
    assert anna.status == RequestStatus.OPEN


def test_each_refetch_of_the_page_seals_fresh_facts(anna: Decider) -> None:
    assert anna.seen() != anna.seen()


def test_a_replayed_approval_says_who_was_faster(main: Portfolio, anna: Decider) -> None:
    seen = anna.seen()
    anna.post(seen=seen)

    answer = anna.post(seen=seen, code=code_of(anna.app, later=1))

    assert answer.status_code == 302
    assert "anna approved this 0 s ago" in anna.page()
    assert Vote.objects.count() == 1


def test_the_requester_sees_no_approve_button_and_cannot_approve(
    main: Portfolio, anna: Decider
) -> None:
    alice = User.objects.get(username="alice")
    Membership.objects.create(
        portfolio=main, user=alice, role=Role.APPROVER, since=timezone.now() - timedelta(days=9)
    )
    own = make_decider(anna.request, "alice")

    assert "Approve" not in own.page().split('id="main"')[1].replace("Approvals", "")
    assert "Withdraw" in own.page()
    assert own.post(seen=anna.seen()).status_code == 403
    assert refusals("alice") == 1
    assert state_of(main) == BreakerState.TRIGGERED


@pytest.mark.parametrize("who", ["bob", "audrey", "adam"])
def test_who_may_see_it_but_has_no_say_is_refused_and_written_down(
    anna: Decider, signed_in: SignedIn, who: str
) -> None:
    client = signed_in(who)

    assert client.get(anna.address).status_code == 200
    assert "Approve and resume" not in client.get(anna.address).content.decode()
    for decision in ("APPROVED", "REFUSED"):
        assert client.post(anna.address, {"decision": decision}).status_code == 403
    assert client.post(f"{anna.address}withdraw/").status_code == 403
    assert refusals(who) == 3
    assert anna.status == RequestStatus.OPEN


def test_for_a_stranger_the_request_does_not_exist(anna: Decider, signed_in: SignedIn) -> None:
    client = signed_in("charlie")

    assert client.get(anna.address).status_code == 404
    assert client.post(anna.address, {"decision": "APPROVED"}).status_code == 404
    assert client.post(f"{anna.address}withdraw/").status_code == 404
    assert client.get("/approvals/999/").status_code == 404
    assert "Reset Main" not in client.get("/approvals/").content.decode()
    assert refusals("charlie") == 3


def test_requester_version_and_status_cannot_be_sent_along(main: Portfolio, anna: Decider) -> None:
    before = ChangeRequest.objects.values("requester", "version", "payload", "quorum").get()

    anna.post(
        confirm="other", requester="1", version="99", status="EXECUTED", quorum="0", payload="{}"
    )

    assert anna.status == RequestStatus.OPEN
    assert ChangeRequest.objects.values("requester", "version", "payload", "quorum").get() == before


def test_a_decision_needs_its_csrf_token(anna: Decider) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(username="anna"))

    for address in (anna.address, f"{anna.address}withdraw/"):
        assert client.post(address, {"decision": "APPROVED"}).status_code == 403
    assert anna.status == RequestStatus.OPEN


def test_withdrawing_takes_a_post(anna: Decider) -> None:
    assert anna.client.get(f"{anna.address}withdraw/").status_code == 405


def test_an_unknown_decision_is_none(anna: Decider) -> None:
    assert anna.post(decision="MAYBE").status_code == 400
    assert anna.status == RequestStatus.OPEN


def test_a_refusal_needs_a_note_and_no_second_factor(anna: Decider) -> None:
    empty = anna.client.post(anna.address, {"decision": "REFUSED", "refusal-note": " "})
    assert "This field is required" in empty.content.decode()
    assert anna.status == RequestStatus.OPEN

    anna.client.post(anna.address, {"decision": "REFUSED", "refusal-note": "ask the venue first"})

    assert anna.status == RequestStatus.REFUSED
    assert "anna refused this" in anna.page()
    assert "ask the venue first" in anna.page()


def test_the_requester_withdraws(main: Portfolio, anna: Decider, signed_in: SignedIn) -> None:
    client = signed_in("alice")

    client.post(f"{anna.address}withdraw/")

    assert anna.status == RequestStatus.WITHDRAWN
    again = client.post(f"{anna.address}withdraw/", follow=True)
    assert "not open, or not yours" in again.content.decode()


def test_a_demoted_approver_is_refused(anna: Decider) -> None:
    seen = anna.seen()
    Membership.objects.filter(user__username="anna").update(role=Role.VIEWER)

    assert anna.post(seen=seen).status_code == 403
    assert anna.status == RequestStatus.OPEN


def test_a_new_approver_is_told_to_wait_before_the_code_is_asked_for(
    main: Portfolio, anna: Decider
) -> None:
    Membership.objects.filter(user__username="anna").update(since=timezone.now())

    page = anna.post().content.decode()

    assert "less than 24 hours ago" in page
    assert anna.status == RequestStatus.OPEN


def test_the_page_names_who_can_approve_now_and_why_others_cannot(
    main: Portfolio, anna: Decider
) -> None:
    make_user("bert", portfolio=main, role=Role.APPROVER)
    make_user("newt", portfolio=main, role=Role.APPROVER, since=timezone.now())
    User.objects.filter(pk=make_user("gone", portfolio=main, role=Role.APPROVER).pk).update(
        is_active=False
    )

    page = anna.page()

    assert "has no second factor" in page
    assert "new, counts from" in page
    assert "deactivated" in page


def test_what_is_written_and_not_seen_is_said_in_amber(main: Portfolio) -> None:
    make_account(main, "perp", kind=AccountKind.MARGIN)
    position = PositionLine(
        instrument="BTC/USDT:USDT",
        side=Side.LONG,
        quantity=decimal_from("0.1"),
        entry_price=decimal_from("60000"),
        contract_size=decimal_from("1"),
        is_inverse=False,
    )
    push(main, {}, account="perp", positions=[position], now=timezone.now())
    assert Position.objects.count() == 1
    halt_now(main)
    decider = make_decider(ask_now(main, reason="all flat now and no orders are left anywhere"))

    page = decider.page()

    assert "The reason says “flat”, but 1 position is open" in page
    assert "but cash, perp is not confirmed without orders" in page


def test_keeping_the_reference_over_the_limit_is_shown_as_blocked(main: Portfolio) -> None:
    push(main, {"USDT": "9450"}, now=timezone.now())
    decider = make_decider(ask_now(main))

    page = decider.page()

    assert "the loss of 5.50 % trips again at once" in page
    assert "The cooldown lasts until" in page
    assert "blocks" in page


def test_a_rebase_shows_the_lines_now_and_after(main: Portfolio) -> None:
    push(main, {"USDT": "9450"}, now=timezone.now())
    page = make_decider(ask_now(main, reference=Reference.REBASE)).page()

    assert "9,166.50" in page
    assert "8,977.50" in page
    assert "472.50" in page


def test_earlier_trips_are_told_with_their_people(main: Portfolio, anna: Decider) -> None:
    anna.post()
    halt_now(main)

    page = make_decider(ask_now(main), "bert").page()

    assert "Earlier trips" in page
    assert "alice, anna" in page


def test_the_list_counts_down_and_the_rail_counts_what_this_person_could_decide(
    anna: Decider, signed_in: SignedIn
) -> None:
    shown = anna.client.get("/approvals/").content.decode()
    assert "Reset Main" in shown
    assert "data-until" in shown
    assert "11\N{NARROW NO-BREAK SPACE}h 59\N{NARROW NO-BREAK SPACE}min" in shown
    assert '<span class="count waits">1' in shown

    assert "count waits" not in signed_in("alice").get("/approvals/").content.decode()
    assert "count waits" not in signed_in("adam").get("/approvals/").content.decode()


def test_nothing_waits_in_words(main: Portfolio, signed_in: SignedIn) -> None:
    assert (
        "Nothing waits for a second person" in signed_in("bob").get("/approvals/").content.decode()
    )


def test_a_request_of_the_site_is_seen_by_site_roles_and_decided_by_another_admin(
    main: Portfolio, signed_in: SignedIn
) -> None:
    other = make_user("ada", site="ADMIN")
    change = ask_second_factor(
        user=User.objects.get(username="bob"),
        requester=User.objects.get(username="adam"),
        reason="bob lost his phone, I called him back",
        address="",
        now=timezone.now(),
    )
    for who, status in (("bob", 404), ("audrey", 200), ("adam", 200), ("ada", 200)):
        assert signed_in(who).get(address_of(change)).status_code == status
    app, client = add_app(other), signed_in("ada")
    decider = Decider(client=client, request=change, app=app)
    assert "Type <b>bob</b>" in decider.page()

    decider.post(confirm="bob", exceptions=None)

    assert decider.status == RequestStatus.EXECUTED


@override_settings(IS_SOLO=True)
def test_solo_is_said_on_every_page_and_at_each_request(
    main: Portfolio, signed_in: SignedIn
) -> None:
    halt_now(main)
    change = ask_now(main)
    alice = User.objects.get(username="alice")
    Membership.objects.create(
        portfolio=main, user=alice, role=Role.APPROVER, since=timezone.now() - timedelta(days=9)
    )
    client = signed_in("alice")

    for address in ("/", "/approvals/", "/breakers/", "/audit/", address_of(change)):
        assert "<b>SOLO</b>" in client.get(address).content.decode()
    page = client.get(address_of(change)).content.decode()
    assert '<span class="tag warn">SOLO</span>' in page
    assert "you have to wait longer" in page
    assert "SOLO" in Client().get("/sign-in/").content.decode()
