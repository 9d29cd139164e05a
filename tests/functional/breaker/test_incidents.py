"""The list of incidents, an incident's page, what people add to it, and who may."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from breaker.models import Acknowledgement, Breaker, Trip, TripNote
from breaker.services.incidents import add_note
from breaker.services.tripping import halt
from breaker.triggers import TRIGGERS
from oms.models import CancelLeg
from portfolio.models import Portfolio, Role
from riskconsole import triggers
from riskconsole.alerts import routes
from riskconsole.audit.models import AuditEntry
from riskconsole.kernel.clock import time_text
from riskconsole.people.models import User
from tests.factories import make_member, make_portfolio, push
from tests.functional.breaker import bad_night
from tests.functional.breaker.conftest import SignedIn
from tests.functional.breaker.payloads import PAYLOADS

LOADING = {"audio", "base", "embed", "iframe", "img", "marquee", "math", "object", "video"}
ADDRESSES = ("href", "src", "srcdoc", "action", "formaction", "data", "content")
NARROW = "\N{NARROW NO-BREAK SPACE}"


class Parts(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def what_could_act(page: str) -> list[tuple[str, dict[str, str]]]:
    """Return the elements that would run or load something that is not the console's own."""
    parts = Parts()
    parts.feed(page)
    return [(tag, attributes) for tag, attributes in parts.found if is_active(tag, attributes)]


def is_active(tag: str, attributes: dict[str, str]) -> bool:
    addresses = " ".join(attributes.get(name, "") for name in ADDRESSES).lower()
    is_foreign = any(word in addresses for word in ("javascript:", "evil.example", "data:text"))
    is_script = tag == "script" and not attributes.get("src", "").startswith("/static/")
    has_handler = any(name.startswith("on") or name == "style" for name in attributes)
    return is_foreign or is_script or has_handler or tag in LOADING


