"""Equity of the last hours for small drawings: one query for all portfolios."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Q

from breaker.selectors.drawing import Point
from portfolio.models import EquityPoint, Resolution

SPARK_SPAN = timedelta(hours=1)
CURVES_SPAN = timedelta(hours=6)
# A minute is summed up once it has ended; until then its seconds are drawn.
SECONDS_SPAN = timedelta(minutes=2)

Points = dict[int, list[Point]]


def spark_points(portfolio_ids: Collection[int], *, now: datetime) -> Points:
    """Return the last hour of each portfolio, by its id."""
    minutes = Q(resolution=Resolution.MINUTE, at__range=(now - SPARK_SPAN, now - SECONDS_SPAN))
    seconds = Q(resolution=Resolution.SECOND, at__gt=now - SECONDS_SPAN)
    return _points(portfolio_ids, minutes | seconds)


def curve_points(portfolio_ids: Collection[int], *, now: datetime) -> Points:
    """Return the last six hours of each portfolio, by its id."""
    coarse = Q(resolution=Resolution.FIVE_MINUTES, at__range=(now - CURVES_SPAN, now - SPARK_SPAN))
    minutes = Q(resolution=Resolution.MINUTE, at__range=(now - SPARK_SPAN, now - SECONDS_SPAN))
    seconds = Q(resolution=Resolution.SECOND, at__gt=now - SECONDS_SPAN)
    return _points(portfolio_ids, coarse | minutes | seconds)


def _points(portfolio_ids: Collection[int], wanted: Q) -> Points:
    rows = EquityPoint.objects.filter(wanted, portfolio__in=portfolio_ids).order_by("at")
    found: Points = defaultdict(list)
    for portfolio_id, at, equity in rows.values_list("portfolio_id", "at", "equity"):
        found[portfolio_id].append((at, equity))
    return found
