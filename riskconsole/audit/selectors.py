"""Read the log: newest first, page by page, and only what the reader may see."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from riskconsole.audit.models import AuditEntry
from riskconsole.audit.paging import LogQuery, newest_sequences, wanted
from riskconsole.audit.verification import stored_rows
from riskconsole.audit.verify_export import Row

if TYPE_CHECKING:
    from riskconsole.people.models import User

READS_EVERYTHING = frozenset({"AUDITOR", "ADMIN"})


def slugs_readable_by(user: "User") -> frozenset[str] | None:
    """Return the portfolios whose entries the user may read; None means the whole log."""
    if user.site_role in READS_EVERYTHING:
        return None
    return frozenset(user.memberships.values_list("portfolio__slug", flat=True))


def newest_entries(
    *, slugs: Collection[str] | None, limit: int, actions: Collection[str]
) -> list[AuditEntry]:
    """Return the newest entries with these actions.

    :param slugs: the reader's portfolios; None means the whole log
    """
    found = AuditEntry.objects.filter(action__in=actions).order_by("-sequence")
    if slugs is not None:
        found = found.filter(portfolio__in=slugs)
    return list(found[:limit])


def newest_rows(query: LogQuery, *, limit: int) -> list[Row]:
    """Return a page of what is wanted, newest first, whatever the columns hold."""
    sequences = newest_sequences(query, limit=limit)
    rows = list(stored_rows(AuditEntry.objects.filter(sequence__in=sequences)))
    return rows[::-1]


def row_with_neighbours(
    sequence: int, *, slugs: frozenset[str] | None
) -> tuple[Row | None, Row | None, Row | None]:
    """Return the entry before, the entry and the entry behind, of those that may be read."""
    readable = wanted(LogQuery(slugs=slugs))
    rows = {row.sequence: row for row in stored_rows(readable.filter(sequence=sequence))}
    if sequence not in rows:
        return None, None, None
    before = newest_rows(LogQuery(slugs=slugs, last=sequence - 1), limit=1)
    behind = readable.filter(sequence__gt=sequence).order_by("sequence")[:1]
    following = list(stored_rows(readable.filter(sequence__in=[row.sequence for row in behind])))
    return (before[0] if before else None), rows[sequence], (following[0] if following else None)


def log_length() -> int:
    """Return how many entries the whole log has: they are numbered without a gap."""
    newest = AuditEntry.objects.order_by("-sequence").values_list("sequence", flat=True).first()
    return newest or 0
