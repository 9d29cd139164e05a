"""What is known of the chain as a whole: never more than was checked, and by whom it is witnessed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from riskconsole.audit import checkpoints, checks
from riskconsole.audit.models import AuditCheck, AuditWitness
from riskconsole.audit.selectors import log_length
from riskconsole.kernel.clock import time_from

# A witness of the day before yesterday says little about today's entries.
WITNESS_FRESH = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The newest checkpoint."""

    size: int
    at: datetime
    age: timedelta
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Somebody outside who was told an end of the log."""

    name: str
    size: int
    at: datetime
    age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The chain in a few facts.

    :param tone: trip where it is broken, ok only with a check and a witness outside, else off
    :param unchecked: entries that came after the last check
    """

    tone: str
    length: int
    check: AuditCheck | None
    check_age: timedelta | None
    took: timedelta | None
    unchecked: int
    waiting: AuditCheck | None
    checkpoint: Signed | None
    witnesses: tuple[Witness, ...]
    is_witnessed: bool


def seal(*, now: datetime) -> Seal:
    length, check = log_length(), checks.newest_finished()
    witnesses = tuple(
        Witness(name=row.name, size=row.size, at=row.told_at, age=now - row.told_at)
        for row in AuditWitness.objects.order_by("-size", "name")
    )
    is_witnessed = any(one.age <= WITNESS_FRESH or one.size >= length for one in witnesses)
    finished_at = check.finished_at if check else None
    return Seal(
        tone=_tone(check, is_witnessed=is_witnessed),
        length=length,
        check=check,
        check_age=now - finished_at if finished_at else None,
        took=finished_at - check.began_at if check and finished_at and check.began_at else None,
        unchecked=max(0, length - check.entries) if check else length,
        waiting=checks.newest_waiting(),
        checkpoint=_signed(now),
        witnesses=witnesses,
        is_witnessed=is_witnessed,
    )


def _tone(check: AuditCheck | None, *, is_witnessed: bool) -> str:
    if check is None:
        return "off"
    if check.broken_at is not None:
        return "trip"
    return "ok" if is_witnessed else "off"


def _signed(now: datetime) -> Signed | None:
    row = checkpoints.newest()
    if row is None:
        return None
    at = time_from(row.at)
    return Signed(size=row.size, at=at, age=now - at, key_id=row.key_id)
