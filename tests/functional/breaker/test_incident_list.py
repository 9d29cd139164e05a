"""The list of incidents: what it shows, to whom, and page by page."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from breaker.models import Acknowledgement, Breaker, Trip
from portfolio.models import Portfolio
from riskconsole.kernel.clock import time_text
from riskconsole.people.models import User
from tests.factories import make_portfolio, push
from tests.functional.breaker.conftest import SignedIn
from tests.functional.breaker.incidents import NARROW, halted, text_of


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
