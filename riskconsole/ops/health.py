"""What keeps the console from doing its work."""

from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, transaction

from breaker.models import Breaker
from portfolio.models import Evaluation

EVALUATION_LASTS = timedelta(seconds=30)


def unreadiness(*, now: datetime) -> list[str]:
    """Return a sentence for everything that is wrong; one venue that is down is not.

    :param now: a portfolio counts as watched if an evaluation finished within 30 s before
    """
    try:
        _write_nothing()
        return [f"{slug} has no finished evaluation for 30 s" for slug in _unwatched(now)]
    except (DatabaseError, InterfaceError) as error:
        return [f"The database is not writable: {error}"]


def _write_nothing() -> None:
    """Begin to write, as far as a lock, a right and a disk can refuse it."""
    with transaction.atomic():
        Evaluation.objects.filter(pk=0).update(number=0)


def _unwatched(now: datetime) -> list[str]:
    rows = Breaker.objects.exclude(
        portfolio__evaluation__finished_at__gt=now - EVALUATION_LASTS
    ).order_by("portfolio__slug")
    return list(rows.values_list("portfolio__slug", flat=True))
