"""One Redis connection pool per process; everything kept there can be made again."""

from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from redis import Redis
from redis.sentinel import Sentinel

TIMEOUT_SECONDS = 2.0


@cache
def redis_client() -> Redis:
    """Return the process's client; an unreachable Redis raises redis.RedisError within 2 s."""
    url = settings.REDIS_URL
    if not url.startswith("sentinel://"):
        return Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
    parts = urlsplit(url)
    hosts = [(parts.hostname or "localhost", parts.port or 26379)]
    sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
        hosts, socket_timeout=TIMEOUT_SECONDS, decode_responses=True
    )
    master: Redis = sentinel.master_for(parts.path.strip("/") or "mymaster")
    return master
