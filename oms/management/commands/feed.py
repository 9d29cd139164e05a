"""The long-lived process that brings marks and snapshots in, until it is told to stop."""

import logging
import signal
from datetime import UTC, datetime
from itertools import count
from threading import Event
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, connection
from redis import RedisError

from oms.services.exchanges import Exchanges
from oms.services.feeding import poll_venues, take_snapshots
from oms.services.jobs import Job
from oms.venues.base import TIMEOUT
from riskconsole.live.heartbeats import beat

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
# Of simulated accounts, in polls; exchanges have a pace of their own.
SNAPSHOTS_EVERY = 2


class Command(BaseCommand):
    help = "Read marks and snapshots from every venue, until SIGTERM or SIGINT."

    def handle(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401
        stopping = Event()

        def stop(_signal: int, _frame: FrameType | None) -> None:
            stopping.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        exchanges = Exchanges()
        jobs: list[Job] = []
        for number in count():
            jobs = poll(exchanges=exchanges, number=number, now=datetime.now(UTC)) or jobs
            if stopping.wait(POLL_SECONDS):
                break
        for job in jobs:
            job.join(timeout=TIMEOUT.total_seconds())


def poll(*, exchanges: Exchanges, number: int, now: datetime) -> list[Job]:
    """Read once; an outage of the database or of Redis is logged, and the next poll tries again.

    Return the jobs that were started, if any.
    """
    try:
        poll_venues(now=now)
        jobs = exchanges.poll(number=number, now=now)
        jobs += take_snapshots(now=now) if number % SNAPSHOTS_EVERY == 0 else []
        beat("feed")
    except (Error, RedisError) as error:
        logger.warning("The feed waits for the next second: %s", error)
        connection.close()
        return []
    return jobs
