"""The websocket as the web process serves it, with a real Redis between publisher and hub."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client

from portfolio.models import Portfolio, Role
from riskconsole.live.hub import Hub
from riskconsole.live.publish import publish
from riskconsole.live.routing import websocket_application
from riskconsole.live.subscription import Subscription, redis_at
from riskconsole.ops.live_reads import access_of, snapshot_of
from riskconsole.people.models import User
from tests.factories import make_portfolio, make_user

OWN = b"http://testserver"
FRAME_SECONDS = 5


@dataclass
class Browser:
    """One socket; frames of the feed's own state are left out of what it tells."""

    socket: WebsocketCommunicator
    is_open: bool
    everything: list[dict[str, Any]] = field(default_factory=list)

    async def frame(self) -> dict[str, Any]:
        """Return the next frame that is about a portfolio, or the snapshot."""
        while True:
            found: dict[str, Any] = await self.socket.receive_json_from(timeout=FRAME_SECONDS)
            self.everything.append(found)
            if found["type"] != "feed.state":
                return found

    async def heard(self) -> None:
        """Return once the hub hears Redis: from then on no frame is lost."""
        while True:
            found: dict[str, Any] = await self.socket.receive_json_from(timeout=FRAME_SECONDS)
            self.everything.append(found)
            if found["type"] == "feed.state" and found["is_connected"]:
                return


Connect = Callable[..., Awaitable[Browser]]


def session_of(username: str) -> bytes:
    client = Client()
    client.force_login(User.objects.get(username=username))
    return f"sessionid={client.cookies['sessionid'].value}".encode()


def state_frame(slug: str, *, number: int = 1, version: int = 1) -> dict[str, Any]:
    return {
        "type": "portfolio.state",
        "portfolio": slug,
        "version": version,
        "number": number,
        "equity": "9800.00",
        "loss_ratio": "0.02",
        "state": "ACTIVE",
        "health": "OK",
        "mode": "FULL",
        "at": "2026-01-01T12:00:00Z",
    }


def changed_frame(slug: str) -> dict[str, Any]:
    return {
        "type": "breaker.changed",
        "portfolio": slug,
        "version": 2,
        "state": "TRIGGERED",
        "at": "2026-01-01T12:00:00Z",
    }


async def send(frame: dict[str, Any]) -> None:
    await sync_to_async(publish)(frame)  # type: ignore[arg-type]


@pytest.fixture
def main(flushable_db: None) -> Portfolio:
    """Return a portfolio with an operator, a viewer and a stranger, and one that is not theirs."""
    portfolio = make_portfolio("main")
    make_portfolio("other")
    make_user("alice", portfolio=portfolio, role=Role.OPERATOR)
    make_user("bob", portfolio=portfolio, role=Role.VIEWER)
    make_user("charlie")
    make_user("audrey", site="AUDITOR")
    return portfolio


@pytest.fixture
async def hub(redis_server: str) -> AsyncIterator[Hub]:
    """Return a hub as asgi.py makes it, for the event loop of this test."""
    made = Hub(
        subscription=Subscription(connect=partial(redis_at, redis_server)),
        access_of=database_sync_to_async(access_of),
        snapshot_of=database_sync_to_async(snapshot_of),
    )
    yield made
    await made.stop()


@pytest.fixture
async def connect(hub: Hub, main: Portfolio) -> AsyncIterator[Connect]:
    """Return a function that opens the socket of a signed-in user; all are closed at the end."""
    opened: list[WebsocketCommunicator] = []

    async def open_socket(username: str = "", *, origin: bytes | None = OWN) -> Browser:
        headers = [(b"host", b"testserver")]
        if origin is not None:
            headers.append((b"origin", origin))
        if username:
            headers.append((b"cookie", await sync_to_async(session_of)(username)))
        application: Any = websocket_application(hub)
        socket = WebsocketCommunicator(application, "/ws/live/", headers)
        is_open, _ = await socket.connect(timeout=FRAME_SECONDS)
        if is_open:
            opened.append(socket)
        return Browser(socket=socket, is_open=is_open)

    yield open_socket
    for socket in opened:
        await socket.disconnect(timeout=FRAME_SECONDS)
