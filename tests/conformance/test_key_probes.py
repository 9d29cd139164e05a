"""What a venue tells of a key decides whether it is kept."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from django.core.management import CommandError, call_command

from oms.domain.credentials import Credentials, KeyPurpose
from oms.models import VenueKey
from oms.services import probing
from portfolio.models import Venue, VenueAccount
from riskconsole.alerts.models import Alert, Level
from tests.clock import NOON
from tests.emulators.kraken import KrakenEmulator
from tests.emulators.wire import Key
from tests.factories import make_exchange_account, make_key, make_portfolio

pytestmark = pytest.mark.django_db


@pytest.fixture
def venue() -> Iterator[KrakenEmulator]:
    with KrakenEmulator() as emulator:
        yield emulator


@pytest.fixture
def account(venue: KrakenEmulator) -> VenueAccount:
    account = make_exchange_account(make_portfolio())
    Venue.objects.filter(pk=account.venue_id).update(urls=venue.urls)
    return account


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> "Stdin":
    return Stdin(monkeypatch)


class Stdin:
    """Hands a key to the command as a person would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def set(self, key: Credentials) -> str:
        text = json.dumps({"key": key.key, "secret": key.secret})
        self._monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(text.encode())))
        told = StringIO()
        call_command("key", "set", "main/spot", "--read", "--stdin", stdout=told, stderr=told)
        return told.getvalue()


def test_what_the_venue_tells_is_kept_with_the_key(
    venue: KrakenEmulator, account: VenueAccount, stdin: Stdin
) -> None:
    assert stdin.set(venue.add_key(may_trade=False)).startswith("Sealed the READ key")

    key = VenueKey.objects.get()
    assert (key.may_withdraw, key.may_trade) == (False, False)
    assert key.venue_account_id
    assert key.probed_at is not None


def test_a_key_that_may_withdraw_is_refused(
    venue: KrakenEmulator, account: VenueAccount, stdin: Stdin
) -> None:
    with pytest.raises(CommandError, match="may withdraw: make one at kraken that may not"):
        stdin.set(venue.add_key(may_withdraw=True))

    assert not VenueKey.objects.exists()


def test_a_key_that_the_venue_does_not_know_is_refused_without_a_trace_of_it(
    venue: KrakenEmulator, account: VenueAccount, stdin: Stdin
) -> None:
    stranger = Credentials(key="canary-key-9999", secret=venue.new_secret())

    with pytest.raises(CommandError, match="kraken refuses this key") as caught:
        stdin.set(stranger)

    assert "canary" not in str(caught.value)
    assert stranger.secret not in str(caught.value)
    assert not VenueKey.objects.exists()


def test_a_venue_that_does_not_answer_is_said_and_asked_again(
    account: VenueAccount, stdin: Stdin
) -> None:
    Venue.objects.filter(pk=account.venue_id).update(urls={"rest": "http://127.0.0.1:9"})
    valid = KrakenEmulator().credentials

    assert "Not known what the key may do: kraken could not be asked" in stdin.set(valid)

    assert VenueKey.objects.get().probed_at is None
    assert probing.accounts_due(now=NOON) == [account.pk]


@pytest.mark.parametrize(("age", "is_due"), [("5:59:59", False), ("6:00:01", True)])
def test_a_key_is_asked_about_again_after_six_hours(
    account: VenueAccount, age: str, is_due: bool
) -> None:
    hours, minutes, seconds = map(int, age.split(":"))
    make_key(account)
    VenueKey.objects.update(probed_at=NOON)

    now = NOON + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    assert probing.accounts_due(now=now) == ([account.pk] if is_due else [])


def test_a_key_that_was_given_the_right_to_withdraw_needs_a_human_once(
    venue: KrakenEmulator, account: VenueAccount, stdin: Stdin
) -> None:
    credentials = venue.add_key()
    stdin.set(credentials)
    venue.keys[credentials.key] = Key(credentials=credentials, may_trade=True, may_withdraw=True)

    for _ in range(2):
        probing.probe_keys(account.pk, NOON)

    assert VenueKey.objects.get(purpose=KeyPurpose.READ).may_withdraw
    alert = Alert.objects.get()
    assert alert.level == Level.NEEDS_HUMAN
    assert "may withdraw" in alert.subject
