"""Bring what venues say to the portfolio: marks every second, snapshots every two."""

import logging
from datetime import datetime

from django.db import Error

from oms.domain.credentials import KeyPurpose
from oms.services.jobs import Job, start_jobs
from oms.venues.base import AccountSnapshot, Quote, VenueError
from oms.venues.paper_market import fill_crossed, step_market
from oms.venues.registry import adapter_for
from portfolio import marks
from portfolio.domain.holdings import VenueKind
from portfolio.models import Venue, VenueAccount
from portfolio.services.snapshots import PositionLine, SnapshotRefused, apply_snapshot

logger = logging.getLogger(__name__)


def poll_venues(*, now: datetime) -> None:
    """Move the simulated markets, hand their marks over and fill what they crossed."""
    for venue in Venue.objects.filter(kind=VenueKind.PAPER).order_by("pk"):
        _hand_over(venue, step_market(venue=venue, now=now), now=now)
        fill_crossed(venue=venue)


def take_snapshot(*, account_id: int, now: datetime) -> None:
    """Read an account whole and apply what it holds.

    :raises VenueError: if the venue did not tell; the account ages
    :raises SnapshotRefused: if the portfolio knows something as young already
    """
    account = VenueAccount.objects.select_related("venue").get(pk=account_id)
    snapshot = adapter_for(account, purpose=KeyPurpose.READ).snapshot(now=now)
    apply_snapshot(
        account_id=account_id,
        balances=snapshot.balances,
        positions=_lines_of(snapshot),
        as_of=snapshot.as_of,
        now=now,
        venue_equity=snapshot.venue_equity,
        venue_equity_currency=snapshot.venue_equity_currency,
    )


def take_snapshots(*, now: datetime) -> list[Job]:
    """Read every account that its venue feeds, each in a thread of its own."""
    fed = VenueAccount.objects.filter(venue__kind=VenueKind.PAPER)
    return start_jobs(_try_snapshot, fed.values_list("pk", flat=True), now=now)


def _hand_over(venue: Venue, quotes: tuple[Quote, ...], *, now: datetime) -> None:
    received = [
        marks.NewMark(instrument=quote.instrument, price=quote.price, source_at=quote.source_at)
        for quote in quotes
    ]
    if received:
        marks.accept(venue=venue.slug, marks=received, now=now)


def _lines_of(snapshot: AccountSnapshot) -> list[PositionLine]:
    """Return the positions; a mark only matters beside the venue's own equity figure."""
    return [
        PositionLine(
            instrument=position.instrument,
            side=position.side,
            quantity=position.quantity,
            entry_price=position.entry_price,
            contract_size=position.contract_size,
            is_inverse=position.is_inverse,
            mark=position.mark if snapshot.venue_equity is not None else None,
        )
        for position in snapshot.positions
    ]


def _try_snapshot(account_id: int, now: datetime) -> None:
    try:
        take_snapshot(account_id=account_id, now=now)
    except (VenueError, SnapshotRefused, Error) as error:
        logger.warning("Account %s has no new snapshot: %s", account_id, error)
