"""Read the log: newest first, page by page, and only what the reader may see."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from riskconsole.audit.models import AuditEntry

if TYPE_CHECKING:
    from riskconsole.people.models import User

READS_EVERYTHING = frozenset({"AUDITOR", "ADMIN"})


def slugs_readable_by(user: "User") -> frozenset[str] | None:
    """Return the portfolios whose entries the user may read; None means the whole log."""
    if user.site_role in READS_EVERYTHING:
        return None
    return frozenset(user.memberships.values_list("portfolio__slug", flat=True))


def newest_entries(
    *,
    slugs: Collection[str] | None,
    limit: int,
    before: int | None = None,
    portfolio: str = "",
    action: str = "",
    actions: Collection[str] | None = None,
) -> list[AuditEntry]:
    """Return entries from the newest, or from the one before a sequence.

    :param slugs: the reader's portfolios; None means the whole log
    :param action: the begin of an action's name
    :param actions: whole names; None means every action
    """
    found = AuditEntry.objects.order_by("-sequence")
    if slugs is not None:
        found = found.filter(portfolio__in=slugs)
    if before is not None:
        found = found.filter(sequence__lt=before)
    if portfolio:
        found = found.filter(portfolio=portfolio)
    if action:
        found = found.filter(action__startswith=action)
    if actions is not None:
        found = found.filter(action__in=actions)
    return list(found[:limit])


def log_length() -> int:
    """Return how many entries the whole log has: they are numbered without a gap."""
    newest = AuditEntry.objects.order_by("-sequence").values_list("sequence", flat=True).first()
    return newest or 0
