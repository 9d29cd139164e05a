"""The ear on Redis survives a Redis that stops answering, dies and comes back."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
from redis import Redis

from riskconsole.live.events import CHANNEL, Frame
from riskconsole.live.subscription import Subscription, redis_at
from tests.conftest import redis_binary

WITHIN_SECONDS = 10
FRAME = '{"type":"audit.count","portfolio":"","version":7}'


class Server:
    """A Redis of this test alone, on a unix socket."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.process = self._started()

    def restart(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        options = ["--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        return subprocess.Popen(
            [redis_binary(), *options, "--dir", str(self.socket.parent)], stdout=subprocess.DEVNULL
        )


class Ear:
    """Collects what a subscription hears, in a task of its own."""

    def __init__(self, url: str) -> None:
        self.subscription = Subscription(connect=partial(redis_at, url))
        self.heard: list[Frame] = []
        self.task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for frame in self.subscription.frames():
            self.heard.append(frame)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path)
    yield made
    made.process.kill()
    made.process.wait()


@pytest.fixture
async def ear(server: Server) -> AsyncIterator[Ear]:
    made = Ear(server.url)
    yield made
    made.task.cancel()
    await asyncio.wait([made.task])


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while not holds():  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.05)


def say(server: Server) -> None:
    with Redis.from_url(server.url) as redis:
        redis.publish(CHANNEL, FRAME)


async def test_a_frame_is_heard(server: Server, ear: Ear) -> None:
    await until(lambda: ear.subscription.is_connected)

    say(server)

    await until(lambda: len(ear.heard) == 1)
    assert ear.heard[0]["type"] == "audit.count"


async def test_a_quiet_redis_that_answers_counts_as_connected(server: Server, ear: Ear) -> None:
    await until(lambda: ear.subscription.is_connected)

    for _ in range(30):
        await asyncio.sleep(0.1)
        assert ear.subscription.is_connected


async def test_a_redis_that_hangs_counts_as_gone_until_it_goes_on(server: Server, ear: Ear) -> None:
    await until(lambda: ear.subscription.is_connected)

    server.process.send_signal(signal.SIGSTOP)
    await until(lambda: not ear.subscription.is_connected)
    server.process.send_signal(signal.SIGCONT)

    await until(lambda: ear.subscription.is_connected)


async def test_a_redis_that_died_is_found_again(server: Server, ear: Ear) -> None:
    await until(lambda: ear.subscription.is_connected)

    server.process.kill()
    server.process.wait()
    await until(lambda: not ear.subscription.is_connected)
    server.restart()
    await until(lambda: ear.subscription.is_connected)
    say(server)

    await until(lambda: len(ear.heard) == 1)
