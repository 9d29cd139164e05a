"""Hand a frame to every web process: one Redis PUBLISH, never in the way of the caller."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from django.db import transaction
from redis import Redis, RedisError

from riskconsole.live.events import CHANNEL, Frame
from riskconsole.redis_client import redis_client

logger = logging.getLogger(__name__)

REST_SECONDS = 1.0


def publish(frame: Frame) -> None:
    """Publish a frame now; an unreachable Redis is logged once per outage, never raised."""
    _publisher().send(frame)


def publish_on_commit(frame: Frame) -> None:
    """Publish a frame once the current transaction commits, or now where there is none."""

    def publish_now() -> None:
        publish(frame)

    transaction.on_commit(publish_now, robust=True)


@dataclass(slots=True, kw_only=True)
class Publisher:
    """Publishes, and leaves a Redis that did not answer alone for a second.

    Without the rest a stopped Redis would hold up each evaluation for its whole time-out.
    """

    redis: Redis
    monotonic: Callable[[], float] = field(default=time.monotonic)
    _resting_until: float | None = None

    def send(self, frame: Frame) -> None:
        if self._resting_until is not None and self.monotonic() < self._resting_until:
            return
        try:
            self.redis.publish(CHANNEL, json.dumps(frame, separators=(",", ":")))
        except RedisError as error:
            self._rest(error)
        else:
            self._resting_until = None

    def _rest(self, error: RedisError) -> None:
        if self._resting_until is None:
            logger.warning("Live frames are not published: %s", error)
        self._resting_until = self.monotonic() + REST_SECONDS


@cache
def _publisher() -> Publisher:
    return Publisher(redis=redis_client())
