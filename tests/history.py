"""One checker of the invariants, for the database that a fault left behind."""

import hashlib
from collections import Counter
from collections.abc import Mapping

from breaker.domain.approval import RequestKind, RequestStatus, Verdict
from breaker.domain.machine import WATCHED, BreakerState
from breaker.models import Breaker, ChangeRequest, Trip
from oms.models import CancelLeg, CancelRun
from riskconsole.alerts.models import Alert
from riskconsole.audit.models import AuditEntry
from riskconsole.audit.verification import verify_log

CLOSED_BY = {
    "breaker.request.executed": RequestStatus.EXECUTED,
    "breaker.request.refused": RequestStatus.REFUSED,
    "breaker.request.withdrawn": RequestStatus.WITHDRAWN,
    "breaker.request.void": RequestStatus.VOID,
    "breaker.request.expired": RequestStatus.EXPIRED,
}
# What an entry says that the breaker left, and where it went.
STEPS: Mapping[str, tuple[frozenset[BreakerState], BreakerState]] = {
    "breaker.warning.began": (frozenset({BreakerState.ACTIVE}), BreakerState.WARNING),
    "breaker.warning.ended": (frozenset({BreakerState.WARNING}), BreakerState.ACTIVE),
    "breaker.trip.happened": (WATCHED | {BreakerState.DISABLED}, BreakerState.TRIGGERED),
    "breaker.reset.happened": (frozenset({BreakerState.TRIGGERED}), BreakerState.ACTIVE),
    "breaker.disable.began": (WATCHED, BreakerState.DISABLED),
    "breaker.disable.ended": (frozenset({BreakerState.DISABLED}), BreakerState.ACTIVE),
}


def check_history() -> None:
    """Assert what must be true after any fault, whatever it was."""
    check_trips_are_single()
    check_trips_are_whole()
    check_trips_end_by_approval()
    check_approvals_are_of_others()
    check_states_are_told()
    assert verify_log().broken is None


def check_trips_are_single() -> None:
    """I2: at most one trip for each version, and one open trip for each triggered breaker."""
    versions = Counter(Trip.objects.values_list("breaker", "version"))
    assert all(count == 1 for count in versions.values()), versions
    open_trips = set(Trip.objects.filter(reset_at=None).values_list("breaker", flat=True))
    triggered = Breaker.objects.filter(state=BreakerState.TRIGGERED)
    assert open_trips == set(triggered.values_list("pk", flat=True))


def check_trips_are_whole() -> None:
    """I4: legs for every account, an alert and an entry committed with each trip.

    An account that joined since has no leg of a run that had ended by then.
    """
    for trip in Trip.objects.select_related("breaker__portfolio"):
        cause = f"trip:{trip.pk}"
        run = CancelRun.objects.get(cause=cause)
        accounts = set(trip.breaker.portfolio.accounts.values_list("pk", flat=True))
        legs = set(CancelLeg.objects.filter(run=run).values_list("account", flat=True))
        assert legs >= accounts or (legs and run.ended_at), cause
        assert (run.ended_at is None) == (trip.reset_at is None), cause
        assert Alert.objects.filter(cause=cause, level="TRIP").count() == 1, cause


def check_trips_end_by_approval() -> None:
    """I3: each trip that ended has exactly one executed reset, and a reset ends one trip."""
    executed = ChangeRequest.objects.filter(
        kind=RequestKind.RESET, status=RequestStatus.EXECUTED
    ).select_related("trip__breaker", "portfolio")
    ended = Trip.objects.exclude(reset_at=None)
    assert Counter(executed.values_list("trip", flat=True)) == Counter(
        ended.values_list("pk", flat=True)
    )
    for request in executed:
        trip = request.trip
        assert trip is not None
        assert trip.breaker.portfolio_id == request.portfolio_id, request
        assert trip.reset_at == request.closed_at, request
        assert request.version is not None
        assert trip.version < request.version < trip.breaker.version, request


def check_approvals_are_of_others() -> None:
    """I11: what was executed has its quorum of votes, in time, for its content, by others."""
    executed = ChangeRequest.objects.filter(status=RequestStatus.EXECUTED)
    for request in executed.prefetch_related("votes"):
        votes = [vote for vote in request.votes.all() if vote.verdict == Verdict.APPROVED]
        assert len({vote.approver_id for vote in votes}) >= request.quorum, request
        assert request.closed_at is not None
        assert request.closed_at < request.expires_at, request
        assert request.payload_hash == hashlib.sha256(request.payload.encode()).hexdigest()
        for vote in votes:
            assert vote.payload_hash == request.payload_hash, vote
            assert request.created_at <= vote.at <= request.closed_at, vote
            assert vote.is_solo == (vote.approver_id == request.requester_id), vote
            assert request.is_solo or not vote.is_solo, vote
    of_portfolios = executed.exclude(portfolio=None)
    used = Counter(of_portfolios.values_list("portfolio", "version"))
    assert all(count == 1 for count in used.values()), used


def check_states_are_told() -> None:
    """I8: each trip, halt, move and decision has exactly one entry."""
    told = Counter(AuditEntry.objects.values_list("subject", "action"))
    for trip in Trip.objects.all():
        assert told[f"trip:{trip.pk}", "breaker.trip.happened"] == 1
        halts = trip.events.filter(kind="HALT").count()
        assert told[f"trip:{trip.pk}", "breaker.halt.repeated"] == halts
    for request in ChangeRequest.objects.all():
        subject = f"request:{request.pk}"
        assert told[subject, "breaker.request.made"] == 1, request
        for action, status in CLOSED_BY.items():
            assert told[subject, action] == (request.status == status), (request, action)
        early = told[subject, "breaker.request.approved"]
        votes = request.votes.filter(verdict=Verdict.APPROVED).count()
        assert votes == early + (request.status == RequestStatus.EXECUTED), request
    for breaker in Breaker.objects.select_related("portfolio"):
        check_moves_are_told(breaker)


def check_moves_are_told(breaker: Breaker) -> None:
    """I8: the state there is is where the entries lead, one step each."""
    slug, state = breaker.portfolio.slug, BreakerState.ACTIVE
    entries = AuditEntry.objects.filter(portfolio=slug, action__in=STEPS).order_by("sequence")
    for entry in entries:
        before, after = STEPS[entry.action]
        assert state in before, (entry.sequence, entry.action, state)
        state = after
    assert breaker.state == state, (slug, breaker.state, state)