@pytest.fixture
def night(main: Portfolio, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Trip:
    """Return the open trip of a bad night, seen by bob, operated by alice."""
    settings.ALERT_URLS = ("json://pager.example", "slack://chat.example")
    monkeypatch.setattr(routes, "send", lambda *, route, **_: route.startswith("1:"))
    trip = bad_night.play(begin=timezone.now() - timedelta(minutes=20))
    for username, role in (("alice", Role.OPERATOR), ("bob", Role.VIEWER)):
        make_member(User.objects.get(username=username), trip.breaker.portfolio, role)
    return trip


def halted(portfolio: Portfolio, *, reason: str = "dinner") -> Trip:
    return halt(
        portfolio_id=portfolio.pk,
        reason=reason,
        actor="user:alice",
        address="",
        now=timezone.now(),
    )


def text_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


class TestTheList:
    def test_where_nothing_tripped_it_says_so(self, main: Portfolio, signed_in: SignedIn) -> None:
        page = text_of(signed_in("bob"), "/incidents/")

        assert "No incident" in page
        assert "No breaker that you may see has ever tripped" in page

    def test_a_row_says_what_happened_and_who_has_not_acted(
        self, night: Trip, signed_in: SignedIn
    ) -> None:
        page = text_of(signed_in("bob"), "/incidents/")

        assert f"INC-{night.pk}" in page
        assert "Loss at the trip limit" in page
        assert f"5.40{NARROW}%" in page
        assert "9,460.00" in page
        assert "1 of 3 empty" in page
        assert "needs a human" in page
        assert "1 not connected" in page
        assert "nobody yet" in page

    def test_it_has_only_what_one_may_see(self, main: Portfolio, signed_in: SignedIn) -> None:
        halted(Portfolio.objects.get(slug="other"), reason="theirs")
        halted(main, reason="ours")

        page = text_of(signed_in("bob"), "/incidents/")

        assert "ours" in page
        assert "theirs" not in page
        assert "theirs" in text_of(signed_in("audrey"), "/incidents/")

    def test_it_is_filtered_by_portfolio(self, main: Portfolio, signed_in: SignedIn) -> None:
        halted(Portfolio.objects.get(slug="other"), reason="theirs")
        halted(main, reason="ours")

        page = text_of(signed_in("audrey"), "/incidents/?portfolio=other")
        rows = page.split("<tbody", 1)[1]

        assert "theirs" in rows
        assert "ours" not in rows

    def test_a_filter_never_reaches_what_one_may_not_see(
        self, main: Portfolio, signed_in: SignedIn
    ) -> None:
        halted(Portfolio.objects.get(slug="other"), reason="theirs")

        assert "Nothing matches" in text_of(signed_in("bob"), "/incidents/?portfolio=other")

    @pytest.mark.parametrize("query", ["portfolio=%3Cb%3E", "before=x", "before=0", "before=1"])
    def test_a_filter_that_makes_no_sense_finds_nothing_or_all(
        self, main: Portfolio, signed_in: SignedIn, query: str
    ) -> None:
        assert "Incidents" in text_of(signed_in("bob"), f"/incidents/?{query}")

    def test_pages_follow_each_other_without_a_gap(
        self, db: None, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("breaker.selectors.incidents.PAGE_LENGTH", 2)
        User.objects.create_user("audrey", site_role="AUDITOR")
        trips = [halted(make_portfolio(f"book-{number}")).pk for number in range(5)]
        client, address, seen = signed_in("audrey"), "/incidents/", []

        while True:
            page = text_of(client, address)
            seen += [int(pk) for pk in re.findall(r">INC-(\d+)<", page)]
            older = re.search(r'href="\?(before=\d+)"', page)
            if older is None:
                break
            address = f"/incidents/?{older[1]}"

        assert seen == trips[::-1]

    def test_a_longer_list_takes_no_more_queries(self, db: None, signed_in: SignedIn) -> None:
        User.objects.create_user("audrey", site_role="AUDITOR")
        halted(make_portfolio("first"))
        client = signed_in("audrey")
        # The strips of the page read each open trip: what counts is the list below them.
        with CaptureQueriesContext(connection) as few:
            text_of(client, "/incidents/?portfolio=first")
        for number in range(4):
            halted(make_portfolio(f"book-{number}"))
        with CaptureQueriesContext(connection) as one:
            text_of(client, "/incidents/?portfolio=first")
        with CaptureQueriesContext(connection) as all_of_them:
            text_of(client, "/incidents/")

        assert len(few) <= len(one)
        assert len(all_of_them) == len(one)

    def test_an_unacknowledged_warning_can_be_acknowledged_there(
        self, main: Portfolio, signed_in: SignedIn
    ) -> None:
        push(main, {"USDT": "9650"}, now=timezone.now())
        since = time_text(Breaker.objects.get(portfolio=main).state_since)  # type: ignore[arg-type]
        client = signed_in("alice")
        assert "Main is past its warning limit" in text_of(client, "/incidents/")
        assert ">Acknowledge<" not in text_of(signed_in("bob"), "/incidents/")

        client.post("/portfolios/main/acknowledge/", {"since": since})

        assert Acknowledgement.objects.get().by.username == "alice"
        assert "past its warning limit" not in text_of(client, "/incidents/")

    @pytest.mark.parametrize("since", ["", "x", "2030-01-01"])
    def test_a_warning_without_its_time_is_not_acknowledged(
        self, main: Portfolio, signed_in: SignedIn, since: str
    ) -> None:
        push(main, {"USDT": "9650"}, now=timezone.now())

        response = signed_in("alice").post("/portfolios/main/acknowledge/", {"since": since})

        assert response.status_code == 404
        assert not Acknowledgement.objects.exists()


class TestTheBadNight:
    def test_the_timings_are_those_of_the_rows(self, night: Trip, signed_in: SignedIn) -> None:
        page = text_of(signed_in("bob"), f"/incidents/{night.pk}/")
        timings = page.split('data-key="timings"', 1)[1].split("</section>", 1)[0]

        assert ">0.09<" in timings
        assert timings.count(">0.04<") == 2
        assert "1 of 2 accounts so far; 1 not connected" in timings
        assert "over 1:json" in timings
        assert "8,460.00" in timings

    def test_every_line_of_the_timeline_is_bound_to_an_entry(
        self, night: Trip, signed_in: SignedIn
    ) -> None:
        bad_night.go_on(night)

        page = text_of(signed_in("bob"), f"/incidents/{night.pk}/")

        assert "no entry" not in page.split("Orders, account by account", 1)[0]
        for entry in AuditEntry.objects.filter(subject=f"trip:{night.pk}"):
            if entry.action != "oms.cancel_leg.settled":
                assert f"first={entry.sequence}&amp;last={entry.sequence}" in page

    @pytest.mark.parametrize(
        "words",
        [
            "Warning line passed",
            "BTC/USDT:USDT 56,400 received",
            "Loss at the trip limit",
            "perp: cancels on their way",
            "perp: 1 kept, 1 cancelled, not confirmed yet",
            "stuck: 1 not cancelled, not confirmed gone, needs a human",
            "the same 4 more times",
            "perp: an order came after the lease, somebody is trading",
            "perp: confirmed without orders, twice",
            "Told over 1:json",
            "2:slack has not taken it",
            "alice halted again",
            "the bot still quotes",
            f"2{NARROW}min 2{NARROW}s quiet",
            "Nobody had acknowledged it: people were told again",
        ],
    )
    def test_it_tells_what_happened(self, night: Trip, signed_in: SignedIn, words: str) -> None:
        bad_night.go_on(night)

        assert words in text_of(signed_in("bob"), f"/incidents/{night.pk}/")

    def test_it_shows_what_is_still_open(self, night: Trip, signed_in: SignedIn) -> None:
        page = text_of(signed_in("bob"), f"/incidents/{night.pk}/")
        still = page.split('data-key="open"', 1)[1].split("</section>", 1)[0]

        assert "stop kept" in still
        assert "without a stop" not in still
        assert re.search(r"Needs a human</dt><dd><span[^>]*>stuck<", still)

    def test_a_route_that_fails_is_red(self, night: Trip, signed_in: SignedIn) -> None:
        page = text_of(signed_in("bob"), f"/incidents/{night.pk}/")
        told = page.split('data-key="routes"', 1)[1].split("</section>", 1)[0]

        assert re.search(r't-trip">not delivered after 4 attempts', told)
        assert "failing" in told

    def test_every_order_has_its_outcome(self, night: Trip, signed_in: SignedIn) -> None:
        page = text_of(signed_in("bob"), f"/incidents/{night.pk}/")
        legs = page.split('data-key="legs"', 1)[1].split("</section>", 1)[0]

        for word in ("CANCELLED", "KEPT", "FAILED", "after the lease", "NOT_CONNECTED", "paper"):
            assert word in legs

    def test_people_alone_or_the_system_alone_can_be_shown(
        self, night: Trip, signed_in: SignedIn
    ) -> None:
        bad_night.go_on(night)
        client = signed_in("bob")

        def timeline(show: str) -> str:
            page = text_of(client, f"/incidents/{night.pk}/?show={show}")
            return page.split('class="timeline"', 1)[1].split("</ol>", 1)[0]

        assert "alice halted again" in timeline("people")
        assert "Warning line passed" not in timeline("people")
        assert "Warning line passed" in timeline("system")
        assert "alice halted again" not in timeline("system")
        assert timeline("nonsense") == timeline("all")

    def test_the_chart_and_its_table_are_around_the_trip(
        self, night: Trip, signed_in: SignedIn
    ) -> None:
        client = signed_in("bob")

        chart = client.get(f"/incidents/{night.pk}/equity/?range=1h").json()
        table = text_of(client, f"/incidents/{night.pk}/equity/table/?range=1h")

        assert [point[2] for point in chart["points"]] == ["10000.00", "9685.00", "9460.00"]
        assert chart["lines"]["trip"] == ["-5.0000", "9500.00"]
        assert chart["lines"]["warning"] == ["-3.0000", "9700.00"]
        assert "9,460.00" in table


class TestTheEvidence:
    def test_it_is_what_the_log_has(self, night: Trip, signed_in: SignedIn) -> None:
        page = text_of(signed_in("bob"), f"/incidents/{night.pk}/")

        assert "as the log has it" in page
        assert "56,400" in page

    def test_evidence_that_was_changed_is_noticed(self, night: Trip, signed_in: SignedIn) -> None:
        night.evidence["lines"][0]["quantity"] = "2001"
        triggers.remove(connection, TRIGGERS)
        Trip.objects.filter(pk=night.pk).update(evidence=night.evidence)

        page = text_of(signed_in("bob"), f"/incidents/{night.pk}/")

        assert "not what the log has" in page
        assert "one of them was changed since" in page

    def test_an_entry_that_was_changed_is_not_repeated(
        self, night: Trip, signed_in: SignedIn
    ) -> None:
        from riskconsole.audit.triggers import TRIGGERS as AUDIT_TRIGGERS

        triggers.remove(connection, AUDIT_TRIGGERS)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE audit_auditentry SET payload = %s WHERE action = 'breaker.trip.happened'",
                ['{"cause":"LOSS","reason":"all was well"}'],
            )

        page = text_of(signed_in("bob"), f"/incidents/{night.pk}/")

        assert "This entry was changed after it was written" in page
        assert "all was well" not in page
        assert "not what the log has" in page


class TestWhoMay:
    WRITES: tuple[tuple[str, dict[str, str]], ...] = (
        ("incidents/{pk}/notes/", {"text": "seen"}),
        ("incidents/{pk}/acknowledge/", {}),
        ("incidents/{pk}/export/", {"format": "zip"}),
    )

    def test_nobody_without_signing_in(self, main: Portfolio, client: Client) -> None:
        trip = halted(main)
        for address in ("/incidents/", f"/incidents/{trip.pk}/", f"/incidents/{trip.pk}/equity/"):
            assert client.get(address)["Location"] == f"/sign-in/?next={address}"
        for address, body in self.WRITES:
            assert client.post(f"/{address.format(pk=trip.pk)}", body).status_code == 302
        assert not TripNote.objects.exists()

    def test_what_one_may_not_see_is_not_there_and_the_attempt_is_in_the_log(
        self, main: Portfolio, signed_in: SignedIn
    ) -> None:
        trip, client = halted(main), signed_in("charlie")
        for place in ("", "equity/", "equity/table/"):
            assert client.get(f"/incidents/{trip.pk}/{place}").status_code == 404
        for address, body in self.WRITES:
            assert client.post(f"/{address.format(pk=trip.pk)}", body).status_code == 404

        refused = AuditEntry.objects.filter(action="people.access.refused", actor="user:charlie")
        assert refused.count() == 6
        assert not TripNote.objects.exists()
        assert not Acknowledgement.objects.exists()

    @pytest.mark.parametrize("pk", [0, 999, 2**63 - 1, 2**63, 10**30])
    def test_one_that_never_was_looks_the_same(
        self, main: Portfolio, signed_in: SignedIn, pk: int
    ) -> None:
        trip, client = halted(main), signed_in("charlie")

        foreign, unknown = (client.get(f"/incidents/{one}/") for one in (trip.pk, pk))

        assert unknown.status_code == 404
        assert foreign.content == unknown.content

    @pytest.mark.parametrize(
        ("username", "may"),
        [("alice", True), ("bob", False), ("audrey", True), ("adam", True), ("petra", True)],
    )
    def test_who_writes_notes(
        self, main: Portfolio, signed_in: SignedIn, username: str, may: bool
    ) -> None:
        make_member(User.objects.create_user("petra"), main, Role.APPROVER)
        trip, client = halted(main), signed_in(username)
        assert ("Add the note" in text_of(client, f"/incidents/{trip.pk}/")) is may

        response = client.post(f"/incidents/{trip.pk}/notes/", {"text": "seen it"})

        assert response.status_code == (302 if may else 403)
        assert TripNote.objects.exists() is may

    @pytest.mark.parametrize(
        ("username", "may"),
        [("alice", True), ("bob", False), ("audrey", False), ("adam", False), ("petra", True)],
    )
    def test_who_acknowledges(
        self, main: Portfolio, signed_in: SignedIn, username: str, may: bool
    ) -> None:
        make_member(User.objects.create_user("petra"), main, Role.APPROVER)
        trip, client = halted(main), signed_in(username)
        assert (">Acknowledge<" in text_of(client, f"/incidents/{trip.pk}/")) is may

        response = client.post(f"/incidents/{trip.pk}/acknowledge/")

        assert response.status_code == (302 if may else 403)
        assert Acknowledgement.objects.exists() is may

    @pytest.mark.parametrize("address", ["notes", "acknowledge", "export"])
    def test_what_writes_takes_no_get(
        self, main: Portfolio, signed_in: SignedIn, address: str
    ) -> None:
        trip = halted(main)

        assert signed_in("alice").get(f"/incidents/{trip.pk}/{address}/").status_code == 405


class TestNotesAndNotice:
    def test_a_note_is_on_the_page_with_its_author(
        self, main: Portfolio, signed_in: SignedIn
    ) -> None:
        trip, client = halted(main), signed_in("alice")

        client.post(f"/incidents/{trip.pk}/notes/", {"text": "first line\r\nsecond\x07 line"})

        assert TripNote.objects.get().text == "first line\nsecond  line"
        page = text_of(client, f"/incidents/{trip.pk}/")
        assert "first line<br>second" in page
        assert "alice noted" in page

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "A note needs words"),
            (" \x07 ", "A note needs words"),
            ("x" * 4001, "at most 4000 characters"),
        ],
    )
    def test_a_note_that_cannot_be_taken_is_kept_in_its_field(
        self, main: Portfolio, signed_in: SignedIn, text: str, words: str
    ) -> None:
        trip = halted(main)

        response = signed_in("alice").post(f"/incidents/{trip.pk}/notes/", {"text": text})

        assert words in response.content.decode()
        assert text.strip() in response.content.decode()
        assert not TripNote.objects.exists()

    def test_the_second_who_acknowledges_learns_who_was_first(
        self, main: Portfolio, signed_in: SignedIn
    ) -> None:
        make_member(User.objects.create_user("petra"), main, Role.APPROVER)
        trip = halted(main)
        signed_in("petra").post(f"/incidents/{trip.pk}/acknowledge/")

        page = signed_in("alice").post(f"/incidents/{trip.pk}/acknowledge/", follow=True)

        assert "petra acknowledged it at" in page.content.decode()
        assert "Acknowledged by petra" in page.content.decode()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_people_and_venues_write_is_shown_as_text(
    main: Portfolio, signed_in: SignedIn, payload: str
) -> None:
    Portfolio.objects.filter(pk=main.pk).update(name=payload[:100])
    trip = halted(main, reason=payload)
    CancelLeg.objects.update(error=payload)
    add_note(
        trip=trip,
        author=User.objects.get(username="alice"),
        text=payload,
        address="",
        now=timezone.now(),
    )
    client = signed_in("alice")

    pages = [text_of(client, "/incidents/"), text_of(client, f"/incidents/{trip.pk}/")]
    report = client.post(f"/incidents/{trip.pk}/export/", {"format": "html"})
    pages.append(report.getvalue().decode())

    for page in pages:
        assert payload not in page
        assert what_could_act(page) == []
