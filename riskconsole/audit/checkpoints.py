"""Signed statements of where the log ends: taken in time, kept beside it, never by a trip."""

from datetime import datetime, timedelta

from django.db.models import Q

from riskconsole.audit import signing
from riskconsole.audit.models import AuditCheckpoint, AuditEntry, AuditHead
from riskconsole.audit.verify_export import Checkpoint, encode
from riskconsole.kernel.clock import time_from, time_text

EVERY = timedelta(minutes=5)
# Trips, resets, policies, accounts and members are signed at once; an action that is new here too.
PROMPT = Q(action__startswith="breaker.") | Q(action__startswith="portfolio.")
LATER = Q(action__startswith="breaker.warning.")


def take_due(*, now: datetime) -> AuditCheckpoint | None:
    """Take a checkpoint if the log moved on and one is due; return it."""
    last = newest()
    size = last.size if last else 0
    added = AuditEntry.objects.filter(sequence__gt=size)
    if _is_old(last, now=now) and added.exists():
        return take(now=now)
    return take(now=now) if added.filter(PROMPT).exclude(LATER).exists() else None


def take(*, now: datetime) -> AuditCheckpoint | None:
    """Sign where the log ends, once for each size; an empty log has nothing to sign."""
    head = AuditHead.objects.get(pk=1)
    if not head.sequence:
        return None
    known = AuditCheckpoint.objects.filter(size=head.sequence).first()
    if known is not None:
        return known
    made = signing.signed(size=head.sequence, root=head.hash, at=time_text(now))
    # Another sweep may be as quick: the database takes the first one, either is true.
    row, _is_new = AuditCheckpoint.objects.get_or_create(size=made.size, defaults=made._asdict())
    return row


def newest() -> AuditCheckpoint | None:
    return AuditCheckpoint.objects.order_by("-size").first()


def facts_of(row: AuditCheckpoint) -> Checkpoint:
    return Checkpoint(
        size=row.size, root=row.root, at=row.at, key_id=row.key_id, signature=row.signature
    )


def text_of(row: AuditCheckpoint) -> str:
    """Return the line by which anyone can check a copy of the log."""
    return f"{encode(facts_of(row)._asdict())}\n"


def _is_old(last: AuditCheckpoint | None, *, now: datetime) -> bool:
    return last is None or not timedelta() <= now - time_from(last.at) < EVERY
