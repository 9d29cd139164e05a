"""What losses were measured from over time: a chart goes back beyond an approved re-base."""

from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from breaker.models import Breaker, Trip
from riskconsole.kernel.numbers import EXACT, ROUNDED

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """The reference equities of one portfolio, each until a reset, and the one of now.

    :param resets: when each of the former ended, in rising order
    """

    resets: tuple[datetime, ...]
    former: tuple[Decimal, ...]
    present: Decimal

    def at(self, moment: datetime) -> Decimal:
        """Return the reference that was in force."""
        place = bisect_right(self.resets, moment)
        return self.former[place] if place < len(self.former) else self.present

    def change_percent(self, equity: Decimal, *, at: datetime) -> Decimal:
        """Return the change from the reference of that time in percent; a loss is below zero."""
        return change_percent(equity, self.at(at))


def references_of(breakers: Collection[Breaker], *, since: datetime) -> Mapping[int, References]:
    """Return by portfolio what its losses were measured from; the protected ones only."""
    resets = Trip.objects.filter(breaker__in=list(breakers), reset_at__gte=since)
    found: dict[int, list[tuple[datetime, Decimal]]] = {}
    rows = resets.order_by("reset_at").values_list("breaker_id", "reset_at", "reference_equity")
    for breaker_id, reset_at, reference in rows:
        if reset_at is not None and reference is not None:
            found.setdefault(breaker_id, []).append((reset_at, reference))
    return {
        breaker.portfolio_id: References(
            resets=tuple(at for at, _ in found.get(breaker.pk, ())),
            former=tuple(reference for _, reference in found.get(breaker.pk, ())),
            present=breaker.portfolio.reference_equity,
        )
        for breaker in breakers
        if breaker.portfolio.reference_equity is not None
    }


def change_percent(equity: Decimal, reference_equity: Decimal) -> Decimal:
    """Return the change from the reference in percent; a loss is below zero."""
    change = EXACT.multiply(EXACT.subtract(equity, reference_equity), _HUNDRED)
    return ROUNDED.divide(change, reference_equity)
