"""Approve or refuse a request: everything is checked again where it is carried out."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from breaker.domain.approval import (
    Check,
    RequestKind,
    RequestStatus,
    Seen,
    Verdict,
    reset_checks,
    seen_check,
    voter_refusal,
)
from breaker.models import ChangeRequest, Vote
from breaker.selectors.requests import choice_of, decided_words, reset_facts, voter_facts
from breaker.services import carrying_out
from breaker.services.carrying_out import Order
from breaker.services.locks import lock_breakers
from breaker.services.requests import RequestRefused, payload_hash, tell
from portfolio.domain.valuation import Book
from portfolio.selectors import stored_book_of
from riskconsole.audit.services import record
from riskconsole.kernel.clock import time_text
from riskconsole.people.models import User
from riskconsole.people.proof import Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """One approver's decision.

    :param exceptions: accounts accepted although they are not confirmed empty, by slug
    :param seen: what was on the approver's screen
    :param proof: the second factor, given for this very decision
    """

    voter: User
    note: str
    exceptions: frozenset[str]
    seen: Seen
    proof: Proof
    address: str


class AlreadyDecided(RequestRefused):
    """Somebody else was faster; the message says who and how long ago."""


CARRY_OUT: Mapping[RequestKind, Callable[[Order], None]] = {
    RequestKind.RESET: carrying_out.reset,
    RequestKind.DISABLE: carrying_out.disable,
    RequestKind.RESTORE: carrying_out.confirm_restore,
    RequestKind.CHANGE: carrying_out.make_change,
    RequestKind.FLOW: carrying_out.note_flow,
    RequestKind.REMOVAL: carrying_out.remove,
    RequestKind.KEY: carrying_out.let_go_of_key,
    RequestKind.SECOND_FACTOR: carrying_out.reset_second_factor,
}


def approve(*, request_id: int, ballot: Ballot, now: datetime) -> ChangeRequest:
    """Approve, and carry the request out once enough others have.

    :raises RequestRefused: with the reason, which is put into the log; nothing has changed then
    """
    try:
        return _approve(request_id=request_id, ballot=ballot, now=now)
    except RequestRefused as error:
        _note_refused(request_id, ballot, str(error), now=now)
        raise


@transaction.atomic
def refuse(*, request_id: int, voter: User, note: str, address: str, now: datetime) -> None:
    """Refuse a request for good; whoever could approve it may.

    :raises RequestRefused: if it is decided, or the voter is no approver of it
    """
    request = _locked(request_id, now=now)
    _check_voter(request, voter, now=now)
    if not note.strip():
        raise RequestRefused("A refusal needs a note", field="note")
    Vote.objects.create(
        request=request,
        requester_id=request.requester_id,
        approver=voter,
        verdict=Verdict.REFUSED,
        note=note.strip(),
        payload_hash=request.payload_hash,
        is_solo=voter.pk == request.requester_id,
        at=now,
    )
    _close(request, RequestStatus.REFUSED, outcome=f"refused by {voter.username}", now=now)
    tell(
        request,
        action="breaker.request.refused",
        actor=f"user:{voter.username}",
        address=address,
        payload={"note": note.strip()},
        now=now,
    )


def checks_of(
    request: ChangeRequest,
    *,
    exceptions: Sequence[str] = (),
    book: Book | None = None,
    now: datetime,
) -> tuple[Check, ...]:
    """Return what must hold besides the approver's own rights; only a reset has such facts.

    :param request: with its portfolio's breaker and its trip
    :param book: as it was read for this decision; without it, as it is stored now
    """
    if request.kind != RequestKind.RESET or request.trip is None or request.portfolio is None:
        return ()
    facts = reset_facts(
        breaker=request.portfolio.breaker,
        trip=request.trip,
        version=request.version or 0,
        reference=choice_of(json.loads(request.payload)),
        excepted=exceptions,
        book=book,
        now=now,
    )
    return reset_checks(facts, now=now)


@transaction.atomic
def _approve(*, request_id: int, ballot: Ballot, now: datetime) -> ChangeRequest:
    request = _locked(request_id, now=now)
    _check_voter(request, ballot.voter, now=now)
    votes = _votes_that_count(request, now=now)
    ballot = _with_agreed_exceptions(ballot, votes)
    book = None if request.portfolio is None else stored_book_of(request.portfolio.pk)
    _check_facts(request, ballot, book, now=now)
    _vote(request, ballot, now=now)
    is_enough = len(votes) + 1 >= request.quorum
    if is_enough:
        _close(request, RequestStatus.EXECUTED, outcome=_outcome(ballot, request), now=now)
        CARRY_OUT[RequestKind(request.kind)](
            Order(
                request=request,
                payload=json.loads(request.payload),
                approver=ballot.voter,
                exceptions=ballot.exceptions,
                book=book,
                address=ballot.address,
                now=now,
            )
        )
    tell(
        request,
        action="breaker.request.executed" if is_enough else "breaker.request.approved",
        actor=f"user:{ballot.voter.username}",
        address=ballot.address,
        payload=_told(request, ballot),
        now=now,
    )
    return request


def _locked(request_id: int, *, now: datetime) -> ChangeRequest:
    """Lock the breakers first, as every trip does, then the request; refuse a decided one."""
    kinds = ChangeRequest.objects.filter(pk=request_id).values_list("kind", "portfolio_id")
    found = kinds.first()
    if found is None:
        raise RequestRefused("There is no such request")
    kind, portfolio_id = found
    lock_breakers(None if kind == RequestKind.CHANGE else [portfolio_id])
    request = (
        ChangeRequest.objects.select_for_update(of=("self",))
        .select_related("requester", "portfolio__breaker", "portfolio__evaluation", "trip__breaker")
        .get(pk=request_id)
    )
    _check_open(request, now=now)
    return request


def _check_open(request: ChangeRequest, *, now: datetime) -> None:
    if request.status != RequestStatus.OPEN:
        raise AlreadyDecided(decided_words(request, now=now))
    if now >= request.expires_at:
        raise RequestRefused("This request has expired")
    if request.payload_hash != payload_hash(request.payload):
        raise RequestRefused("What was asked for is not what is stored: nobody may approve it")
    if request.portfolio is not None and request.portfolio.breaker.version != request.version:
        raise RequestRefused("The breaker changed since this was asked for: ask again")


def _check_voter(request: ChangeRequest, voter: User, *, now: datetime) -> None:
    fresh = User.objects.get(pk=voter.pk)
    refusal = voter_refusal(voter_facts(request=request, voter=fresh, now=now), now=now)
    if refusal:
        raise RequestRefused(refusal)
    if request.votes.filter(approver=voter).exists():
        raise RequestRefused("You have approved this already: it needs somebody else too")


def _votes_that_count(request: ChangeRequest, *, now: datetime) -> list[Vote]:
    """Return the approvals so far of people who would still be allowed to give them."""
    votes = request.votes.filter(verdict=Verdict.APPROVED).select_related("approver")
    return [
        vote
        for vote in votes
        if not voter_refusal(voter_facts(request=request, voter=vote.approver, now=now), now=now)
    ]


def _with_agreed_exceptions(ballot: Ballot, votes: Sequence[Vote]) -> Ballot:
    """Return the ballot with the exceptions that everybody before has accepted too."""
    agreed = ballot.exceptions.intersection(*(vote.exceptions for vote in votes))
    return replace(ballot, exceptions=agreed)


def _check_facts(
    request: ChangeRequest, ballot: Ballot, book: Book | None, *, now: datetime
) -> None:
    if not ballot.note.strip():
        raise RequestRefused("An approval needs a note", field="note")
    checks = checks_of(request, exceptions=sorted(ballot.exceptions), book=book, now=now)
    unknown = ballot.exceptions - {check.account for check in checks}
    if unknown:
        raise RequestRefused(f"No account {min(unknown)} can be excepted", field="exceptions")
    if checks and book is not None:
        checks = (*checks, seen_check(ballot.seen, equity=book.equity, now=now))
    for check in checks:
        if not check.holds:
            raise RequestRefused(check.words)


def _vote(request: ChangeRequest, ballot: Ballot, *, now: datetime) -> None:
    Vote.objects.create(
        request=request,
        requester_id=request.requester_id,
        approver=ballot.voter,
        verdict=Verdict.APPROVED,
        note=ballot.note.strip(),
        exceptions=sorted(ballot.exceptions),
        payload_hash=request.payload_hash,
        is_solo=ballot.voter.pk == request.requester_id,
        proof_method=ballot.proof.method,
        proof_credential=ballot.proof.credential,
        at=now,
    )


def _close(request: ChangeRequest, status: RequestStatus, *, outcome: str, now: datetime) -> None:
    still = ChangeRequest.objects.filter(pk=request.pk, status=RequestStatus.OPEN)
    if not still.update(status=status, closed_at=now, outcome=outcome[:200]):
        raise AlreadyDecided("Somebody else decided this")
    request.status, request.closed_at = status, now


def _outcome(ballot: Ballot, request: ChangeRequest) -> str:
    is_alone = ballot.voter.pk == request.requester_id
    return f"approved by {ballot.voter.username}{', alone' if is_alone else ''}"


def _told(request: ChangeRequest, ballot: Ballot) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "note": ballot.note.strip(),
        "requester": request.requester.username,
        "exceptions": [f"{account} unverified, accepted" for account in sorted(ballot.exceptions)],
        "proof": {
            "method": ballot.proof.method,
            "credential": ballot.proof.credential,
            "at": time_text(ballot.proof.at),
        },
    }
    if ballot.voter.pk == request.requester_id:
        facts["alone"] = "the requester approved this alone"
    return facts


def _note_refused(request_id: int, ballot: Ballot, why: str, *, now: datetime) -> None:
    request = ChangeRequest.objects.select_related("portfolio").filter(pk=request_id).first()
    with transaction.atomic():
        record(
            action="breaker.approval.refused",
            subject=f"request:{request_id}",
            portfolio=request.portfolio.slug if request and request.portfolio else "",
            actor=f"user:{ballot.voter.username}",
            address=ballot.address,
            payload={"why": why},
            now=now,
        )
