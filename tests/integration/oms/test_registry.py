"""Which adapter an account gets, and what a process has to load for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from oms.domain.credentials import KeyPurpose
from oms.venues.base import AuthFailed, Unsupported
from oms.venues.ccxt.adapter import CcxtAdapter
from oms.venues.registry import adapter_for
from portfolio.models import VenueAccount
from tests.factories import make_exchange_account, make_key, make_portfolio

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> VenueAccount:
    return make_exchange_account(make_portfolio())


@pytest.mark.parametrize("kept", KeyPurpose)
@pytest.mark.parametrize("wanted", KeyPurpose)
def test_a_key_of_either_kind_is_better_than_none(
    account: VenueAccount, kept: KeyPurpose, wanted: KeyPurpose
) -> None:
    make_key(account, kept)

    assert isinstance(adapter_for(account, purpose=wanted), CcxtAdapter)


def test_an_account_without_keys_says_so_when_it_is_asked(account: VenueAccount) -> None:
    adapter = adapter_for(account)

    with pytest.raises(AuthFailed, match="has no key"):
        adapter.open_orders()


def test_a_venue_that_nobody_knows_says_so_when_it_is_asked(account: VenueAccount) -> None:
    make_key(account)
    account.venue.exchange = "nosuchvenue"

    with pytest.raises(Unsupported, match="nosuchvenue"):
        adapter_for(account).cancel_all()


def test_a_process_without_exchange_accounts_does_not_load_ccxt() -> None:
    script = (
        "import sys, django; django.setup();"
        "import oms.tasks, oms.services.cancelling, oms.services.feeding, oms.venues.registry;"
        "import riskconsole.urls, riskconsole.celery;"
        "sys.exit('ccxt' in sys.modules)"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, check=False, timeout=120
    )

    assert done.returncode == 0
