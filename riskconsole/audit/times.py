"""Where a time lies in the log: the times of entries are nearly, and not quite, in their order.

Transactions overlap and clocks are set; the head row keeps how far that ever went, and so a time is
found by a look at a few entries around it, without missing one.
"""

from datetime import datetime, timedelta
from math import ceil
from typing import TypedDict

from django.db.models import F, Max, Min

from riskconsole.audit.models import AuditEntry, AuditHead
from riskconsole.kernel.clock import time_from, time_text

SECOND = timedelta(seconds=1)
BEHIND_ALL = 2**63 - 1
# Not the bare column: PostgreSQL would look for it from the end of the log on.
_PLAIN = F("sequence") + 0


class Clock(TypedDict):
    latest_at: str
    lag_seconds: int


def moved_clock(head: AuditHead, *, now: datetime) -> Clock:
    """Return what the head says of times once an entry of now is behind it."""
    latest = time_from(head.latest_at) if head.latest_at else now
    lag = max(head.lag_seconds, ceil((latest - now).total_seconds()))
    return {"latest_at": time_text(max(latest, now)), "lag_seconds": lag}


def first_since(since: str) -> int:
    """Return the lowest sequence of all entries of this second or later.

    The earliest of those in time is at most the lag behind the one that is sought.
    """
    later = AuditEntry.objects.filter(at__gte=since)
    earliest = later.order_by("at").values_list("at", flat=True).first()
    if earliest is None:
        return BEHIND_ALL
    around = later.filter(at__lt=_moved(earliest, _lag() + SECOND))
    return int(around.aggregate(found=Min(_PLAIN))["found"])


def last_until(until: str) -> int:
    """Return the highest sequence of all entries before this second; 0 if there is none."""
    earlier = AuditEntry.objects.filter(at__lt=until)
    latest = earlier.order_by("-at").values_list("at", flat=True).first()
    if latest is None:
        return 0
    around = earlier.filter(at__gte=_moved(latest, -_lag()))
    return int(around.aggregate(found=Max(_PLAIN))["found"])


def second_text(at: datetime) -> str:
    """Return the begin of the text of every time within a second: as text it sorts before them."""
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def _moved(at: str, by: timedelta) -> str:
    """Return a time moved, as text; where somebody changed it to none, the end of all times."""
    try:
        return second_text(time_from(at) + by)
    except ValueError:
        return "" if by < SECOND else "~"


def _lag() -> timedelta:
    return timedelta(seconds=AuditHead.objects.get(pk=1).lag_seconds)
