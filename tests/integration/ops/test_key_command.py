"""`key`: a key goes in through standard input and never comes out; the master key changes whole."""

import json
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from pytest_django import Settings

from oms.domain.credentials import Credentials, KeyPurpose
from oms.models import VenueKey
from oms.services.keys import credentials_of
from portfolio.models import Portfolio, VenueAccount
from riskconsole.audit.models import AuditEntry
from riskconsole.sealing import CannotOpen, unseal
from tests.clock import NOON
from tests.factories import make_exchange_account, make_portfolio, make_user
from tests.second_factors import add_app, add_recovery_codes

pytestmark = pytest.mark.django_db

READ = {"key": "canary-key-1111", "secret": "canarysecret1111"}
EMERGENCY = {"key": "canary-key-2222", "secret": "canarysecret2222", "passphrase": "canary-phrase"}


@pytest.fixture
def account() -> VenueAccount:
    return make_exchange_account(make_portfolio())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> "Running":
    return Running(monkeypatch)


class Running:
    """Runs the command with a text on standard input, and tells what was printed or refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def __call__(self, *arguments: str, given: bytes = b"") -> str:
        out = StringIO()
        self.monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(given)))
        call_command("key", *arguments, stdout=out)
        return out.getvalue()

    def set(self, purpose: str, key: dict[str, str], *, of: str = "main/spot") -> str:
        return self("set", of, purpose, "--stdin", given=json.dumps(key).encode())

    def refused(self, *arguments: str, given: bytes = b"") -> str:
        with pytest.raises(CommandError) as caught:
            self(*arguments, given=given)
        assert "canary" not in str(caught.value)
        return str(caught.value)


def stored(account: VenueAccount, purpose: KeyPurpose) -> Credentials | None:
    return credentials_of(account_id=account.pk, purpose=purpose)


def test_set_seals_a_key_for_each_purpose_and_prints_neither(
    account: VenueAccount, run: Running
) -> None:
    assert run.set("--read", READ) == "Sealed the READ key ...1111\n"
    assert run.set("--emergency", EMERGENCY) == "Sealed the EMERGENCY key ...2222\n"

    assert stored(account, KeyPurpose.READ) == Credentials(**READ)
    assert stored(account, KeyPurpose.EMERGENCY) == Credentials(**EMERGENCY)
    assert AuditEntry.objects.filter(action="oms.key.set", actor="command").count() == 2


def test_toml_is_taken_too(account: VenueAccount, run: Running) -> None:
    text = 'key = "canary-key-1111"\nsecret = "canarysecret1111"\n'

    run("set", "main/spot", "--read", "--stdin", given=text.encode())

    assert stored(account, KeyPurpose.READ) == Credentials(**READ)


def test_list_shows_everything_but_the_keys(account: VenueAccount, run: Running) -> None:
    run.set("--read", READ)
    run.set("--emergency", EMERGENCY)

    lines = run("list").splitlines()

    assert [line.split(" set ")[0] for line in lines] == [
        "main/spot READ key ...1111",
        "main/spot EMERGENCY key ...2222",
    ]
    assert all(line.endswith(" by command never asked at the venue") for line in lines)
    assert "canary" not in "".join(lines)


def test_list_says_which_key_is_of_no_use(
    account: VenueAccount, run: Running, settings: Settings
) -> None:
    run.set("--read", READ)
    settings.MASTER_KEY = "another one"

    assert run("list").endswith("CANNOT BE OPENED with this master key\n")


def test_remove_forgets_the_key(account: VenueAccount, run: Running) -> None:
    run.set("--read", READ)

    assert run("remove", "main/spot", "--read") == "Removed the READ key\n"
    assert not VenueKey.objects.exists()
    assert run.refused("remove", "main/spot", "--read") == "main/spot has no READ key"


def test_an_armed_portfolio_keeps_its_keys(account: VenueAccount, run: Running) -> None:
    run.set("--read", READ)
    Portfolio.objects.update(armed_at=NOON)
    given = json.dumps(EMERGENCY).encode()

    assert "takes a second person" in run.refused("remove", "main/spot", "--read")
    assert "takes a second person" in run.refused(
        "set", "main/spot", "--read", "--stdin", given=given
    )
    assert stored(account, KeyPurpose.READ) == Credentials(**READ)


@pytest.mark.parametrize("name", ["main/perp", "other/spot", "main", "spot", "main/spot/x", "/"])
def test_an_unknown_account_is_refused(account: VenueAccount, run: Running, name: str) -> None:
    refused = run.refused("set", name, "--read", "--stdin", given=json.dumps(READ).encode())

    assert refused == f"There is no account {name!r}"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (b"", "The key on standard input: key is missing"),
        (b"canary-secret", "The key on standard input: line 1: is not well-formed"),
        (b"key='canary-key'", "The key on standard input: secret is missing"),
        (b"canary\xff", "The key on standard input: is not UTF-8"),
    ],
)
def test_what_is_no_key_is_refused_without_being_repeated(
    account: VenueAccount, run: Running, given: bytes, sentence: str
) -> None:
    assert run.refused("set", "main/spot", "--read", "--stdin", given=given) == sentence
    assert not AuditEntry.objects.exists()


def test_a_key_is_never_an_argument(account: VenueAccount, run: Running) -> None:
    assert "--stdin" in run.refused("set", "main/spot", "--read")
    assert "not allowed with" in run.refused("set", "main/spot", "--read", "--emergency", "--stdin")


@pytest.fixture
def _sealed_before(account: VenueAccount, run: Running, settings: Settings) -> None:
    """Seal a venue key and somebody's second factors before the master key is changed."""
    settings.MASTER_KEY = "the old master key"
    run.set("--read", READ)
    user = make_user("ada")
    add_app(user)
    add_recovery_codes(user)
    settings.OLD_MASTER_KEY, settings.MASTER_KEY = settings.MASTER_KEY, "the new master key"


