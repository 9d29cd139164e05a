"""Ask real exchanges, each account in turn: its marks, what it holds, what its keys may do.

An exchange may be slow: an account has one job of a kind at a time, and one that still waits for
its answer is left out of the round.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.db import Error
from redis import RedisError

from oms.domain.credentials import KeyPurpose
from oms.services import probing
from oms.services.attempts import Stopwatch
from oms.services.feeding import hand_over, try_snapshot
from oms.services.jobs import Job, start_jobs
from oms.venues.base import VenueError
from oms.venues.registry import adapter_for
from portfolio.domain.holdings import VenueKind
from portfolio.domain.valuation import Book
from portfolio.models import MarkSource, VenueAccount
from portfolio.services.needs import books_without_prices, needed_at

logger = logging.getLogger(__name__)

# In polls, one a second: three of the first are less than a mark may age, by default.
QUOTES_EVERY = 3
SNAPSHOTS_EVERY = 10
# How often it is seen whether a key's six hours are over.
PROBES_EVERY = 300

Work = Callable[[int, datetime], None]


@dataclass(slots=True)
class Exchanges:
    """The jobs that are under way, by kind and account."""

    _jobs: dict[tuple[str, int], Job] = field(default_factory=dict)

    def poll(self, *, number: int, now: datetime) -> list[Job]:
        """Start what is due in this poll; return the jobs that were started."""
        accounts = VenueAccount.objects.filter(venue__kind=VenueKind.EXCHANGE).order_by("pk")
        quoting = accounts.filter(venue__source=MarkSource.VENUE)
        asking = _one_of_each_market(quoting.values_list("pk", "venue_id", "kind"))
        due = [pk for pk in asking if _is_turn(pk, number, every=QUOTES_EVERY)]
        books = books_without_prices() if due else []
        snapshots = [
            pk
            for pk in accounts.values_list("pk", flat=True)
            if _is_turn(pk, number, every=SNAPSHOTS_EVERY)
        ]
        probes = probing.accounts_due(now=now) if number % PROBES_EVERY == 0 else []
        return [
            *self._start("keys", probing.probe_keys, probes, now=now),
            *self._start("quotes", partial(_try_quotes, books), due, now=now),
            *self._start("snapshot", try_snapshot, snapshots, now=now),
        ]

    def _start(self, name: str, work: Work, ids: Sequence[int], *, now: datetime) -> list[Job]:
        free = [pk for pk in ids if not self._is_busy(name, pk)]
        jobs = start_jobs(work, free, now=now)
        self._jobs.update({(name, pk): job for pk, job in zip(free, jobs, strict=True)})
        return jobs

    def _is_busy(self, name: str, account_id: int) -> bool:
        job = self._jobs.get((name, account_id))
        return job is not None and job.is_alive()


def take_quotes(
    *,
    account_id: int,
    books: Collection[Book],
    now: datetime,
    ticks: Callable[[], float] = time.monotonic,
) -> None:
    """Ask an account's market for the marks that portfolios need, and hand them over.

    :raises VenueError: if the venue did not tell; the marks age
    """
    watch = Stopwatch(now, ticks)
    account = VenueAccount.objects.select_related("venue").get(pk=account_id)
    wanted = needed_at(account.venue.slug, books=books)
    quotes = adapter_for(account, purpose=KeyPurpose.READ).quotes(sorted(wanted))
    hand_over(account.venue, quotes, now=watch.now())


def _try_quotes(books: Collection[Book], account_id: int, now: datetime) -> None:
    try:
        take_quotes(account_id=account_id, books=books, now=now)
    except (VenueError, Error, RedisError) as error:
        logger.warning("Account %s has no new marks: %s", account_id, error)


def _one_of_each_market(accounts: Iterable[tuple[int, int, str]]) -> list[int]:
    """Return one account of each market: its other accounts would be told the same prices."""
    markets: dict[tuple[int, str], int] = {}
    for pk, venue_id, kind in accounts:
        markets.setdefault((venue_id, kind), pk)
    return list(markets.values())


def _is_turn(account_id: int, number: int, *, every: int) -> bool:
    """Spread the accounts over the polls."""
    return (number + account_id) % every == 0
