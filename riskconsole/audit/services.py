"""Add an entry to the log, in the transaction of the change that it tells."""

from datetime import datetime

from django.db import connection, transaction

from riskconsole.audit.chain import Payload, canonical
from riskconsole.audit.models import AuditEntry, AuditHead
from riskconsole.audit.times import moved_clock
from riskconsole.audit.verify_export import Row, hash_of
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError

SYSTEM = "system"


class NoTransaction(RiskConsoleError):
    """An audit entry must commit or roll back with the change that it records."""


def record(
    *,
    action: str,
    subject: str,
    payload: Payload,
    now: datetime,
    portfolio: str = "",
    actor: str = SYSTEM,
    address: str = "",
) -> AuditEntry:
    """Append one entry to the chain, inside the caller's transaction.

    The head row is locked from here to the commit, so call it last.

    :raises NoTransaction: if the caller holds no transaction
    """
    if not connection.in_atomic_block:
        raise NoTransaction("An audit entry needs the transaction of the change that it records")
    head = AuditHead.objects.select_for_update().get(pk=1)
    row = Row(
        sequence=head.sequence + 1,
        at=time_text(now),
        actor=actor,
        address=address,
        action=action,
        subject=subject,
        portfolio=portfolio,
        payload=canonical(payload),
        previous_hash=head.hash,
    )
    entry = AuditEntry(**row._replace(hash=hash_of(row))._asdict())
    entry.save(force_insert=True)
    AuditHead.objects.filter(pk=1).update(
        sequence=entry.sequence, hash=entry.hash, **moved_clock(head, now=now)
    )
    return entry


@transaction.atomic
def note_export(
    *,
    format: str,
    asked: str,
    entries: int,
    portfolio: str,
    actor: str,
    address: str,
    now: datetime,
) -> None:
    """Record that somebody takes entries away, before the first of them leaves.

    :param asked: the filter as it stands in the address
    :param entries: how long the log is at that moment
    """
    record(
        action="audit.export.made",
        subject="log",
        portfolio=portfolio,
        payload={"format": format, "filter": asked, "log_length": entries},
        now=now,
        actor=actor,
        address=address,
    )


@transaction.atomic
def note_refusal(*, what: str, actor: str, address: str, now: datetime) -> None:
    """Record that somebody asked for something here that does not exist for him."""
    record(
        action="people.access.refused",
        subject="log",
        payload={"path": what[:200]},
        now=now,
        actor=actor,
        address=address,
    )
