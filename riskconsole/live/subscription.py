"""The web process's one ear on Redis: frames as they come, for ever."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from redis import RedisError
from redis.asyncio import Redis
from redis.asyncio.sentinel import Sentinel

from riskconsole.live.events import CHANNEL, Frame

logger = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 5.0
QUIET_SECONDS = 1.0


def redis_at(url: str) -> Redis:
    """Return an asynchronous client for a redis, rediss, unix or sentinel URL."""
    if not url.startswith("sentinel://"):
        return Redis.from_url(url, decode_responses=True, socket_connect_timeout=2)
    parts = urlsplit(url)
    hosts = [(parts.hostname or "localhost", parts.port or 26379)]
    sentinel = Sentinel(hosts, decode_responses=True)  # type: ignore[no-untyped-call]
    master: Redis = sentinel.master_for(parts.path.strip("/") or "mymaster")
    return master


@dataclass(slots=True, kw_only=True)
class Subscription:
    """Frames of every process; is_connected says whether Redis still answers.

    After a quiet second it is asked; with no answer for another second it counts as gone.
    """

    connect: Callable[[], Redis]
    is_connected: bool = False

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Yield each frame; wait longer after each failed connection, and log the first."""
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                async with aclosing(self._frames_of_one_connection()) as found:
                    async for frame in found:
                        wait = FIRST_WAIT_SECONDS
                        yield frame
            except (RedisError, OSError) as error:
                if self.is_connected or wait == FIRST_WAIT_SECONDS:
                    logger.warning("Live frames are not heard: %s", error)
            self.is_connected = False
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    async def _frames_of_one_connection(self) -> AsyncGenerator[Frame, None]:
        async with self.connect() as redis, redis.pubsub() as channel:
            await channel.subscribe(CHANNEL)
            is_asked = False
            while True:
                message = await channel.get_message(timeout=QUIET_SECONDS)
                self.is_connected = message is not None or not is_asked
                is_asked = message is None
                if message is None:
                    await channel.ping()
                elif message["type"] == "message" and (frame := _frame_of(message["data"])):
                    yield frame


def _frame_of(text: str) -> Frame | None:
    """Return the frame, or None for a text that is none: whoever sent it, the others go on."""
    try:
        frame = json.loads(text)
    except ValueError:
        frame = None
    if isinstance(frame, dict) and frame.keys() >= {"type", "portfolio"}:
        return cast("Frame", frame)
    logger.warning("What came over the live channel is no frame: %.80r", text)
    return None
