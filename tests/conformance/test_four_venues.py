"""One portfolio over four markets: its true equity, and a trip that empties every scope."""

import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import ccxt
import pytest

from breaker.domain.machine import BreakerState
from breaker.models import Breaker
from breaker.services.gate import gate_of
from oms.domain.cancel import LegStatus
from oms.domain.closing import CloseStatus
from oms.domain.orders import OrderSide
from oms.models import CancelLeg, CloseLeg
from oms.venues.base import VenueError
from portfolio.domain.holdings import Side
from portfolio.domain.quality import Health
from portfolio.models import Evaluation, Portfolio, VenueAccount
from tests.conformance.desk import WORTH, FourVenues, four_venues
from tests.emulators.faults import Fault, FaultKind

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several markets are read in turn: none is given up early, and none is read slowly."""
    monkeypatch.setattr(ccxt.Exchange, "throttle", lambda *_: None)


@pytest.fixture
def desk() -> Iterator[FourVenues]:
    with four_venues() as desk:
        yield desk


@pytest.fixture
def armed(desk: FourVenues) -> FourVenues:
    arm(desk)
    return desk


def arm(desk: FourVenues) -> None:
    """Read often enough: the first mark of an instrument is held, only the second counts."""
    for _ in range(3):
        desk.read()


def legs() -> dict[str, str]:
    return dict(CancelLeg.objects.values_list("account__slug", "status"))


def statuses() -> dict[str, str]:
    return dict(CloseLeg.objects.values_list("account__slug", "status"))


def positions(desk: FourVenues) -> dict[tuple[str, Side], Decimal]:
    return {
        key: position.quantity
        for place in desk.places.values()
        for key, position in place.emulator.book.positions.items()
    }


def closed(desk: FourVenues) -> dict[tuple[str, Side], Decimal]:
    """Return what reduce-only orders filled at the margin markets, by what they reduced."""
    found: dict[tuple[str, Side], Decimal] = {}
    for slug in ("futures", "swap"):
        for order in desk.emulator(slug).book.done.values():
            if order.is_reduce_only and order.filled:
                side = Side.LONG if order.side is OrderSide.SELL else Side.SHORT
                key = (order.instrument, side)
                found[key] = found.get(key, Decimal(0)) + order.filled
    return found


def health_of(desk: FourVenues) -> Health:
    return gate_of(portfolio_id=desk.portfolio.pk, now=desk.now).health


def crash(desk: FourVenues) -> None:
    """Let the dollar's coin fall by 9 per cent: less than what is held as an outlier."""
    for slug, instrument in (
        ("kraken", "BTC/USD"),
        ("futures", "BTC/USD:USD"),
        ("swap", "BTC/USDT:USDT"),
    ):
        prices = desk.emulator(slug).book.prices
        prices[instrument] = prices[instrument] * Decimal("0.91")


def test_the_equity_is_the_one_by_hand(armed: FourVenues) -> None:
    assert Portfolio.objects.get().armed_at is not None
    assert Evaluation.objects.get().equity == WORTH
    assert health_of(armed) is Health.OK


def test_a_crash_trips_and_every_scope_of_every_market_ends_empty(armed: FourVenues) -> None:
    crash(armed)
    armed.read()
    assert Breaker.objects.get().state == BreakerState.TRIGGERED

    for _ in range(3):
        armed.attend()

    assert legs() == dict.fromkeys(armed.places, LegStatus.EMPTY)
    assert all(not place.emulator.book.open_orders() for place in armed.places.values())


def test_a_market_that_is_down_through_the_trip_holds_up_no_other(armed: FourVenues) -> None:
    crash(armed)
    armed.read()
    down = armed.emulator("swap")
    for verb in ("open_orders", "cancel_all", "cancel_orders", "positions", "balances"):
        down.faults.add(Fault(kind=FaultKind.STATUS, call=verb, status=503, times=None))

    for _ in range(35):
        armed.attend()
    assert legs() == {
        "kraken": LegStatus.EMPTY,
        "futures": LegStatus.EMPTY,
        "mexc": LegStatus.EMPTY,
        "swap": LegStatus.NEEDS_HUMAN,
    }

    down.faults.clear()
    for _ in range(8):
        armed.attend()
    assert legs() == dict.fromkeys(armed.places, LegStatus.EMPTY)
    assert not down.book.open_orders()


@pytest.mark.parametrize("seed", range(5))
def test_positions_are_closed_once_though_answers_are_lost_after_acceptance(
    desk: FourVenues, seed: int
) -> None:
    """Three answers in ten to a reduction are lost on their way, after it was filled."""
    chance = random.Random(seed)  # noqa: S311 - which answers are lost is no secret
    Breaker.objects.update(close_positions=True)
    arm(desk)
    held = positions(desk)
    crash(desk)
    desk.read()

    for _ in range(12):
        for place in desk.places.values():
            if chance.random() < 0.3:
                place.emulator.faults.add(Fault(kind=FaultKind.GHOST, call="reduce", times=1))
        desk.attend()
        desk.close()

    assert positions(desk) == {}
    assert closed(desk) == held
    # Nobody quotes BTC/USDT at Kraken, and nothing is sold without a fresh mark of its own market.
    assert statuses() == {
        "kraken": CloseStatus.CLOSING,
        "futures": CloseStatus.FLAT,
        "mexc": CloseStatus.FLAT,
        "swap": CloseStatus.FLAT,
    }
    assert desk.emulator("mexc").book.balances["ETH"] == 0


def test_a_snapshot_of_which_one_call_failed_changes_nothing(armed: FourVenues) -> None:
    account = VenueAccount.objects.get(slug="swap")
    swap = armed.emulator("swap")
    swap.faults.add(Fault(kind=FaultKind.STATUS, call="positions", status=502, times=1))
    swap.book.balances["USDT"] = Decimal(1)
    before = account.as_of

    with pytest.raises(VenueError):
        armed.read()

    account.refresh_from_db()
    assert account.as_of == before
    assert account.balances.get(asset="USDT").total == Decimal(1_000)


def test_a_revoked_read_key_turns_the_portfolio_blind_though_its_prices_go_on(
    armed: FourVenues,
) -> None:
    for place in armed.places.values():
        place.emulator.faults.add(Fault(kind=FaultKind.REVOKED, call="balances", times=None))
    with pytest.raises(VenueError):
        armed.read()

    armed.now += timedelta(seconds=80)
    armed.quote()
    assert health_of(armed) is Health.DEGRADED
    armed.now += timedelta(seconds=15)
    armed.quote()

    assert health_of(armed) is Health.BLIND
    assert not gate_of(portfolio_id=armed.portfolio.pk, now=armed.now).may_trade
