"""ccxt is told by the emulated MEXC swap market what the real one tells it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from oms.domain.orders import OrderType
from tests.emulators.clients import Client, mexc_client
from tests.emulators.faults import Fault, FaultKind
from tests.emulators.mexc import signature_of
from tests.emulators.mexc_swap import MexcSwapEmulator
from tests.emulators.mexc_swap_cases import LONG, OTHER, SWAP, hold, rest

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


async def say(socket: ClientConnection, method: str, **param: str) -> dict[str, Any]:
    await socket.send(json.dumps({"method": method, "param": param}))
    return await hear(socket)


async def hear(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 5))
    return frame


def signed(venue: MexcSwapEmulator, *, secret: str | None = None) -> dict[str, str]:
    key, stamp = venue.credentials, "1700000000000"
    signature = signature_of(key.key + stamp, secret=secret or key.secret)
    return {"apiKey": key.key, "reqTime": stamp, "signature": signature}


async def test_who_signs_wrongly_is_told_nothing_of_the_account(venue: MexcSwapEmulator) -> None:
    async with connect(venue.urls["ws"]) as socket:
        refused = await say(socket, "login", **signed(venue, secret="no"))
        rest(venue)

        assert refused["channel"] == "rs.error"
        assert (await say(socket, "ping"))["channel"] == "pong"


async def test_the_end_of_a_position_and_a_trigger_order_are_told(venue: MexcSwapEmulator) -> None:
    hold(venue)
    async with connect(venue.urls["ws"]) as socket:
        assert (await say(socket, "login", **signed(venue)))["channel"] == "rs.login"
        del venue.book.positions[LONG]
        long, short = await hear(socket), await hear(socket)
        (stop,) = rest(venue, type_=OrderType.STOP)
        plan = await hear(socket)

    assert (long["channel"], long["data"]["positionType"]) == ("push.personal.position", 1)
    assert (long["data"]["holdVol"], long["data"]["state"]) == (0, 3)
    assert short["data"]["positionType"] == 2
    assert (plan["channel"], plan["data"]["id"]) == ("push.personal.plan.order", int(stop.id))
