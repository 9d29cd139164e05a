"""Equity and marks over time: a point a second, thinned as it ages, kept around trips."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet

from portfolio.domain.mark_text import MarkKey
from portfolio.domain.outliers import MarkState
from portfolio.models import EquityPoint, KeptWindow, MarkPoint, Resolution, Venue

KEEP_AROUND = timedelta(hours=2)
KEEP = {
    Resolution.SECOND: timedelta(days=1),
    Resolution.MINUTE: timedelta(days=400),
    Resolution.FIVE_MINUTES: timedelta(days=7 * 365 + 2),
}
_COARSER = {
    Resolution.MINUTE: Resolution.SECOND,
    Resolution.FIVE_MINUTES: Resolution.MINUTE,
}
DELETE_AT_ONCE = 5000


def point_of(
    *, portfolio_id: int, at: datetime, equity: Decimal, low: Decimal, high: Decimal
) -> EquityPoint:
    """Return the point of this second, not written yet."""
    return EquityPoint(
        portfolio_id=portfolio_id,
        resolution=Resolution.SECOND,
        at=at.replace(microsecond=0),
        equity=equity,
        low=low,
        high=high,
    )


def note_equities(points: Collection[EquityPoint]) -> None:
    """Write points of this second; a later one of the same portfolio and second replaces it."""
    EquityPoint.objects.bulk_create(
        points,
        update_conflicts=True,
        unique_fields=["portfolio", "resolution", "at"],
        update_fields=["equity", "low", "high"],
    )


def note_marks(*, states: Mapping[MarkKey, MarkState], at: datetime) -> None:
    """Write the accepted marks of this second."""
    venues = dict(Venue.objects.values_list("slug", "pk"))
    MarkPoint.objects.bulk_create(
        [
            MarkPoint(
                venue_id=venues[key.venue],
                instrument=key.instrument,
                at=at.replace(microsecond=0),
                price=state.accepted.price,
            )
            for key, state in states.items()
            if state.accepted is not None and key.venue in venues
        ],
        update_conflicts=True,
        unique_fields=["venue", "instrument", "at"],
        update_fields=["price"],
    )


def keep_around(*, portfolio_id: int, at: datetime) -> None:
    """Keep every second from two hours before to two hours after for ever."""
    KeptWindow.objects.create(
        portfolio_id=portfolio_id, start=at - KEEP_AROUND, end=at + KEEP_AROUND
    )


def thin(*, now: datetime) -> None:
    """Sum up what has ended into coarser points, and drop what is older than it is kept."""
    for coarse, fine in _COARSER.items():
        _sum_up(fine=fine, coarse=coarse, now=now)
    for resolution, age in KEEP.items():
        _drop(_aged_points(resolution=resolution, before=now - age))
    _drop(_aged_marks(before=now - KEEP[Resolution.SECOND]))


@transaction.atomic
def _sum_up(*, fine: Resolution, coarse: Resolution, now: datetime) -> None:
    """Make the coarse points of every bucket that has ended since the last one."""
    size = timedelta(seconds=coarse)
    newest = dict(
        EquityPoint.objects.filter(resolution=coarse)
        .values_list("portfolio_id")
        .annotate(Max("at"))
    )
    rows = EquityPoint.objects.filter(resolution=fine, at__lt=_floor(now, size))
    if newest:
        rows = rows.filter(at__gte=min(newest.values()))
    buckets: dict[tuple[int, datetime], EquityPoint] = {}
    for row in rows.order_by("at").iterator():
        start = _floor(row.at, size)
        if row.portfolio_id in newest and start <= newest[row.portfolio_id]:
            continue
        bucket = buckets.setdefault(
            (row.portfolio_id, start),
            EquityPoint(
                portfolio_id=row.portfolio_id,
                resolution=coarse,
                at=start,
                low=row.low,
                high=row.high,
            ),
        )
        bucket.equity = row.equity
        bucket.low, bucket.high = min(bucket.low, row.low), max(bucket.high, row.high)
    EquityPoint.objects.bulk_create(buckets.values(), ignore_conflicts=True)


def _aged_points(*, resolution: Resolution, before: datetime) -> QuerySet[EquityPoint]:
    aged = EquityPoint.objects.filter(resolution=resolution, at__lt=before)
    if resolution is not Resolution.SECOND:
        return aged
    kept = KeptWindow.objects.filter(
        portfolio=OuterRef("portfolio"), start__lte=OuterRef("at"), end__gte=OuterRef("at")
    )
    return aged.exclude(Exists(kept))


def _aged_marks(*, before: datetime) -> QuerySet[MarkPoint]:
    kept = KeptWindow.objects.filter(start__lte=OuterRef("at"), end__gte=OuterRef("at"))
    return MarkPoint.objects.filter(at__lt=before).exclude(Exists(kept))


def _drop(rows: QuerySet[EquityPoint] | QuerySet[MarkPoint]) -> None:
    """Delete in slices, so that no long transaction stands in the way of a trip."""
    while found := list(rows.values_list("pk", flat=True)[:DELETE_AT_ONCE]):
        rows.model.objects.filter(pk__in=found).delete()


def _floor(at: datetime, size: timedelta) -> datetime:
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % int(size.total_seconds()), tz=at.tzinfo)
