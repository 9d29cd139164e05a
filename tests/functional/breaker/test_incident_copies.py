"""What leaves the console of an incident: a report for people, a bundle for programs."""

import hashlib
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from zipfile import ZipFile

import pytest
from django.utils import timezone

from breaker.models import Trip
from breaker.services.incidents import add_note
from portfolio.models import MarkPoint, Portfolio, Role, Venue
from riskconsole.audit import checkpoints, witness
from riskconsole.audit.models import AuditEntry
from riskconsole.audit.verify_export import Row, hash_of
from riskconsole.people.models import User
from tests.factories import make_member
from tests.functional.breaker import bad_night
from tests.functional.breaker.conftest import SignedIn

FILES = {"incident.json", "notes.json", "audit.ndjson", "equity.json", "marks.json"}
Take = Callable[[str], bytes]


@pytest.fixture
def night(main: Portfolio) -> Trip:
    trip = bad_night.play(begin=timezone.now() - timedelta(minutes=20))
    alice = User.objects.get(username="alice")
    make_member(alice, trip.breaker.portfolio, Role.OPERATOR)
    make_member(User.objects.get(username="bob"), trip.breaker.portfolio, Role.VIEWER)
    add_note(trip=trip, author=alice, text="seen it", address="", now=timezone.now())
    return trip


@pytest.fixture
def take(night: Trip, signed_in: SignedIn) -> Take:
    def take(kind: str) -> bytes:
        response = signed_in("bob").post(f"/incidents/{night.pk}/export/", {"format": kind})
        assert response.status_code == 200
        assert f'filename="incident-{night.pk}-night-' in response["Content-Disposition"]
        content: bytes = response.getvalue()
        return content

    return take


def unpacked(content: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(content)) as bundle:
        assert bundle.testzip() is None
        return {name: bundle.read(name) for name in bundle.namelist()}


@pytest.mark.parametrize("kind", ["", "pdf", "HTML"])
def test_another_format_is_not_there(night: Trip, signed_in: SignedIn, kind: str) -> None:
    response = signed_in("bob").post(f"/incidents/{night.pk}/export/", {"format": kind})

    assert response.status_code == 404
    assert not AuditEntry.objects.filter(action="breaker.incident.exported").exists()


@pytest.mark.parametrize("kind", ["html", "zip"])
def test_the_log_has_the_hash_of_what_was_taken(take: Take, night: Trip, kind: str) -> None:
    content = take(kind)

    entry = AuditEntry.objects.get(action="breaker.incident.exported")
    facts = json.loads(entry.payload)
    assert facts["sha256"] == hashlib.sha256(content).hexdigest()
    assert facts["file"].endswith(f".{kind}")
    assert (entry.actor, entry.subject) == ("user:bob", f"trip:{night.pk}")


class TestTheBundle:
    def test_the_manifest_has_the_hash_of_each_file(self, take: Take) -> None:
        files = unpacked(take("zip"))
        manifest = json.loads(files.pop("manifest.json"))

        assert files.keys() == FILES == manifest["files"].keys()
        for name, content in files.items():
            assert manifest["files"][name] == {
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
            }

    def test_the_manifest_names_the_end_of_the_log_and_its_newest_checkpoint(
        self, take: Take, night: Trip
    ) -> None:
        taken = checkpoints.take(now=timezone.now())
        assert taken is not None
        end = witness.seen_now()

        manifest = json.loads(unpacked(take("zip"))["manifest.json"])

        assert manifest["log"] == end.text
        assert manifest["checkpoint"] == checkpoints.facts_of(taken)._asdict()
        assert (manifest["incident"], manifest["portfolio"]) == (night.pk, "night")
        assert manifest["taken_by"] == "user:bob"

    def test_its_entries_are_those_of_the_incident_and_each_makes_its_hash(
        self, take: Take, night: Trip
    ) -> None:
        lines = [json.loads(line) for line in unpacked(take("zip"))["audit.ndjson"].splitlines()]

        wanted = AuditEntry.objects.filter(subject=f"trip:{night.pk}")
        wanted = wanted.exclude(action="breaker.incident.exported")
        found = {line["sequence"] for line in lines}
        assert set(wanted.values_list("sequence", flat=True)) <= found
        for line in lines:
            assert line.keys() == {*Row._fields}
            payload = json.dumps(
                line["payload"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
            )
            assert hash_of(Row(**{**line, "payload": payload})) == line["hash"]

    def test_it_holds_the_trip_its_notes_and_who_took_notice(self, take: Take, night: Trip) -> None:
        files = unpacked(take("zip"))
        incident = json.loads(files["incident.json"])

        assert incident["id"] == night.pk
        assert incident["evidence"] == night.evidence
        assert {leg["account"] for leg in incident["legs"]} == {"cash", "perp", "stuck"}
        assert incident["acknowledged"] is None
        (note,) = json.loads(files["notes.json"])
        assert (note["author"], note["text"]) == ("alice", "seen it")

    def test_it_holds_the_kept_seconds_of_equity_and_of_its_own_marks_only(
        self, take: Take, night: Trip
    ) -> None:
        venue = Venue.objects.get(slug="paper")
        kept = {"venue": venue, "price": "56400"}
        MarkPoint.objects.create(**kept, instrument=bad_night.PERP, at=night.at)
        MarkPoint.objects.create(**kept, instrument="ETH/USDT", at=night.at)
        long_before = night.at - timedelta(hours=2, seconds=1)
        MarkPoint.objects.create(**kept, instrument=bad_night.PERP, at=long_before)

        files = unpacked(take("zip"))

        equity = [point["equity"] for point in json.loads(files["equity.json"])]
        assert equity == ["10000.00", "9685.00", "9460.00"]
        (mark,) = json.loads(files["marks.json"])
        assert (mark["venue"], mark["instrument"], mark["price"]) == (
            "paper",
            bad_night.PERP,
            "56400",
        )


class TestTheReport:
    def test_it_is_one_file_that_loads_nothing_and_runs_nothing(self, take: Take) -> None:
        page = take("html").decode()

        assert page.count("<style>") == 1
        assert "default-src 'none'; style-src 'unsafe-inline'" in page
        assert re.search(r"<(script|link|img|iframe|object|form)\b", page) is None
        assert re.search(r"\s(src|href|style|on\w+)=", page) is None
        assert "url(" not in page
        assert "@media print" in page

    @pytest.mark.parametrize(
        "words",
        [
            "Night was triggered",
            "Price to trip",
            "not known",
            "56,400",
            "It makes the hash that the log kept",
            "perp: an order came after the lease",
            "NEEDS_HUMAN",
            "seen it",
            "Nobody: no alert route was set.",
            "<polyline",
        ],
    )
    def test_it_tells_what_the_page_tells(self, take: Take, words: str) -> None:
        assert words in take("html").decode()

    def test_it_names_the_end_of_the_log(self, take: Take) -> None:
        end = witness.seen_now().text

        assert end in take("html").decode()
