"""What an approval is decided by, read fresh: the facts of a reset, and who is asking to vote."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from django.conf import settings

from breaker.domain.approval import (
    NEW_APPROVER_COUNTS_AFTER,
    CloseFacts,
    LegFacts,
    Reference,
    RequestKind,
    RequestStatus,
    ResetFacts,
    VoterFacts,
    cooldown_end,
    solo_wait,
)
from breaker.domain.gate import Reason
from breaker.domain.machine import BreakerState, Cause, Limit
from breaker.models import Breaker, ChangeRequest, Trip, TripEventKind, Vote
from oms.domain.cancel import LegStatus
from oms.selectors import legs_of, open_closes_of, uncovered_accounts
from portfolio.domain.holdings import Holdings
from portfolio.domain.quality import assess, health_at
from portfolio.domain.valuation import Book
from portfolio.models import Membership, Role
from portfolio.selectors import stored_book_of
from riskconsole.kernel.clock import time_from
from riskconsole.kernel.numbers import ZERO
from riskconsole.people.models import SiteRole, User

DECIDED: Mapping[str, str] = {
    RequestStatus.EXECUTED: "approved",
    RequestStatus.REFUSED: "refused",
}
BEING_JUDGED = frozenset({Reason.OUTLIER_HELD, Reason.QUANTITY_BREACH})


def reset_facts(
    *,
    breaker: Breaker,
    trip: Trip,
    version: int,
    reference: Reference,
    excepted: Iterable[str] = (),
    book: Book | None = None,
    now: datetime,
) -> ResetFacts:
    """Return what a reset with this choice would be judged by now.

    :param version: the breaker's that the reset was asked for
    :param excepted: accounts that are accepted although they are not confirmed empty
    :param book: as it was read for this decision; without it, as it is stored now
    """
    named = frozenset(excepted)
    book = without_ageing(book or stored_book_of(breaker.portfolio_id), named)
    evaluation = breaker.portfolio.evaluation
    quality = assess(
        book=book,
        limits=breaker.quality_limits,
        now=now,
        armed_at=breaker.portfolio.armed_at,
    )
    equity = None if breaker.portfolio.armed_at is None else book.equity
    return ResetFacts(
        state=BreakerState(breaker.state),
        is_same_trip=trip.reset_at is None and breaker.version == version,
        legs=_legs_of(trip),
        closes=tuple(
            CloseFacts(account=close.account, status=close.status)
            for close in open_closes_of(portfolio_id=breaker.portfolio_id)
        ),
        excepted=named,
        health=health_at(
            now=now,
            armed_at=breaker.portfolio.armed_at,
            finished_at=evaluation.finished_at,
            fresh_until=quality.fresh_until,
            blind_from=quality.blind_from,
        ),
        equity=equity,
        conservative_equity=quality.conservative_equity,
        is_judged=bool(BEING_JUDGED & {Reason(reason) for reason in evaluation.reasons}),
        limits=_limits_after(breaker, reference, equity),
        cooldown_ends_at=cooldown_ends_at(trip),
    )


def cooldown_ends_at(trip: Trip) -> datetime:
    return cooldown_end(
        tripped_at=trip.at,
        cause=Cause(trip.cause),
        is_below_warning=is_below_warning(trip),
        cooldown=trip.breaker.cooldown,
    )


def is_below_warning(trip: Trip) -> bool:
    """Return whether the loss is known not to have reached the warning limit at the trip.

    A breach that was appended since makes it a trip by loss.
    """
    if trip.loss_ratio is None or trip.loss_ratio >= trip.breaker.warning_ratio:
        return False
    return not trip.events.filter(kind=TripEventKind.BREACH).exists()


def voter_facts(*, request: ChangeRequest, voter: User, now: datetime) -> VoterFacts:
    """Return whether and from when this person's approval of the request counts."""
    memberships = Membership.objects.filter(
        portfolio=request.portfolio, user=voter, role=Role.APPROVER
    )
    since = memberships.values_list("since", flat=True).first()
    is_site = request.portfolio is None
    return VoterFacts(
        is_requester=voter.pk == request.requester_id,
        is_active=voter.is_active,
        is_entitled=voter.site_role == SiteRole.ADMIN if is_site else since is not None,
        counts_from=_counts_from(request, since, now=now),
        solo_from=solo_from(request) if request.is_solo and settings.IS_SOLO else None,
    )


def solo_from(request: ChangeRequest) -> datetime:
    """Return from when the requester may approve alone."""
    trip = request.trip
    wait = solo_wait(
        kind=RequestKind(request.kind),
        cause=None if trip is None else Cause(trip.cause),
        is_below_warning=trip is not None and is_below_warning(trip),
    )
    return (request.created_at if trip is None else trip.at) + wait


def without_ageing(book: Book, excepted: frozenset[str]) -> Book:
    """Return the book with these accounts left out of every judgement of age.

    Only what a venue should have told is left out: a manual account is named for its orders, which
    a person cancelled by hand, and its prices age like all others.
    """
    accounts = tuple(
        replace(
            account,
            is_excepted=account.is_excepted or (account.is_venue_fed and account.slug in excepted),
        )
        for account in book.holdings.accounts
    )
    holdings: Holdings = replace(book.holdings, accounts=accounts)
    return book.replaced(holdings)


def _limits_after(
    breaker: Breaker, reference: Reference, equity: Decimal | None
) -> tuple[Limit, ...]:
    """Return the limits as they will be after a reset with this choice."""
    if reference is Reference.KEEP:
        return breaker.limits
    is_possible = equity is not None and equity > ZERO
    return breaker.limits_from(equity if is_possible else None, is_rebased=True)


def _legs_of(trip: Trip) -> tuple[LegFacts, ...]:
    """Return the legs, and a pending one for each account that has none: none is not empty."""
    cause = f"trip:{trip.pk}"
    return (
        *(
            LegFacts(account=leg.account, status=leg.status, listed_at=leg.listed_at)
            for leg in legs_of(cause=cause)
        ),
        *(
            LegFacts(account=slug, status=LegStatus.PENDING, listed_at=None)
            for slug in uncovered_accounts(cause=cause)
        ),
    )


def _counts_from(request: ChangeRequest, since: datetime | None, *, now: datetime) -> datetime:
    """Return when a role counts: at once for who was there when the portfolio was armed."""
    armed_at = None if request.portfolio is None else request.portfolio.armed_at
    if since is None or settings.IS_DEMO:
        return now
    is_founder = armed_at is not None and since <= armed_at
    return since if is_founder else since + NEW_APPROVER_COUNTS_AFTER


def deciding_vote_of(request: ChangeRequest) -> Vote | None:
    """Return the vote that closed the request; None where none did."""
    if request.status not in DECIDED:
        return None
    return request.votes.select_related("approver").order_by("-at", "-pk").first()


def decided_words(request: ChangeRequest, *, now: datetime) -> str:
    """Return who decided a request that is closed, and how long ago: the answer to a lost race."""
    vote, closed_at = deciding_vote_of(request), request.closed_at
    if vote is None or closed_at is None:
        return f"This request is {request.status.lower()} already"
    seconds = max(0, int((now - closed_at).total_seconds()))
    return f"{vote.approver.username} {DECIDED[request.status]} this {seconds} s ago"


def choice_of(payload: dict[str, object]) -> Reference:
    return Reference(str(payload["reference"]))


def end_of(payload: dict[str, object]) -> datetime:
    return time_from(str(payload["until"]))
