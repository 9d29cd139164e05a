"""The one order of locks: breakers by their key, then what hangs on them, the log last."""

from collections.abc import Iterable

from breaker.models import Breaker


def lock_breakers(portfolio_ids: Iterable[int | None] | None = None) -> None:
    """Lock the breakers of these portfolios, or all of them, until the transaction ends.

    Whoever changes several portfolios in one transaction does it first: the log is taken with the
    first entry, and a trip, halt or reset of another of them would wait for it with its own lock.
    """
    breakers = Breaker.objects.select_for_update().order_by("pk")
    if portfolio_ids is not None:
        breakers = breakers.filter(portfolio__in=list(portfolio_ids))
    list(breakers.values_list("pk"))
