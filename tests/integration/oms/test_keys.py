"""Keys of venue accounts: sealed for one row, swapped and removed with a second person once armed."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from breaker.domain.approval import RequestKind
from oms.domain.credentials import Credentials, KeyPurpose
from oms.models import VenueKey
from oms.services import keys
from oms.services.keys import (
    RELEASED_FOR,
    KeyRefused,
    credentials_of,
    note_permissions,
    release_key,
    remove_key,
    set_key,
)
from oms.venues.base import KeyPermissions
from portfolio.models import Portfolio, VenueAccount
from riskconsole.audit.models import AuditEntry
from riskconsole.people.approval import NeedsApproval
from riskconsole.sealing import CannotOpen
from tests.clock import NOON
from tests.factories import make_account, make_exchange_account, make_executed, make_portfolio

pytestmark = pytest.mark.django_db

ONE = Credentials(key="canary-key-1111", secret="canary-secret-1", passphrase="canary-phrase-1")
TWO = Credentials(key="canary-key-2222", secret="canary-secret-2")
OURS = KeyPermissions(
    may_withdraw=False,
    may_trade=False,
    account_id="AA11",
    has_address_list=True,
    expires_at=NOON,
)
SILENT = KeyPermissions(
    may_withdraw=None, may_trade=None, account_id=None, has_address_list=None, expires_at=None
)


@pytest.fixture
def account() -> VenueAccount:
    return make_exchange_account(make_portfolio())


@pytest.fixture
def armed(account: VenueAccount) -> VenueAccount:
    Portfolio.objects.update(armed_at=NOON)
    return account


def put(
    account: VenueAccount,
    credentials: Credentials = ONE,
    permissions: KeyPermissions | None = None,
    *,
    purpose: KeyPurpose = KeyPurpose.READ,
    now: datetime = NOON,
) -> VenueKey:
    return set_key(
        account_id=account.pk,
        purpose=purpose,
        credentials=credentials,
        permissions=permissions,
        actor="user:ada",
        address="192.0.2.7",
        now=now,
    )


def take(account: VenueAccount, *, now: datetime = NOON) -> None:
    remove_key(
        account_id=account.pk,
        purpose=KeyPurpose.READ,
        actor="user:ada",
        address="192.0.2.7",
        now=now,
    )


def release(account: VenueAccount, *, key_hint: str = "1111") -> None:
    """Let go of the READ key as two people do, in rows alone."""
    make_executed(account.portfolio, RequestKind.KEY)
    release_key(
        portfolio_id=account.portfolio_id,
        account=account.slug,
        purpose=KeyPurpose.READ,
        key_hint=key_hint,
        approval="request:7",
        now=NOON,
    )


def stored(account: VenueAccount, purpose: KeyPurpose = KeyPurpose.READ) -> Credentials | None:
    return credentials_of(account_id=account.pk, purpose=purpose)


def log() -> list[dict[str, str]]:
    entries = AuditEntry.objects.order_by("sequence")
    return [{"action": e.action, "actor": e.actor, "payload": e.payload} for e in entries]


def test_a_key_is_read_back_for_its_purpose_only(account: VenueAccount) -> None:
    put(account)

    assert stored(account) == ONE
    assert stored(account, KeyPurpose.EMERGENCY) is None


def test_the_row_holds_the_seal_and_the_last_four_characters(account: VenueAccount) -> None:
    key = put(account)

    assert "canary" not in str(VenueKey.objects.values().get())
    assert (key.key_hint, key.set_by, key.set_at) == ("1111", "user:ada", NOON)
    assert str(key) == "READ key ...1111"


def test_the_same_key_is_sealed_differently_each_time(account: VenueAccount) -> None:
    assert put(account).sealed != put(account).sealed


@pytest.mark.parametrize("purpose", KeyPurpose)
def test_a_seal_copied_to_another_row_does_not_open(
    account: VenueAccount, purpose: KeyPurpose
) -> None:
    other = make_exchange_account(account.portfolio, "perp")
    target = account if purpose is KeyPurpose.EMERGENCY else other
    sealed = put(account).sealed
    put(target, TWO, purpose=purpose)
    VenueKey.objects.filter(account=target, purpose=purpose).update(sealed=sealed)

    with pytest.raises(CannotOpen, match=f"{purpose} key of account {target.pk} cannot be opened"):
        stored(target, purpose)


def test_a_changed_seal_does_not_open(account: VenueAccount) -> None:
    sealed = put(account).sealed
    for wrong in ("", "A", "AAAA", "no base64!", sealed[:-8], "A" + sealed[1:], sealed + "AAAA"):
        VenueKey.objects.update(sealed=wrong or "x")
        with pytest.raises(CannotOpen):
            stored(account)


def test_another_master_key_opens_nothing(account: VenueAccount, settings: Settings) -> None:
    key = put(account)
    settings.MASTER_KEY = "another one"

    assert not keys.opens(key)
    with pytest.raises(CannotOpen):
        stored(account)


def test_the_log_tells_who_set_and_removed_which_key(account: VenueAccount) -> None:
    put(account)
    put(account, TWO)
    take(account)

    told = log()
    assert [entry["action"] for entry in told] == ["oms.key.set", "oms.key.set", "oms.key.removed"]
    assert {entry["actor"] for entry in told} == {"user:ada"}
    assert '"replaces":"1111"' in told[1]["payload"]
    assert '"key_hint":"2222"' in told[2]["payload"]
    assert "canary" not in str(told)


def test_what_the_venue_said_is_kept_with_the_key(account: VenueAccount) -> None:
    key = put(account, permissions=OURS)

    assert (key.venue_account_id, key.may_withdraw, key.may_trade) == ("AA11", False, False)
    assert (key.has_address_list, key.expires_at, key.probed_at) == (True, NOON, NOON)


def test_nothing_of_an_earlier_answer_stays(account: VenueAccount) -> None:
    put(account, permissions=OURS)
    key = put(account)

    assert (key.venue_account_id, key.may_withdraw, key.probed_at) == ("", None, None)


def note(account: VenueAccount, permissions: KeyPermissions, *, key_hint: str = "1111") -> None:
    note_permissions(
        account_id=account.pk,
        purpose=KeyPurpose.READ,
        key_hint=key_hint,
        permissions=permissions,
        now=NOON + timedelta(hours=6),
    )


def test_a_later_answer_is_kept_and_told_where_it_differs(account: VenueAccount) -> None:
    put(account, permissions=OURS)

    note(account, OURS)
    assert VenueKey.objects.get().probed_at == NOON + timedelta(hours=6)
    assert len(log()) == 1

    note(account, replace(OURS, may_withdraw=True, has_address_list=False))
    assert VenueKey.objects.get().may_withdraw
    assert log()[-1]["action"] == "oms.key.probed"
    assert '"changed":["may_withdraw","has_address_list"]' in log()[-1]["payload"]


@pytest.mark.parametrize("account_id", [None, "BB22"])
def test_whose_key_it_is_stays_as_it_was_first_told(
    account: VenueAccount, account_id: str | None
) -> None:
    put(account, permissions=SILENT)
    note(account, OURS)

    note(account, replace(OURS, account_id=account_id))

    assert VenueKey.objects.get().venue_account_id == "AA11"


def test_an_answer_about_an_earlier_key_is_dropped(account: VenueAccount) -> None:
    put(account, TWO)

    note(account, OURS)

    assert VenueKey.objects.get().probed_at is None


def test_a_key_that_may_withdraw_is_refused(account: VenueAccount) -> None:
    with pytest.raises(KeyRefused, match="This READ key may withdraw"):
        put(account, permissions=replace(OURS, may_withdraw=True))

    assert not VenueKey.objects.exists()


@pytest.mark.parametrize("purpose", KeyPurpose)
def test_a_key_of_another_account_is_refused(account: VenueAccount, purpose: KeyPurpose) -> None:
    put(account, permissions=OURS)

    with pytest.raises(KeyRefused, match=r"is of account BB22 at the venue, .* of account AA11"):
        put(account, TWO, replace(OURS, account_id="BB22"), purpose=purpose)

    assert stored(account) == ONE


@pytest.mark.parametrize("venue", ["manual", "paper"])
def test_a_venue_without_keys_takes_none(account: VenueAccount, venue: str) -> None:
    other = make_account(account.portfolio, "other", venue=venue)

    with pytest.raises(KeyRefused, match=f"main/other is at {venue}, which takes no key"):
        put(other)


def test_removing_what_is_not_there_is_refused(account: VenueAccount) -> None:
    with pytest.raises(KeyRefused, match="main/spot has no READ key"):
        take(account)


def test_before_a_portfolio_is_armed_one_person_swaps_and_removes(account: VenueAccount) -> None:
    put(account)
    put(account, TWO)
    take(account)

    assert stored(account) is None


def test_an_armed_portfolio_takes_a_first_key_from_one_person(armed: VenueAccount) -> None:
    put(armed)

    assert stored(armed) == ONE


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, None), (OURS, None), (None, OURS), (OURS, SILENT), (SILENT, SILENT)],
)
def test_an_armed_portfolio_keeps_a_key_that_may_be_of_another_account(
    armed: VenueAccount, before: KeyPermissions | None, after: KeyPermissions | None
) -> None:
    put(armed, permissions=before)

    with pytest.raises(NeedsApproval, match="main is armed: swapping the READ key of spot takes"):
        put(armed, TWO, after)

    assert stored(armed) == ONE


@pytest.mark.parametrize("after", [None, SILENT, OURS, replace(OURS, account_id="BB22")])
def test_a_released_key_is_swapped_once(armed: VenueAccount, after: KeyPermissions | None) -> None:
    put(armed, permissions=OURS)
    release(armed)

    key = put(armed, TWO, after)

    assert stored(armed) == TWO
    assert '"approval":"request:7"' in log()[-1]["payload"]
    assert (key.released_until, key.released_by) == (None, "")
    with pytest.raises(NeedsApproval):
        put(armed, ONE, SILENT)


def test_a_release_of_one_key_swaps_no_other(armed: VenueAccount) -> None:
    put(armed, permissions=OURS)
    put(armed, TWO, OURS, purpose=KeyPurpose.EMERGENCY)
    release(armed)

    with pytest.raises(NeedsApproval):
        put(armed, ONE, purpose=KeyPurpose.EMERGENCY)
    with pytest.raises(KeyRefused, match="the EMERGENCY key of main/spot is of account AA11"):
        put(armed, ONE, replace(OURS, account_id="BB22"))


def test_a_release_ends_after_an_hour(armed: VenueAccount) -> None:
    put(armed)
    release(armed)

    for act in (lambda now: put(armed, TWO, now=now), lambda now: take(armed, now=now)):
        with pytest.raises(NeedsApproval):
            act(NOON + RELEASED_FOR)
    put(armed, TWO, now=NOON + RELEASED_FOR - timedelta(microseconds=1))

    assert stored(armed) == TWO


def test_a_release_is_for_the_key_that_was_named(armed: VenueAccount) -> None:
    put(armed)

    with pytest.raises(KeyRefused, match=r"spot has no READ key \.\.\.2222"):
        release(armed, key_hint="2222")


def test_a_new_key_of_the_same_account_needs_nobody_else(armed: VenueAccount) -> None:
    put(armed, permissions=OURS)
    put(armed, TWO, OURS)

    assert stored(armed) == TWO


def test_an_armed_portfolio_loses_no_key_by_one_person(armed: VenueAccount) -> None:
    put(armed)

    with pytest.raises(NeedsApproval, match="removing the READ key of spot takes a second person"):
        take(armed)

    assert stored(armed) == ONE
    release(armed)
    take(armed)
    assert stored(armed) is None
    assert '"approval":"request:7"' in log()[-1]["payload"]


def test_the_key_of_a_removed_account_guards_nothing(account: VenueAccount) -> None:
    put(account)
    VenueAccount.objects.update(removed_at=NOON)
    Portfolio.objects.update(armed_at=NOON)

    take(account)

    assert not VenueKey.objects.exists()


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"sealed": ""}, "venue_key_is_sealed"),
        ({"may_withdraw": False}, "venue_key_facts_were_probed"),
        ({"venue_account_id": "AA11"}, "venue_key_facts_were_probed"),
        ({"expires_at": NOON}, "venue_key_facts_were_probed"),
        ({"released_by": "request:7"}, "venue_key_release_has_request"),
    ],
)
def test_the_database_refuses(account: VenueAccount, columns: dict[str, Any], name: str) -> None:
    put(account)

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        VenueKey.objects.update(**columns)


def test_the_database_knows_two_purposes(account: VenueAccount) -> None:
    key = put(account)
    key.pk, key.purpose = None, "TRADE"

    with pytest.raises(IntegrityError, match="venue_key_purpose_known"):
        key.save(force_insert=True)


def test_the_database_keeps_one_key_for_each_purpose(account: VenueAccount) -> None:
    key = put(account)
    key.pk = None

    with pytest.raises(IntegrityError, match=r"venue_key_unique|row that guards"):
        key.save(force_insert=True)
