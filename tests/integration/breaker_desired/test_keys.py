"""`apply` and the files with keys: sealed on reading, all or nothing, and never repeated."""

from pathlib import Path

import pytest

from breaker.services.desired.execution import make_approved
from breaker.services.desired.places import BadFile
from breaker.services.desired.steps import By
from oms.domain.credentials import Credentials, KeyPurpose
from oms.models import VenueKey
from oms.services.keys import credentials_of
from portfolio.models import Portfolio, VenueAccount
from riskconsole.audit.models import AuditEntry
from tests.clock import NOON
from tests.integration.breaker_desired.conftest import Applying

pytestmark = pytest.mark.django_db

BOOK = """\
[[venue]]
slug = "kraken"
exchange = "kraken"

[[portfolio]]
slug = "main"
reference_currency = "USDT"
initial_capital = "10000"
[[portfolio.account]]
slug = "spot"
venue = "kraken"
kind = "spot"
credentials_file = "keys/spot.toml"
"""
READ = Credentials(key="canary-key-1111", secret="canary-secret-1")
EMERGENCY = Credentials(key="canary-key-2222", secret="canary-secret-2", passphrase="canary-p")
BOTH = """\
[read]
key = "canary-key-1111"
secret = "canary-secret-1"
[emergency]
key = "canary-key-2222"
secret = "canary-secret-2"
passphrase = "canary-p"
"""


@pytest.fixture
def key_file(applying: Applying) -> Path:
    """Return the file with keys, in a folder beside the file that names it."""
    file = applying.file.parent / "keys" / "spot.toml"
    file.parent.mkdir()
    file.write_text(BOTH)
    return file


def stored() -> dict[KeyPurpose, Credentials | None]:
    account = VenueAccount.objects.get()
    return {
        purpose: credentials_of(account_id=account.pk, purpose=purpose) for purpose in KeyPurpose
    }


@pytest.mark.usefixtures("key_file")
def test_both_keys_of_the_file_are_sealed(applying: Applying) -> None:
    printed = applying(BOOK)

    assert stored() == {KeyPurpose.READ: READ, KeyPurpose.EMERGENCY: EMERGENCY}
    assert "~ portfolio main: account spot: READ key none -> ...1111\n" in printed
    assert AuditEntry.objects.filter(action="oms.key.set", actor="command").count() == 2
    assert "canary" not in printed + str(list(AuditEntry.objects.values()))


@pytest.mark.usefixtures("key_file")
def test_applying_twice_seals_once(applying: Applying) -> None:
    applying(BOOK)
    before = list(VenueKey.objects.values())

    assert applying(BOOK) == "Nothing to change\n"
    assert list(VenueKey.objects.values()) == before


def test_a_new_secret_under_the_same_key_is_a_change(applying: Applying, key_file: Path) -> None:
    applying(BOOK)
    key_file.write_text(BOTH.replace("canary-secret-1", "canary-secret-3"))

    printed = applying(BOOK)

    assert printed == "~ portfolio main: account spot: READ key ...1111 -> ...1111\n"
    assert stored()[KeyPurpose.READ] == Credentials(key="canary-key-1111", secret="canary-secret-3")


def test_a_purpose_that_the_file_does_not_name_is_left_alone(
    applying: Applying, key_file: Path
) -> None:
    applying(BOOK)
    key_file.write_text(BOTH[: BOTH.index("[emergency]")])

    assert applying(BOOK) == "Nothing to change\n"
    assert stored()[KeyPurpose.EMERGENCY] == EMERGENCY


@pytest.mark.usefixtures("key_file")
def test_check_reads_the_keys_and_keeps_nothing(applying: Applying) -> None:
    printed = applying(BOOK, "--check")

    assert "READ key none -> ...1111" in printed
    assert "canary" not in printed
    assert not VenueKey.objects.exists()


WRONG = [
    ("", "in that file line 1: holds something else than the tables read and emergency"),
    ('[read]\nkey = "canary', "in that file line 2: is not well-formed"),
    (BOTH + "canary", "in that file line 8: is not well-formed"),
    (BOTH + "canary = 1", "in that file line 4: emergency holds something else than key"),
    (BOTH.replace('secret = "canary-secret-1"\n', ""), "in that file line 1: read.secret is mi"),
    (BOTH.replace('"canary-secret-2"', '""'), "in that file line 6: emergency.secret is empty"),
    (BOTH.replace('"canary-key-1111"', '"canary"'), "in that file line 2: read.key is shorter"),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG)
def test_what_is_wrong_is_named_by_key_and_line_without_its_content(
    applying: Applying, key_file: Path, text: str, sentence: str
) -> None:
    key_file.write_text(text)

    for options in ((), ("--check",)):
        refused = applying.refused(BOOK, *options)
        assert refused.startswith(f"line 13: portfolio.account.credentials_file: {sentence}")
        assert "canary" not in refused
    assert not Portfolio.objects.exists()


@pytest.mark.parametrize("name", ["canary-no-such-file", "keys", "canary\\u0000"])
def test_a_file_that_cannot_be_read_is_refused_without_its_name(
    applying: Applying, key_file: Path, name: str
) -> None:
    refused = applying.refused(BOOK.replace("keys/spot.toml", name))

    assert refused.startswith("line 13: portfolio.account.credentials_file: ")
    assert "canary" not in refused


def test_bytes_that_are_no_text_are_refused(applying: Applying, key_file: Path) -> None:
    key_file.write_bytes(b"canary\xff")

    assert applying.refused(BOOK).endswith("in that file line 1: is not UTF-8")


@pytest.mark.usefixtures("key_file")
@pytest.mark.parametrize("venue", ["manual", "paper"])
def test_a_venue_without_keys_takes_none(applying: Applying, venue: str) -> None:
    refused = applying.refused(BOOK.replace('venue = "kraken"', f'venue = "{venue}"'))

    assert refused == (
        "line 13: portfolio.account.credentials_file: is not for accounts of the venue " + venue
    )


def test_an_armed_portfolio_gets_no_other_key_by_a_file(applying: Applying, key_file: Path) -> None:
    applying(BOOK)
    Portfolio.objects.update(armed_at=NOON)
    key_file.write_text(BOTH.replace("canary-key-2222", "canary-key-3333"))

    refused = applying.refused(BOOK)

    assert refused.startswith("line 13: portfolio.account.credentials_file: loosens what guards")
    assert "EMERGENCY key ...2222 -> ...3333" in refused
    assert stored()[KeyPurpose.EMERGENCY] == EMERGENCY


def test_an_armed_portfolio_gets_the_key_that_it_lacks(applying: Applying, key_file: Path) -> None:
    key_file.write_text(BOTH[: BOTH.index("[emergency]")])
    applying(BOOK)
    Portfolio.objects.update(armed_at=NOON)
    key_file.write_text(BOTH)

    applying(BOOK)

    assert stored()[KeyPurpose.EMERGENCY] == EMERGENCY


@pytest.mark.usefixtures("key_file")
def test_a_request_never_reads_a_file(applying: Applying) -> None:
    applying(BOOK)
    account = {"slug": "spot", "venue": "kraken", "kind": "spot", "credentials_file": "/etc/passwd"}
    wanted: dict[str, object] = {"portfolio": [{"slug": "main", "account": [account]}]}

    with pytest.raises(BadFile, match="credentials_file: is read by the command apply only"):
        make_approved(wanted, portfolio="main", by=By(now=NOON))
