"""Every address of the log, by every method, for every kind of reader."""

import pytest
from django.urls import URLPattern

from portfolio.models import Portfolio
from riskconsole.audit import checkpoints, urls
from riskconsole.audit.models import AuditEntry
from tests.clock import NOON
from tests.functional.audit.conftest import note, signed_in, tamper

READERS = ("audrey", "adam", "olga", "paul", "bob", "charlie")
# What each of the readers above gets; 302 answers a POST that was done.
MATRIX = {
    ("get", "/audit/"): (200, 200, 200, 200, 200, 200),
    ("get", "/audit/1/"): (200, 200, 200, 200, 200, 404),
    ("get", "/audit/2/"): (200, 200, 404, 404, 404, 404),
    ("get", "/audit/3/"): (200, 200, 404, 404, 404, 404),
    ("get", "/audit/999/"): (404, 404, 404, 404, 404, 404),
    ("get", "/audit/99999999999999999999/"): (404, 404, 404, 404, 404, 404),
    ("get", "/audit/0/"): (404, 404, 404, 404, 404, 404),
    ("post", "/audit/export/"): (200, 200, 200, 200, 200, 200),
    ("get", "/audit/export/"): (405, 405, 405, 405, 405, 405),
    ("post", "/audit/check/"): (302, 302, 404, 404, 404, 404),
    ("get", "/audit/check/"): (405, 405, 405, 405, 405, 405),
    ("get", "/audit/checkpoint/"): (200, 200, 404, 404, 404, 404),
    ("get", "/audit/public-key/"): (200, 200, 404, 404, 404, 404),
}


@pytest.fixture
def log(main: Portfolio) -> None:
    note(portfolio="main")
    note(portfolio="other")
    note("people.sign_in.happened")
    checkpoints.take(now=NOON)


def status(username: str | None, method: str, address: str) -> int:
    client = signed_in(username) if username else signed_in("bob")
    if username is None:
        client.logout()
    data = {"format": "csv"} if method == "post" else {}
    return int(getattr(client, method)(address, data).status_code)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(("call", "expected"), MATRIX.items(), ids=lambda value: str(value))
def test_each_reader_gets_what_the_table_says(
    call: tuple[str, str], expected: tuple[int, ...]
) -> None:
    assert tuple(status(reader, *call) for reader in READERS) == expected


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("call", [call for call in MATRIX if MATRIX[call][0] != 405])
def test_whoever_is_not_signed_in_is_asked_to(call: tuple[str, str]) -> None:
    assert status(None, *call) == 302
    assert AuditEntry.objects.count() == 3


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("address", sorted({address for _method, address in MATRIX}))
def test_no_other_method_is_taken(method: str, address: str) -> None:
    assert status("adam", method, address) == 405


def test_every_address_is_in_the_table() -> None:
    addresses = [address.removeprefix("/audit/") for _method, address in MATRIX]
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        assert any(pattern.pattern.match(address) for address in addresses), pattern


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("method", "address"),
    [("get", "/audit/2/"), ("post", "/audit/check/"), ("get", "/audit/public-key/")],
)
def test_asking_for_what_one_may_not_see_is_written_down(method: str, address: str) -> None:
    status("bob", method, address)
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.action, entry.actor) == ("people.access.refused", "user:bob")
    assert address in entry.payload


@pytest.mark.usefixtures("log")
def test_a_form_without_its_token_is_refused() -> None:
    client = signed_in("adam")
    client.handler.enforce_csrf_checks = True
    for address in ("/audit/check/", "/audit/export/"):
        assert client.post(address, {"format": "csv"}).status_code == 403


def test_there_is_no_checkpoint_to_take_before_the_first(main: Portfolio) -> None:
    assert status("adam", "get", "/audit/checkpoint/") == 404


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_auditentry SET at = 'yesterday' WHERE sequence = 1",
        "UPDATE audit_auditentry SET payload = 'no json' WHERE sequence = 1",
        "UPDATE audit_auditentry SET payload = '[1]' WHERE sequence = 1",
    ],
)
@pytest.mark.parametrize("address", ["/audit/", "/audit/1/", "/audit/2/"])
def test_an_entry_that_somebody_changed_can_still_be_read(change: str, address: str) -> None:
    tamper(change)
    assert status("adam", "get", address) == 200
