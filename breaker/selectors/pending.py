"""What stands open on a portfolio: requests, and accounts that do not count yet."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from breaker.domain.approval import RequestStatus
from breaker.models import ChangeRequest
from breaker.selectors.waiting import RequestRow, row_of_request
from portfolio.models import VenueAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Open requests, and accounts that join once each of their lines has a price."""

    requests: tuple[RequestRow, ...] = ()
    joining: tuple[str, ...] = ()


NOTHING_PENDING = Pending()


def pending_of(portfolio_ids: Collection[int], *, now: datetime) -> Mapping[int, Pending]:
    """Return what stands open, by the portfolio's id, in two queries for all of them."""
    requests: dict[int, list[RequestRow]] = {}
    waiting = ChangeRequest.objects.filter(
        portfolio__in=portfolio_ids, status=RequestStatus.OPEN
    ).select_related("portfolio", "requester")
    for request in waiting.order_by("expires_at"):
        requests.setdefault(request.portfolio_id or 0, []).append(row_of_request(request, now=now))
    joining: dict[int, list[str]] = {}
    accounts = VenueAccount.objects.filter(portfolio__in=portfolio_ids, is_joining=True)
    for portfolio_id, slug in accounts.order_by("slug").values_list("portfolio_id", "slug"):
        joining.setdefault(portfolio_id, []).append(slug)
    return {
        pk: Pending(requests=tuple(requests.get(pk, ())), joining=tuple(joining.get(pk, ())))
        for pk in portfolio_ids
    }
