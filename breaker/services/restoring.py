"""A restored database is noticed: its breakers may be older than what they have done."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from breaker.models import Breaker
from breaker.services.locks import lock_breakers
from riskconsole.alerts.models import Level
from riskconsole.alerts.services import raise_alert
from riskconsole.audit import witness
from riskconsole.audit.services import record


def notice_restore(*, now: datetime) -> bool:
    """Pause every portfolio if the log is not the one that was seen; return whether it was.

    Call it at a start, before anything is written. The pause ends by an approved request.
    """
    seen = witness.last_seen()
    if seen is None or not witness.is_restored():
        return False
    with transaction.atomic():
        lock_breakers()
        Breaker.objects.update(is_restored=True, version=F("version") + 1)
        raise_alert(
            portfolio="",
            cause="restore",
            level=Level.NEEDS_HUMAN,
            subject="The database was restored: every portfolio is paused",
            body=f"The log was seen with {seen.size} entries and is another one now.",
            now=now,
        )
        record(
            action="breaker.restore.noticed",
            subject="audit_head",
            payload={"seen_size": seen.size, "seen_root": seen.root},
            now=now,
        )
    witness.replace_head()
    return True
