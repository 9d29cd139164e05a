"""Wake a worker that lingers: a word in a Redis list instead of a message through the broker.

A task costs milliseconds between its sending and its start. A sweep that lingers after its work,
until the next one is due, is woken within a fraction of one. A word that nobody hears is no loss:
the row is the truth, and the next sweep finds it.
"""

import logging
import time
from collections.abc import Callable

from redis import RedisError

from riskconsole.redis_client import redis_client

logger = logging.getLogger(__name__)

REST_SECONDS = 1.0
# A word is one or it is none: what woke once does not wake again for each of a thousand ticks.
WAKE = "if redis.call('LLEN', KEYS[1]) == 0 then redis.call('RPUSH', KEYS[1], '1') end"


def wake(key: str) -> None:
    """Wake whoever waits for the key, or the next to wait; a dead Redis is logged, not raised."""
    try:
        redis_client().eval(WAKE, 1, key)
    except RedisError as error:
        logger.warning("Nobody is woken at %s, Redis is unreachable: %s", key, error)


def linger(key: str, work: Callable[[], object], *, until: float) -> None:
    """Do the work whenever the key is woken, until the monotonic clock says so."""
    while (left := until - time.monotonic()) > 0:
        if wait(key, seconds=left):
            work()


def wait(key: str, *, seconds: float) -> bool:
    """Return whether the key was woken within these seconds; without Redis nothing ever is.

    :param seconds: less than the client's own time-out
    """
    try:
        return redis_client().blpop([key], timeout=max(seconds, 0.01)) is not None
    except RedisError as error:
        logger.warning("Nobody can be woken at %s, Redis is unreachable: %s", key, error)
        time.sleep(min(seconds, REST_SECONDS))
        return False
