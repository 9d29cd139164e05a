"""The breakers, one row each: what guards a portfolio, when it last looked, who changed it last."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Max

from breaker.selectors.events import TELLERS, Event, feed_of
from breaker.selectors.rows import PortfolioRow
from riskconsole.audit.models import AuditEntry

LATE_AFTER = timedelta(seconds=3)
# What changes a breaker; what happens to orders and accounts is told elsewhere.
CHANGES = frozenset(action for action in TELLERS if action.startswith("breaker."))


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRow:
    """:param last: the newest entry of the log about this breaker, in words"""

    row: PortfolioRow
    last: Event | None
    may_edit: bool
    may_ask: bool

    @property
    def is_late(self) -> bool:
        return self.row.age is None or self.row.age >= LATE_AFTER


def last_changes(slugs: Collection[str]) -> Mapping[str, Event]:
    """Return the newest change of each of these breakers, by slug."""
    newest = AuditEntry.objects.filter(portfolio__in=slugs, action__in=CHANGES)
    grouped = newest.order_by().values("portfolio").annotate(last=Max("sequence"))
    found = AuditEntry.objects.in_bulk([group["last"] for group in grouped])
    return {
        entry.portfolio: event for entry in found.values() for event in feed_of([entry], names={})
    }
