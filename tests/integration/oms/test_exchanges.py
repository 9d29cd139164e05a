from datetime import datetime
from threading import Event

import pytest

from oms.services import exchanges
from oms.services.exchanges import QUOTES_EVERY, SNAPSHOTS_EVERY, Exchanges
from portfolio.domain.holdings import AccountKind, VenueKind
from portfolio.models import MarkSource, Venue, VenueAccount
from tests.integration.oms.desk import NOON, Desk, make_venue

Asked = list[tuple[str, int]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Note what is asked of whom instead of asking."""
    asked: Asked = []

    def ask_quotes(_books: object, account_id: int, _now: datetime) -> None:
        asked.append(("quotes", account_id))

    def ask_snapshot(account_id: int, _now: datetime) -> None:
        asked.append(("snapshot", account_id))

    monkeypatch.setattr(exchanges, "_try_quotes", ask_quotes)
    monkeypatch.setattr(exchanges, "try_snapshot", ask_snapshot)
    return asked


def make_exchange() -> Venue:
    return Venue.objects.create(
        slug="kraken", kind=VenueKind.EXCHANGE, exchange="kraken", source=MarkSource.VENUE
    )


def make_exchange_account(desk: Desk, slug: str, venue: Venue) -> VenueAccount:
    return VenueAccount.objects.create(
        portfolio=desk.portfolio, venue=venue, slug=slug, kind=AccountKind.SPOT
    )


def poll(found: Exchanges, number: int) -> None:
    for job in found.poll(number=number, now=NOON):
        job.join(timeout=5)


def test_each_account_has_its_turns(desk: Desk, asked: Asked) -> None:
    account = make_exchange_account(desk, "spot", make_exchange())
    found = Exchanges()

    for number in range(QUOTES_EVERY * SNAPSHOTS_EVERY):
        poll(found, number)

    assert asked.count(("quotes", account.pk)) == SNAPSHOTS_EVERY
    assert asked.count(("snapshot", account.pk)) == QUOTES_EVERY


def test_two_accounts_of_one_market_ask_for_its_prices_once(desk: Desk, asked: Asked) -> None:
    venue = make_exchange()
    first = make_exchange_account(desk, "one", venue)
    second = make_exchange_account(desk, "two", venue)
    found = Exchanges()

    for number in range(SNAPSHOTS_EVERY):
        poll(found, number)

    assert ("quotes", first.pk) in asked
    assert ("quotes", second.pk) not in asked
    assert ("snapshot", first.pk) in asked
    assert ("snapshot", second.pk) in asked


def test_what_still_waits_for_its_answer_is_not_asked_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_exchange_account(desk, "spot", make_exchange())
    answered, calls = Event(), []

    def hang(_books: object, account_id: int, _now: datetime) -> None:
        calls.append(account_id)
        answered.wait(5)

    monkeypatch.setattr(exchanges, "_try_quotes", hang)
    monkeypatch.setattr(exchanges, "try_snapshot", lambda *_: None)
    found = Exchanges()
    jobs = [
        job for number in range(3 * QUOTES_EVERY) for job in found.poll(number=number, now=NOON)
    ]
    answered.set()
    for job in jobs:
        job.join(timeout=5)

    assert calls == [account.pk]


def test_simulated_and_manual_accounts_are_nobodys_exchange(desk: Desk, asked: Asked) -> None:
    make_exchange_account(desk, "hand", make_venue("manual", VenueKind.MANUAL))
    found = Exchanges()

    for number in range(SNAPSHOTS_EVERY):
        poll(found, number)

    assert asked == []
