"""Who may attend to a leg: one at a time, by a lease, and only while the fence is still theirs."""

from datetime import datetime, timedelta

from django.db.models import Q

from oms.models.attended import Attended

# Longer than the time-outs of the six calls of one attempt together.
LEASE = timedelta(seconds=30)

# Further ahead than any lease or pause reaches.
TOO_FAR = timedelta(minutes=2)


def due(*, now: datetime) -> Q:
    """Return what is due; a time further ahead than any wait was set by a clock that jumped."""
    is_due = Q(next_attempt_at__lte=now) | Q(next_attempt_at__gt=now + TOO_FAR)
    is_free = (
        Q(lease_until__isnull=True) | Q(lease_until__lte=now) | Q(lease_until__gt=now + TOO_FAR)
    )
    return is_due & is_free & Q(is_ended=False)


def claim(leg: Attended, *, now: datetime) -> bool:
    """Take the leg for one attempt, unless somebody took, settled or ended it since it was read.

    A process that dies frees it when its lease ends.
    """
    as_read = type(leg)._default_manager.filter(  # noqa: SLF001 - the public name of a manager
        pk=leg.pk, fence=leg.fence, lease_until=leg.lease_until, is_ended=False
    )
    leg.fence, leg.attempts = leg.fence + 1, leg.attempts + 1
    taken = as_read.update(lease_until=now + LEASE, fence=leg.fence, attempts=leg.attempts)
    return taken == 1


def is_ours(*, leg_id: int, fence: int) -> Q:
    """Return what finds the leg that was claimed with this fence, unless it was taken over."""
    return Q(pk=leg_id, fence=fence, is_ended=False)
