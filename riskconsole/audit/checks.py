"""Checks of the whole log: asked for by people and each hour, run once, and their results kept."""

from datetime import datetime, timedelta
from time import perf_counter

from django.db.models import Q, QuerySet

from riskconsole.audit.models import AuditCheck
from riskconsole.audit.services import SYSTEM
from riskconsole.audit.verification import verify_log

CHECK_TASK = "audit.check"
EVERY = timedelta(hours=1)
# One that was begun and never finished was run by a process that died.
LONGEST = timedelta(minutes=10)


def ask(*, actor: str, now: datetime) -> AuditCheck:
    """Return a check that is to be run: the one that waits already, or a new one."""
    waiting = _waiting(now=now).filter(began_at=None).first()
    return waiting or AuditCheck.objects.create(asked_by=actor, asked_at=now)


def run(*, check_id: int, now: datetime) -> bool:
    """Check the log and keep what was found; return whether this call did."""
    if not _waiting(now=now).filter(pk=check_id).update(began_at=now):
        return False
    began = perf_counter()
    verdict = verify_log()
    broken = verdict.broken
    AuditCheck.objects.filter(pk=check_id).update(
        finished_at=now + timedelta(seconds=perf_counter() - began),
        entries=verdict.entries,
        broken_at=broken.sequence if broken else None,
        reason=broken.reason if broken else "",
    )
    return True


def run_due(*, now: datetime) -> None:
    """Run what is asked for, and each hour a check that nobody asked for."""
    last = newest_finished()
    if last is None or last.asked_at <= now - EVERY:
        ask(actor=SYSTEM, now=now)
    for check in list(_waiting(now=now)):
        run(check_id=check.pk, now=now)


def newest_finished() -> AuditCheck | None:
    return AuditCheck.objects.exclude(finished_at=None).order_by("-asked_at", "-pk").first()


def newest_waiting() -> AuditCheck | None:
    return AuditCheck.objects.filter(finished_at=None).order_by("-pk").first()


def _waiting(*, now: datetime) -> QuerySet[AuditCheck]:
    is_free = Q(began_at=None) | Q(began_at__lte=now - LONGEST)
    return AuditCheck.objects.filter(is_free, finished_at=None).order_by("pk")
