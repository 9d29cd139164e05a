"""Positions are closed through the services that do it in earnest, at every venue."""

from dataclasses import dataclass

import pytest
from redis import Redis

from oms.domain.closing import CloseStatus
from oms.models import CloseIntent, CloseLeg
from portfolio import marks
from portfolio.domain.holdings import AccountKind
from tests.clock import NOON
from tests.conformance.bench import Bench, Call, EmulatedBench, Trouble
from tests.factories import mark
from tests.integration.oms.closing_desk import ClosingDesk


@dataclass(kw_only=True)
class BenchDesk(ClosingDesk):
    """The desk of one bench; on spot the coins are sold for what the portfolio counts in."""

    bench: Bench

    def price(self, instrument: str = "") -> None:
        bench = self.bench
        is_spot = bench.kind == AccountKind.SPOT
        instrument = "BTC/USDT" if is_spot else bench.instrument
        if isinstance(bench, EmulatedBench) and instrument not in bench.book.prices:
            bench.book.prices[instrument] = bench.price
        mark(instrument, str(bench.price), venue=bench.account.venue.slug, now=self.now)
        marks.save_unsaved()


@pytest.fixture
def desk(bench: Bench, redis: Redis) -> BenchDesk:
    if isinstance(bench, EmulatedBench):
        bench.take_keys()
    if bench.kind == AccountKind.MARGIN:
        bench.own(bench.cash, "100000")
    bench.hold(str(bench.lot))
    return BenchDesk(portfolio=bench.account.portfolio, bench=bench, now=NOON)


def status_of(bench: Bench) -> CloseStatus:
    return CloseStatus(CloseLeg.objects.get(account=bench.account).status)


def test_what_is_held_is_closed(bench: Bench, desk: BenchDesk) -> None:
    desk.trip()
    desk.close()

    desk.work(seconds=10)

    assert bench.held() == 0
    assert status_of(bench) == CloseStatus.FLAT


@pytest.mark.parametrize("trouble", [Trouble.GHOST, Trouble.DOWN, Trouble.SLOW_DOWN])
def test_a_trouble_on_the_way_closes_nothing_twice(
    bench: Bench, desk: BenchDesk, trouble: Trouble
) -> None:
    desk.trip()
    bench.trouble(trouble, Call.REDUCE)
    desk.close()

    desk.work(seconds=20)

    assert bench.held() == 0
    assert status_of(bench) == CloseStatus.FLAT
    if trouble is Trouble.GHOST:
        assert CloseIntent.objects.count() == 1