def second_factors() -> tuple[str, list[str]]:
    """Return the secret of the app, and the recovery codes."""
    app, codes = Authenticator.objects.order_by("pk")
    return unseal(app.data["secret"], purpose="second factor"), codes.wrap().get_unused_codes()


@pytest.mark.usefixtures("_sealed_before")
def test_before_the_rotation_both_master_keys_open(account: VenueAccount) -> None:
    assert stored(account, KeyPurpose.READ) == Credentials(**READ)


@pytest.mark.usefixtures("_sealed_before")
def test_rotation_seals_everything_anew(
    account: VenueAccount, run: Running, settings: Settings
) -> None:
    before = second_factors()

    assert run("rotate") == "Sealed anew: 1 venue keys, 2 second factors\n"

    settings.OLD_MASTER_KEY = ""
    assert stored(account, KeyPurpose.READ) == Credentials(**READ)
    assert second_factors() == before
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.action, entry.actor) == ("ops.master_key.changed", "command")


@pytest.mark.usefixtures("_sealed_before")
def test_a_second_rotation_finds_nothing_left(run: Running) -> None:
    run("rotate")
    before = list(VenueKey.objects.values())

    assert run("rotate") == "Sealed anew: 0 venue keys, 0 second factors\n"
    assert list(VenueKey.objects.values()) == before


@pytest.mark.usefixtures("_sealed_before")
def test_one_row_that_does_not_open_stops_the_whole_rotation(
    account: VenueAccount, run: Running, settings: Settings
) -> None:
    app = Authenticator.objects.get(type=Authenticator.Type.TOTP)
    app.data["secret"] = "AAAA" + app.data["secret"][4:]
    app.save()
    before = list(VenueKey.objects.values())

    assert run.refused("rotate").startswith("The second factor of ada cannot be opened")
    assert list(VenueKey.objects.values()) == before
    assert not AuditEntry.objects.filter(action="ops.master_key.changed").exists()


@pytest.mark.parametrize("old", ["", "the new master key"])
def test_a_rotation_needs_two_master_keys(
    account: VenueAccount, run: Running, settings: Settings, old: str
) -> None:
    settings.MASTER_KEY, settings.OLD_MASTER_KEY = "the new master key", old

    assert "must name the new master key" in run.refused("rotate")


@pytest.mark.usefixtures("_sealed_before")
def test_what_the_new_master_key_sealed_the_old_one_does_not_open(
    account: VenueAccount, run: Running, settings: Settings
) -> None:
    run("rotate")
    settings.MASTER_KEY, settings.OLD_MASTER_KEY = settings.OLD_MASTER_KEY, ""

    with pytest.raises(CannotOpen):
        stored(account, KeyPurpose.READ)
