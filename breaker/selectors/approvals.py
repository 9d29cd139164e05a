"""A request as an approver reads it: what is written beside what is seen, and who may say yes."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q

from breaker.domain.approval import (
    Check,
    CheckName,
    RequestKind,
    RequestStatus,
    Verdict,
    VoterFacts,
    voter_refusal,
)
from breaker.domain.claims import contradictions
from breaker.domain.machine import Cause
from breaker.models import Breaker, ChangeRequest, Trip, Vote
from breaker.selectors.numbers import Numbers, numbers_of
from breaker.selectors.requests import deciding_vote_of, voter_facts
from breaker.selectors.shell import CAUSE_WORDS
from breaker.selectors.waiting import RequestRow, row_of_request
from oms.domain.cancel import LegStatus
from oms.selectors import legs_of
from portfolio.domain.holdings import VenueKind
from portfolio.models import Position, Role
from portfolio.selectors import stored_book_of
from riskconsole.kernel.numbers import EXACT
from riskconsole.people.models import SiteRole, User
from riskconsole.people.selectors import has_second_factor

MOST_EARLIER = 10
REBASE_TEXT = '"reference":"REBASE"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver:
    """Somebody who has the role; why_not is empty for who can approve at this moment."""

    username: str
    why_not: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """One check, and the words by which an approver may except its account."""

    check: Check
    accepts: str

    @property
    def tone(self) -> str:
        return "ok" if self.check.passed else "warn" if self.accepts else "trip"

    @property
    def icon(self) -> str:
        return {"ok": "check", "warn": "hand", "trip": "cross"}[self.tone]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierTrip:
    at: datetime
    cause: str
    loss_ratio: Decimal | None
    halted_for: timedelta | None
    people: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPage:
    """One request with everything that its decision rests on.

    :param contradictions: what is written and not seen
    :param refusal: why this reader's approval would not count; empty if it would
    :param may_decide: is shown the approve and refuse buttons
    :param decided_by, note: of the vote that closed it
    """

    row: RequestRow
    reason: str
    word: str
    currency: str
    trip: Trip | None
    numbers: Numbers | None
    checks: tuple[CheckRow, ...]
    contradictions: tuple[str, ...]
    open_positions: int
    rebases: int
    floor_left: Decimal | None
    earlier: tuple[EarlierTrip, ...]
    approvers: tuple[Approver, ...]
    votes: tuple[Vote, ...]
    quorum: int
    is_requester: bool
    may_decide: bool
    refusal: str
    decided_by: str
    note: str

    @property
    def passed(self) -> int:
        return sum(row.check.passed for row in self.checks)


def may_decide(facts: VoterFacts) -> bool:
    """Return whether this person is one who decides: a requester only where one works alone."""
    is_second = not facts.is_requester or facts.solo_from is not None
    return facts.is_active and facts.is_entitled and is_second


def approval_page(
    request: ChangeRequest, *, reader: User, checks: Sequence[Check], now: datetime
) -> ApprovalPage:
    """Return the page of a request with its portfolio's breaker, trip and requester loaded."""
    facts = voter_facts(request=request, voter=reader, now=now)
    breaker = request.portfolio.breaker if request.portfolio else None
    vote = deciding_vote_of(request)
    is_open = request.status == RequestStatus.OPEN
    positions = 0 if breaker is None else open_positions_of(breaker)
    numbers = None if breaker is None else _numbers(request, breaker)
    return ApprovalPage(
        row=row_of_request(request, now=now),
        reason=request.reason,
        word=word_of(request),
        currency=request.portfolio.reference_currency if request.portfolio else "",
        trip=request.trip,
        numbers=numbers,
        checks=_check_rows(checks, request.trip),
        contradictions=contradictions(
            request.reason, open_positions=positions, unconfirmed=_unconfirmed(request.trip)
        )
        if is_open
        else (),
        open_positions=positions,
        rebases=0 if breaker is None else rebases_of(breaker),
        floor_left=None if breaker is None else floor_left_of(breaker, numbers),
        earlier=() if breaker is None else _earlier_trips(breaker, but=request.trip),
        approvers=approvers_of(request, now=now),
        votes=tuple(request.votes.select_related("approver").order_by("at", "pk")),
        quorum=request.quorum,
        is_requester=facts.is_requester,
        may_decide=is_open and may_decide(facts),
        refusal=voter_refusal(facts, now=now),
        decided_by=vote.approver.username if vote else "",
        note=vote.note if vote else "",
    )


def word_of(request: ChangeRequest) -> str:
    """Return what an approver types to confirm: the portfolio's slug, or who is concerned."""
    if request.portfolio is not None:
        return request.portfolio.slug
    return str(json.loads(request.payload).get("user", "site"))


