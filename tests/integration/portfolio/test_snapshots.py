from datetime import timedelta
from decimal import Decimal

import pytest

from portfolio.domain.holdings import AccountKind, Side
from portfolio.models import Balance, Portfolio, Position, VenueAccount
from portfolio.services.snapshots import (
    FutureSnapshot,
    PositionLine,
    PositionsOnSpot,
    StaleSnapshot,
    apply_snapshot,
)
from tests.clock import NOON, after
from tests.factories import make_account, make_portfolio

pytestmark = pytest.mark.django_db

LONG = PositionLine(
    instrument="BTC/USDT:USDT", side=Side.LONG, quantity=Decimal(1), entry_price=Decimal(50000)
)
SHORT = PositionLine(
    instrument="BTC/USDT:USDT", side=Side.SHORT, quantity=Decimal(2), entry_price=Decimal(51000)
)


@pytest.fixture
def margin() -> VenueAccount:
    return make_account(make_portfolio(), "perp", kind=AccountKind.MARGIN)


def test_a_snapshot_replaces_all_lines_of_its_account(margin: VenueAccount) -> None:
    apply_snapshot(
        account_id=margin.pk,
        balances={"USDT": Decimal(5), "BTC": Decimal(1)},
        positions=[LONG, SHORT],
        as_of=None,
        now=NOON,
    )

    apply_snapshot(
        account_id=margin.pk, balances={"ETH": Decimal(2)}, positions=[], as_of=None, now=after(1)
    )

    assert list(Balance.objects.values_list("asset", "total")) == [("ETH", Decimal(2))]
    assert not Position.objects.exists()


def test_a_long_and_a_short_of_one_instrument_are_two_rows(margin: VenueAccount) -> None:
    apply_snapshot(account_id=margin.pk, balances={}, positions=[LONG, SHORT], as_of=None, now=NOON)

    assert set(Position.objects.values_list("side", flat=True)) == {"LONG", "SHORT"}


@pytest.mark.parametrize("age", [0, 1])
def test_one_that_is_not_later_is_refused_and_changes_nothing(
    margin: VenueAccount, age: int
) -> None:
    apply_snapshot(
        account_id=margin.pk, balances={"USDT": Decimal(5)}, positions=[], as_of=NOON, now=NOON
    )

    with pytest.raises(StaleSnapshot):
        apply_snapshot(
            account_id=margin.pk,
            balances={},
            positions=[],
            as_of=NOON - timedelta(seconds=age),
            now=after(5),
        )

    assert Balance.objects.get().total == Decimal(5)


def test_one_two_seconds_ahead_is_taken_and_a_microsecond_more_is_not(
    margin: VenueAccount,
) -> None:
    ahead = NOON + timedelta(seconds=2)
    with pytest.raises(FutureSnapshot):
        apply_snapshot(
            account_id=margin.pk,
            balances={},
            positions=[],
            as_of=ahead + timedelta(microseconds=1),
            now=NOON,
        )

    apply_snapshot(account_id=margin.pk, balances={}, positions=[], as_of=ahead, now=NOON)

    margin.refresh_from_db()
    assert margin.as_of == ahead


def test_without_a_time_it_is_a_microsecond_after_one_from_the_future(
    margin: VenueAccount,
) -> None:
    ahead = NOON + timedelta(seconds=2)
    apply_snapshot(account_id=margin.pk, balances={}, positions=[], as_of=ahead, now=NOON)

    account = apply_snapshot(account_id=margin.pk, balances={}, positions=[], as_of=None, now=NOON)

    assert account.as_of == ahead + timedelta(microseconds=1)


def test_a_spot_account_holds_no_positions() -> None:
    account = make_portfolio().accounts.get()

    with pytest.raises(PositionsOnSpot, match="cash"):
        apply_snapshot(account_id=account.pk, balances={}, positions=[LONG], as_of=None, now=NOON)


def test_only_a_change_of_lines_makes_a_new_version(margin: VenueAccount) -> None:
    for second in range(3):
        apply_snapshot(
            account_id=margin.pk,
            balances={"USDT": Decimal(5)},
            positions=[],
            as_of=None,
            now=after(second),
        )

    assert Portfolio.objects.get().holdings_version == 1
