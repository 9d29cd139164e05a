"""The simulated venue's market: it walks from its seed, a step a second, and can crash."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import F, Q

from oms.domain.paper import CRASH_STEPS, next_price
from oms.models import PaperAccount, PaperMark
from oms.venues.base import Quote
from oms.venues.paper_book import match_orders
from portfolio.models import Mark, Venue

# A little under the second between two polls, so that no poll comes just too early.
STEP_EVERY = timedelta(milliseconds=900)


def step_market(*, venue: Venue, now: datetime) -> tuple[Quote, ...]:
    """Move every seeded price that is due by one step; return all seeded prices."""
    for mark in PaperMark.objects.filter(venue=venue):
        _step(mark, now=now)
    return tuple(
        Quote(instrument=mark.instrument, price=mark.price, source_at=now)
        for mark in PaperMark.objects.filter(venue=venue).order_by("instrument")
    )


def fill_crossed(*, venue: Venue) -> int:
    """Fill the orders of every account there that the present marks have crossed."""
    marks = marks_on(venue)
    accounts = PaperAccount.objects.filter(account__venue=venue, orders__isnull=False).distinct()
    return sum(match_orders(account=account, marks=marks) for account in accounts)


def marks_on(venue: Venue) -> dict[str, Decimal]:
    """Return the price of each instrument: the seeded market's, else the last one pushed."""
    pushed = Mark.objects.filter(venue=venue)
    seeded = PaperMark.objects.filter(venue=venue)
    prices = {mark.instrument: mark.price for mark in pushed if mark.price is not None}
    return prices | {mark.instrument: mark.price for mark in seeded}


def start_crash(*, portfolio_id: int) -> int:
    """Let the seeded prices of what a portfolio trades fall by about 8 % in 30 s.

    Return how many prices fall; a portfolio on no seeded market has none.
    """
    venues = Venue.objects.filter(accounts__portfolio=portfolio_id, accounts__paper__isnull=False)
    return PaperMark.objects.filter(venue__in=venues).update(crash_steps=CRASH_STEPS)


def _step(mark: PaperMark, *, now: datetime) -> None:
    """Move one price, unless another process did or it is not due."""
    price = next_price(
        mark.price,
        seed=mark.seed,
        instrument=mark.instrument,
        step=mark.step,
        is_crashing=mark.crash_steps > 0,
    )
    is_due = Q(stepped_at__isnull=True) | Q(stepped_at__lte=now - STEP_EVERY)
    here = PaperMark.objects.filter(is_due, pk=mark.pk, step=mark.step)
    if here.update(price=price, step=mark.step + 1, stepped_at=now):
        falling = PaperMark.objects.filter(pk=mark.pk, crash_steps__gt=0)
        falling.update(crash_steps=F("crash_steps") - 1)