def open_positions_of(breaker: Breaker) -> int:
    return Position.objects.filter(
        account__portfolio=breaker.portfolio_id, account__removed_at=None
    ).count()


def rebases_of(breaker: Breaker) -> int:
    """Return how often the reference was moved to the equity there was."""
    resets = ChangeRequest.objects.filter(
        portfolio=breaker.portfolio_id, kind=RequestKind.RESET, status=RequestStatus.EXECUTED
    )
    return resets.filter(payload__contains=REBASE_TEXT).count()


def floor_left_of(breaker: Breaker, numbers: Numbers | None) -> Decimal | None:
    """Return what all re-bases together can still lose; None without capital or equity."""
    base = breaker.portfolio.floor_base
    if numbers is None or numbers.equity is None or base is None:
        return None
    floor = EXACT.multiply(base, EXACT.subtract(Decimal(1), breaker.floor_ratio))
    return EXACT.subtract(numbers.equity, floor)


def approvers_of(request: ChangeRequest, *, now: datetime) -> tuple[Approver, ...]:
    """Return who has the role that the request needs, and why somebody of them cannot now."""
    is_entitled = Q(memberships__portfolio=request.portfolio, memberships__role=Role.APPROVER)
    if request.portfolio is None:
        is_entitled = Q(site_role=SiteRole.ADMIN)
    people = User.objects.filter(is_entitled).distinct().order_by("username")
    voted = set(request.votes.values_list("approver", flat=True))
    return tuple(
        Approver(
            username=person.username,
            why_not="has decided already"
            if person.pk in voted
            else _why_not(voter_facts(request=request, voter=person, now=now), person, now=now),
        )
        for person in people
    )


def _why_not(facts: VoterFacts, person: User, *, now: datetime) -> str:
    if not facts.is_active:
        return "deactivated"
    if facts.is_requester and facts.solo_from is None:
        return "asked for this"
    if facts.is_requester and facts.solo_from is not None and now < facts.solo_from:
        return f"alone, from {facts.solo_from:%H:%M:%S} UTC"
    if now < facts.counts_from:
        return f"new, counts from {facts.counts_from:%Y-%m-%d %H:%M} UTC"
    return "" if has_second_factor(person) else "has no second factor"


def _numbers(request: ChangeRequest, breaker: Breaker) -> Numbers:
    return numbers_of(
        breaker,
        kind=RequestKind(request.kind),
        payload=json.loads(request.payload),
        book=stored_book_of(breaker.portfolio_id),
    )


def _check_rows(checks: Iterable[Check], trip: Trip | None) -> tuple[CheckRow, ...]:
    manual = set()
    if trip is not None:
        accounts = trip.breaker.portfolio.accounts.filter(venue__kind=VenueKind.MANUAL)
        manual = set(accounts.values_list("slug", flat=True))
    return tuple(CheckRow(check=check, accepts=_accepts(check, manual)) for check in checks)


def _accepts(check: Check, manual: set[str]) -> str:
    if check.passed or not check.account:
        return ""
    if check.name is CheckName.CLOSING:
        return f"{check.account} not closed, accepted"
    if check.account in manual:
        return f"{check.account}: orders cancelled there by hand"
    return f"{check.account} unverified, accepted"


def _unconfirmed(trip: Trip | None) -> tuple[str, ...]:
    if trip is None:
        return ()
    legs = legs_of(cause=f"trip:{trip.pk}")
    return tuple(leg.account for leg in legs if leg.status is not LegStatus.EMPTY)


def _earlier_trips(breaker: Breaker, *, but: Trip | None) -> tuple[EarlierTrip, ...]:
    trips = breaker.trips.order_by("-at")
    if but is not None:
        trips = trips.exclude(pk=but.pk)
    return tuple(_earlier(trip) for trip in trips[:MOST_EARLIER])


def _earlier(trip: Trip) -> EarlierTrip:
    resets = trip.reset_requests.filter(status=RequestStatus.EXECUTED)
    reset = resets.select_related("requester").first()
    people = [] if reset is None else [reset.requester.username, *_approvers_of(reset)]
    return EarlierTrip(
        at=trip.at,
        cause=CAUSE_WORDS[Cause(trip.cause)],
        loss_ratio=trip.loss_ratio,
        halted_for=None if trip.reset_at is None else trip.reset_at - trip.at,
        people=", ".join(dict.fromkeys(people)),
        reason="" if reset is None else reset.reason,
    )


def _approvers_of(request: ChangeRequest) -> list[str]:
    votes = request.votes.filter(verdict=Verdict.APPROVED).order_by("at")
    return list(votes.values_list("approver__username", flat=True))
