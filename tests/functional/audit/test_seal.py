"""The seal says no more than what was checked, and by whom the log is known outside."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from portfolio.models import Portfolio
from riskconsole.audit import checkpoints, checks, views, witness
from riskconsole.audit.models import AuditCheck
from tests.clock import NOON
from tests.functional.audit.conftest import note, signed_in, tamper

Sent = list[tuple[str, dict[str, object]]]


def seal(username: str = "audrey") -> tuple[str, str]:
    """Return the tone of the seal and its words."""
    text = signed_in(username).get("/audit/").content.decode()
    tone, content = re.findall(r'<section class="seal (\w+)".*?>(.*?)</section>', text, re.DOTALL)[
        0
    ]
    return tone, re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", content))


def verify_now(username: str = "audrey") -> None:
    response = signed_in(username).post("/audit/check/")
    assert (response.status_code, response["Location"]) == (302, "/audit/")


def tell(name: str = "1:mailto", *, hours_ago: float = 0) -> None:
    told_at = timezone.now() - timedelta(hours=hours_ago)
    witness.note_told(witness.seen_now(), name=name, now=told_at)


def test_a_log_that_nobody_checked_is_grey(main: Portfolio) -> None:
    note(times=2)
    tell()
    tone, words = seal()
    assert tone == "off"
    assert "2 entries, not checked yet" in words
    assert "Not signed yet" in words


def test_an_intact_log_without_a_witness_is_grey_and_says_what_would_not_show(
    main: Portfolio,
) -> None:
    note(times=1234)
    checkpoints.take(now=NOON)
    verify_now()
    tone, words = seal()
    assert tone == "off"
    assert "Chain intact, 1,234 entries" in words
    assert "Signed up to entry 1,234" in words
    assert "No witness outside this server: entries cut off the end" in words


def test_an_intact_log_with_a_witness_is_green_and_names_it(main: Portfolio) -> None:
    note(times=3)
    tell()
    note()
    verify_now()
    tone, words = seal()
    assert tone == "ok"
    assert "Chain intact, 4 entries" in words
    assert "Known outside: 1:mailto up to entry 3" in words
    note()
    assert "1 entry since then" in seal()[1]


@pytest.mark.parametrize(("hours", "tone"), [(23.9, "ok"), (24.1, "off")])
def test_a_witness_of_long_ago_does_not_make_the_entries_since_then_green(
    main: Portfolio, hours: float, tone: str
) -> None:
    note()
    tell(hours_ago=hours)
    note()
    verify_now()
    assert seal()[0] == tone
    assert ("known to nobody outside" in seal()[1]) is (tone == "off")


def test_a_witness_of_the_whole_log_does_not_age(main: Portfolio) -> None:
    note()
    tell(hours_ago=1000)
    verify_now()
    assert seal()[0] == "ok"


def test_a_broken_log_names_its_entry_in_red(main: Portfolio) -> None:
    note(times=1300)
    tell()
    tamper("UPDATE audit_auditentry SET actor = 'me' WHERE sequence = 1207")
    verify_now()
    tone, words = seal()
    assert tone == "trip"
    assert "Entry 1,207 does not match" in words
    assert "is not what its hash was made of" in words
    assert 'role="alert"' in signed_in("audrey").get("/audit/").content.decode()


def test_a_witness_of_another_log_breaks_the_seal(main: Portfolio) -> None:
    note(times=3)
    witness.note_told(witness.Seen(2, "f" * 64), name="heartbeat", now=NOON)
    verify_now()
    assert "Entry 2 is not the one that the witness heartbeat states" in seal()[1]


def test_a_long_log_is_checked_in_the_background(
    main: Portfolio,
    sent_tasks: Sent,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: object,
) -> None:
    monkeypatch.setattr(views, "CHECKED_AT_ONCE", 2)
    note(times=3)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        verify_now()
        verify_now()
    assert sent_tasks == [("audit.check", {})] * 2
    assert AuditCheck.objects.count() == 1
    assert "A check is asked for" in seal()[1]
    checks.run_due(now=timezone.now())
    _tone, words = seal()
    assert "Chain intact, 3 entries" in words
    assert "asked for" not in words
    assert AuditCheck.objects.filter(asked_by="user:audrey").count() == 1


@pytest.mark.parametrize("reader", ["bob", "olga", "charlie"])
def test_who_reads_only_portfolios_sees_no_seal(main: Portfolio, reader: str) -> None:
    note()
    text = signed_in(reader).get("/audit/").content.decode()
    assert 'class="seal' not in text
    assert "Verify now" not in text
