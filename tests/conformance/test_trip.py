"""A trip empties an account through the services that do it in earnest, at every venue."""

from decimal import Decimal

import pytest

from oms.domain.cancel import LegStatus
from oms.domain.orders import OrderSide, OrderType
from oms.models import CancelLeg
from oms.services.feeding import take_snapshot
from portfolio.models import VenueAccount
from tests.clock import NOON
from tests.conformance.bench import Bench, Call, EmulatedBench, Trouble
from tests.integration.oms.desk import Desk


@pytest.fixture
def desk(bench: Bench) -> Desk:
    """Return the desk of the bench's portfolio, with keys where the venue wants them."""
    if isinstance(bench, EmulatedBench):
        bench.take_keys()
    return Desk(portfolio=bench.account.portfolio)


def leg_of(bench: Bench) -> CancelLeg:
    return CancelLeg.objects.get(account=bench.account)


def place_in_every_scope(bench: Bench) -> None:
    bench.own(bench.cash, "100000")
    bench.hold(str(bench.lot))
    bench.place()
    bench.place(side=OrderSide.SELL, order_type=OrderType.STOP)


def test_every_scope_ends_empty(bench: Bench, desk: Desk) -> None:
    place_in_every_scope(bench)
    desk.trip()

    desk.attend(seconds=20)

    assert bench.open_ids() == set()
    assert (leg_of(bench).status, leg_of(bench).error) == (LegStatus.EMPTY, "")


@pytest.mark.parametrize(
    "trouble", [Trouble.GHOST, Trouble.PARTIAL, Trouble.APPEAR, Trouble.DOWN, Trouble.SLOW_DOWN]
)
def test_a_trouble_on_the_way_delays_it_only(bench: Bench, desk: Desk, trouble: Trouble) -> None:
    place_in_every_scope(bench)
    bench.trouble(trouble, Call.CANCEL_ALL)
    desk.trip()

    desk.attend(seconds=30)

    assert bench.open_ids() == set()
    assert leg_of(bench).status == LegStatus.EMPTY


def test_a_revoked_key_is_never_called_empty(bench: Bench, desk: Desk) -> None:
    place_in_every_scope(bench)
    for _ in range(40):
        bench.trouble(Trouble.REVOKED, Call.LIST)
    desk.trip()

    desk.attend(seconds=3)

    assert leg_of(bench).status == LegStatus.NEEDS_HUMAN
    assert "AuthFailed" in leg_of(bench).error


def test_a_snapshot_becomes_the_accounts_holdings(bench: Bench, desk: Desk) -> None:
    bench.own(bench.cash, "1000.25")

    take_snapshot(account_id=bench.account.pk, now=NOON)

    account = VenueAccount.objects.get(pk=bench.account.pk)
    assert account.as_of == NOON
    assert dict(account.balances.values_list("asset", "total"))[bench.cash] == Decimal("1000.25")
