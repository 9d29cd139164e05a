"""One owner of a key at a time: a lease in the database, held around each private call.

Calls of one key may reach the venue only in the order of their nonces. A counter in a process
cannot see to that where the feed, a worker and the guardian share a key.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet

from oms.models import NonceTurn
from oms.venues.base import TIMEOUT, Retryable

# A call ends within TIMEOUT; its owner may be slow to say so, and may have died.
HELD_FOR = TIMEOUT + timedelta(seconds=1)
PAUSE_SECONDS = 0.01


def _wall() -> datetime:
    return datetime.now(UTC)


@contextmanager
def turn_of(
    key: str,
    wait_seconds: float,
    *,
    clock: Callable[[], datetime] = _wall,
    ticks: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[int]:
    """Hold the key and give its next nonce: milliseconds since 1970, always above the last one.

    :raises Retryable: if it was in use for so long
    """
    digest = hashlib.sha256(key.encode()).hexdigest()
    until = ticks() + wait_seconds
    turn = _take(digest, now=clock())
    while turn is None:
        if ticks() >= until:
            raise Retryable("the key was in use by another process")
        sleep(PAUSE_SECONDS)
        turn = _take(digest, now=clock())
    try:
        yield turn.nonce
    finally:
        _mine(turn).update(held_until=None)


def _take(digest: str, *, now: datetime) -> NonceTurn | None:
    turn, _ = NonceTurn.objects.get_or_create(digest=digest)
    nonce = max(int(now.timestamp() * 1000), turn.nonce + 1)
    is_free = Q(held_until__isnull=True) | Q(held_until__lte=now)
    taken = _mine(turn).filter(is_free)
    if not taken.update(fence=turn.fence + 1, held_until=now + HELD_FOR, nonce=nonce):
        return None
    turn.fence, turn.nonce = turn.fence + 1, nonce
    return turn


def _mine(turn: NonceTurn) -> QuerySet[NonceTurn]:
    return NonceTurn.objects.filter(pk=turn.pk, fence=turn.fence)
