"""The one order of locks: breakers by their key, then what hangs on them, the log last."""

from collections.abc import Iterable

from breaker.domain.machine import BreakerState
from breaker.models import Breaker

Standing = tuple[int, BreakerState]


def lock_breakers(portfolio_ids: Iterable[int | None] | None = None) -> dict[int, Standing]:
    """Lock the breakers of these portfolios, or all of them, until the transaction ends.

    Return the version and the state of each by its portfolio: nobody changes them any more.

    Whoever changes several portfolios in one transaction does it first: the log is taken with the
    first entry, and a trip, halt or reset of another of them would wait for it with its own lock.
    """
    breakers = Breaker.objects.select_for_update().order_by("pk")
    if portfolio_ids is not None:
        breakers = breakers.filter(portfolio__in=list(portfolio_ids))
    found = breakers.values_list("portfolio_id", "version", "state")
    return {pk: (version, BreakerState(state)) for pk, version, state in found}
