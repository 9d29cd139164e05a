"""An incident's page, what people add to it, and who may."""

import re

import pytest
from django.db import connection
from django.test import Client

from breaker.models import Acknowledgement, Trip, TripNote
from breaker.triggers import TRIGGERS
from portfolio.models import Portfolio, Role
from riskconsole import triggers
from riskconsole.audit.models import AuditEntry
from riskconsole.people.models import User
from tests.factories import make_member
from tests.functional.breaker import bad_night
from tests.functional.breaker.conftest import SignedIn
from tests.functional.breaker.incidents import NARROW, halted, text_of


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
        assert chart["lines"]["trip"] == ["-5.0000", "9,500.00"]
        assert chart["lines"]["warning"] == ["-3.0000", "9,700.00"]
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
