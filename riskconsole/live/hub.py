"""One hub per web process: hears every frame once and hands it to whoever may see it."""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import NamedTuple

from riskconsole.live.events import FeedState, Frame, PortfolioState, Snapshot
from riskconsole.live.subscription import Subscription

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.25
CHECK_SECONDS = 1.0
CANCEL_AGAIN_SECONDS = 0.1
RIGHTS_LAST_SECONDS = 2.0

SIGNED_OUT = 4401
RIGHTS_LOST = 4403
TOO_MANY = 4429
BROKEN = 1011

SOCKETS_PER_USER = 10
LONGEST_FRAME = 64 * 1024
# Of one state in a snapshot, names at their longest.
LONGEST_STATE = 512
STATES_PER_SNAPSHOT = LONGEST_FRAME // LONGEST_STATE - 1
URGENT = frozenset({"breaker.changed", "trip.progress", "close.progress", "request.changed"})

# (portfolio's slug, role) pairs; the slug of a right on the whole site is empty.
Rights = frozenset[tuple[str, str]]


class Access(NamedTuple):
    """Who a session belongs to, and what that user may see now."""

    user_id: int
    rights: Rights


AccessOf = Callable[[str], Awaitable[Access | None]]
SnapshotOf = Callable[[frozenset[str]], Awaitable[list[PortfolioState]]]


class Refused(Exception):
    """Nobody may listen on this socket; code is what it is closed with."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """One browser; sequence counts what was sent to it, so that it notices a gap."""

    session_key: str
    user_id: int
    send: Callable[[str], Awaitable[None]]
    close: Callable[[int], Awaitable[None]]
    rights: Rights
    checked_at: float
    wants_snapshot: bool = True
    sequence: int = 0

    @property
    def portfolios(self) -> frozenset[str]:
        return frozenset(slug for slug, _ in self.rights)


@dataclass(slots=True, kw_only=True)
class Hub:
    """Coalesces frames four times a second; what a trip changes goes out at once.

    :param access_of: what a session may see now, None once it is signed out; asked every second
    :param snapshot_of: the present state of these portfolios
    """

    subscription: Subscription
    access_of: AccessOf
    snapshot_of: SnapshotOf
    monotonic: Callable[[], float] = time.monotonic
    epoch: str = field(default_factory=lambda: secrets.token_hex(8))
    _connections: set[Connection] = field(default_factory=set)
    _waiting: dict[tuple[str, str], Frame] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None
    _loops: list[asyncio.Task[None]] = field(default_factory=list)

    async def join(
        self,
        *,
        session_key: str,
        send: Callable[[str], Awaitable[None]],
        close: Callable[[int], Awaitable[None]],
    ) -> Connection:
        """Return the connection of a signed-in session.

        :raises Refused: for any other, and for one socket too many of the same user
        """
        asked_at = self.monotonic()
        access = await self.access_of(session_key)
        if access is None:
            raise Refused(SIGNED_OUT)
        if sum(one.user_id == access.user_id for one in self._connections) >= SOCKETS_PER_USER:
            raise Refused(TOO_MANY)
        connection = Connection(
            session_key=session_key,
            user_id=access.user_id,
            send=send,
            close=close,
            rights=access.rights,
            checked_at=asked_at,
        )
        self._connections.add(connection)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return connection

    def leave(self, connection: Connection) -> None:
        """Forget a connection; the hub itself goes on for the next one."""
        self._connections.discard(connection)

    async def stop(self) -> None:
        """End the hub, before its event loop ends.

        A cancellation is lost where it arrives in the middle of a read of the database or of
        Redis, so it is repeated until every loop has ended.
        """
        task, self._task = self._task, None
        while task is not None and not task.done():
            for one in (task, *self._loops):
                one.cancel()
            await asyncio.wait([task], timeout=CANCEL_AGAIN_SECONDS)

    async def _run(self) -> None:
        """Run until cancelled; after an error the browsers are told to connect anew."""
        try:
            async with asyncio.TaskGroup() as group:
                self._loops = [
                    group.create_task(self._hear()),
                    group.create_task(self._every(FLUSH_SECONDS, self._flush)),
                    group.create_task(self._every(CHECK_SECONDS, self._check_rights)),
                    group.create_task(self._every(CHECK_SECONDS, self._beat)),
                ]
        except Exception:
            logger.exception("The live hub stopped")
            for connection in list(self._connections):
                await connection.close(BROKEN)

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await act()
            except Exception:
                logger.exception("The live hub goes on after an error")
            await asyncio.sleep(seconds)

    async def _hear(self) -> None:
        async with aclosing(self.subscription.frames()) as frames:
            async for frame in frames:
                await self._take(frame)

    async def _take(self, frame: Frame) -> None:
        if frame["type"] in URGENT:
            await self._hand_out([frame])
        else:
            self._waiting[frame["type"], frame["portfolio"]] = frame

    async def _flush(self) -> None:
        frames, self._waiting = list(self._waiting.values()), {}
        await self._hand_out(frames)
        for connection in [one for one in self._connections if one.wants_snapshot]:
            await self._send_snapshot(connection)

    async def _beat(self) -> None:
        state = FeedState(type="feed.state", is_connected=self.subscription.is_connected)
        text = json.dumps(state, separators=(",", ":"))
        for connection in list(self._connections):
            await self._send(connection, text)

    async def _hand_out(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            text = json.dumps(frame, separators=(",", ":"))
            for connection in list(self._connections):
                if frame["portfolio"] in connection.portfolios:
                    await self._send(connection, text)

    async def _send_snapshot(self, connection: Connection) -> None:
        connection.wants_snapshot = False
        states = await self.snapshot_of(connection.portfolios)
        first, rest = states[:STATES_PER_SNAPSHOT], states[STATES_PER_SNAPSHOT:]
        frame = Snapshot(type="snapshot", portfolio="", version=0, portfolios=first)
        await self._send(connection, json.dumps(frame, separators=(",", ":")))
        for state in rest:
            await self._send(connection, json.dumps(state, separators=(",", ":")))

    async def _send(self, connection: Connection, text: str) -> None:
        if self.monotonic() - connection.checked_at > RIGHTS_LAST_SECONDS:
            connection.wants_snapshot = True
            return
        connection.sequence += 1
        head = f'{{"sequence":{connection.sequence},"epoch":"{self.epoch}",'
        await connection.send(head + text[1:])

    async def _check_rights(self) -> None:
        asked_at = self.monotonic()
        keys = {connection.session_key for connection in self._connections}
        found = {key: await self.access_of(key) for key in keys}
        for connection in [one for one in self._connections if one.session_key in found]:
            access = found[connection.session_key]
            await self._settle_rights(connection, access and access.rights, asked_at)

    async def _settle_rights(
        self, connection: Connection, rights: Rights | None, asked_at: float
    ) -> None:
        if rights is None or not connection.rights <= rights:
            self._connections.discard(connection)
            await connection.close(SIGNED_OUT if rights is None else RIGHTS_LOST)
            return
        connection.wants_snapshot |= connection.rights != rights
        connection.rights, connection.checked_at = rights, asked_at
