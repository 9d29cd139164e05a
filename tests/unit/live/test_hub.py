"""The hub ends when it is told to, whatever its loops are in the middle of."""

import asyncio
from collections.abc import AsyncGenerator
from typing import cast

from riskconsole.live.events import Frame
from riskconsole.live.hub import Access, Hub
from riskconsole.live.subscription import Subscription

ENDS_WITHIN = 5


class HardOfHearing:
    """A subscription that loses the first cancellation, as a read in another thread does."""

    is_connected = True

    def __init__(self) -> None:
        self.is_listening = asyncio.Event()

    async def frames(self) -> AsyncGenerator[Frame, None]:
        try:
            self.is_listening.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()
        yield cast("Frame", {})


async def test_a_cancellation_that_was_lost_is_repeated() -> None:
    subscription = HardOfHearing()

    async def access_of(_key: str) -> Access:
        return Access(user_id=1, rights=frozenset())

    async def nothing(_sent: object) -> None:
        return None

    async def snapshot_of(_slugs: frozenset[str]) -> list[object]:
        return []

    hub = Hub(
        subscription=cast("Subscription", subscription),
        access_of=access_of,
        snapshot_of=snapshot_of,  # type: ignore[arg-type]
    )
    await hub.join(session_key="any", send=nothing, close=nothing)
    await subscription.is_listening.wait()

    async with asyncio.timeout(ENDS_WITHIN):
        await hub.stop()

    assert all(loop.done() for loop in hub._loops)
