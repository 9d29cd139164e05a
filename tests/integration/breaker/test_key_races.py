"""Several at once at one key: one approval swaps it once, and a rotation loses none."""

from collections.abc import Callable
from functools import partial

import pytest
from pytest_django import Settings

from breaker.domain.approval import RequestKind
from oms.domain.credentials import KeyPurpose
from oms.models import VenueKey
from oms.services.keys import credentials_of, release_key
from portfolio.models import Portfolio, VenueAccount
from riskconsole.ops.resealing import Resealed, reseal_everything
from riskconsole.people.approval import NeedsApproval
from tests.clock import NOON
from tests.factories import make_exchange_account, make_executed, make_key, make_portfolio
from tests.integration.breaker.racing import together

pytestmark = pytest.mark.usefixtures("flushable_db")

RACERS = 6


@pytest.fixture
def account(flushable_db: None) -> VenueAccount:
    return make_exchange_account(make_portfolio())


def key_of(account: VenueAccount) -> str:
    found = credentials_of(account_id=account.pk, purpose=KeyPurpose.READ)
    return found.key if found else ""


def setting(account: VenueAccount, number: int) -> Callable[[], VenueKey]:
    return partial(make_key, account, key=f"a-key-900{number}")


def test_of_many_who_swap_a_released_key_one_does(account: VenueAccount) -> None:
    make_key(account)
    Portfolio.objects.update(armed_at=NOON)
    make_executed(account.portfolio, RequestKind.KEY)
    release_key(
        portfolio_id=account.portfolio_id,
        account=account.slug,
        purpose=KeyPurpose.READ,
        key_hint="1111",
        approval="request:1",
        now=NOON,
    )

    found = together([setting(account, number) for number in range(RACERS)])

    (key,) = [one for one in found if isinstance(one, VenueKey)]
    assert sum(isinstance(one, NeedsApproval) for one in found) == RACERS - 1
    assert key_of(account).endswith(key.key_hint)


def test_of_many_who_set_a_first_key_one_does_once_it_is_armed(account: VenueAccount) -> None:
    Portfolio.objects.update(armed_at=NOON)

    found = together([setting(account, number) for number in range(RACERS)])

    assert sum(isinstance(one, NeedsApproval) for one in found) == RACERS - 1
    assert VenueKey.objects.count() == 1


def test_keys_set_during_rotations_open_with_the_new_master_key(
    account: VenueAccount, settings: Settings
) -> None:
    settings.MASTER_KEY = "the old master key"
    make_key(account)
    settings.OLD_MASTER_KEY, settings.MASTER_KEY = settings.MASTER_KEY, "the new master key"

    rotations = [partial(reseal_everything, actor="command", now=NOON)] * 3
    found = together([*rotations, *(setting(account, number) for number in range(3))])

    resealed = [one.venue_keys for one in found if isinstance(one, Resealed)]
    assert len(resealed) == 3
    assert sum(resealed) <= 1
    settings.OLD_MASTER_KEY = ""
    assert key_of(account).startswith("a-key-900")
