"""A broken log is told to people, not only to who looks at its page."""

from datetime import datetime

from django.db import transaction

from riskconsole.alerts.models import Alert, Level
from riskconsole.alerts.services import raise_alert
from riskconsole.audit import checks
from riskconsole.audit.services import record


def check_log(*, now: datetime) -> None:
    """Run the checks that are due, and tell people once of each break that was found."""
    checks.run_due(now=now)
    found = checks.newest_finished()
    if found is None or found.broken_at is None:
        return
    cause = f"audit:{found.broken_at}"
    if not Alert.objects.filter(cause=cause).exists():
        _tell(entry=found.broken_at, reason=found.reason, cause=cause, now=now)


@transaction.atomic
def _tell(*, entry: int, reason: str, cause: str, now: datetime) -> None:
    raise_alert(
        portfolio="",
        cause=cause,
        level=Level.NEEDS_HUMAN,
        subject=f"The audit log is broken: entry {entry} does not match",
        body=f"Entry {entry} {reason}. Keep the database as it is, and compare with an export.",
        now=now,
    )
    record(
        action="audit.break.found",
        subject=f"entry:{entry}",
        payload={"reason": reason},
        now=now,
    )
