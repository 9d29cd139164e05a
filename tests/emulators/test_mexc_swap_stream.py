"""ccxt is told by the emulated MEXC swap market what the real one tells it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest

from tests.emulators.clients import Client, mexc_client
from tests.emulators.faults import Fault, FaultKind
from tests.emulators.mexc_swap import MexcSwapEmulator
from tests.emulators.mexc_swap_cases import OTHER, SWAP, rest

pytest.importorskip("ccxt.pro")


@pytest.fixture
def venue() -> Iterator[MexcSwapEmulator]:
    with MexcSwapEmulator() as venue:
        venue.book.prices.update({SWAP: Decimal(60000), OTHER: Decimal("3000.5")})
        yield venue


@pytest.fixture
async def stream(venue: MexcSwapEmulator) -> AsyncIterator[Client]:
    exchange = mexc_client(venue, venue.credentials, market="swap", is_pro=True)
    yield exchange
    await exchange.close()


async def test_the_socket_tells_one_ticker_as_it_changes(
    venue: MexcSwapEmulator, stream: Client
) -> None:
    assert (await stream.watch_ticker(SWAP))["last"] == 60000.0

    venue.book.prices[SWAP] = Decimal(59000)

    ticker = await stream.watch_ticker(SWAP)
    assert (ticker["last"], ticker["info"]["fairPrice"]) == (59000.0, 59000)
    assert ticker["timestamp"] is not None


async def test_the_socket_tells_all_tickers(venue: MexcSwapEmulator, stream: Client) -> None:
    assert set(await stream.watch_tickers()) == {SWAP, OTHER}

    venue.book.prices[OTHER] = Decimal(2900)

    tickers = await stream.watch_tickers()
    assert (tickers[OTHER]["last"], tickers[SWAP]["last"]) == (2900.0, 60000.0)


async def test_who_signed_in_is_told_of_balances_and_orders(
    venue: MexcSwapEmulator, stream: Client
) -> None:
    await stream.load_markets()
    told = asyncio.gather(stream.watch_balance(), stream.watch_orders())
    await asyncio.to_thread(venue.signed_in.wait, 5)

    venue.book.balances["USDT"] = Decimal(700)
    (placed,) = rest(venue)

    balance, (listed,) = await asyncio.wait_for(told, 5)
    assert balance["USDT"]["free"] == 700.0
    assert (listed["id"], listed["status"]) == (placed.id, "open")


async def test_a_stalled_socket_stays_open_and_tells_nothing(
    venue: MexcSwapEmulator, stream: Client
) -> None:
    await stream.watch_ticker(SWAP)
    venue.faults.add(Fault(kind=FaultKind.STALL))
    venue.book.prices[SWAP] = Decimal(59000)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stream.watch_ticker(SWAP), 0.1)

    venue.faults.clear()
    venue.book.prices[SWAP] = Decimal(58000)
    assert (await stream.watch_ticker(SWAP))["last"] == 58000.0
