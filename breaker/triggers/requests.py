"""A request is decided once, as it was made, by votes of people who are entitled."""

from breaker.domain.approval import RequestStatus, Verdict
from breaker.triggers.conditions import BREAKER, REQUEST, VOTE, entitled, no_replace
from riskconsole.triggers import Trigger, append_only, is_changed

_REQUEST_FACTS = (
    "id",
    "kind",
    "portfolio_id",
    "trip_id",
    "version",
    "requester_id",
    "reason",
    "payload",
    "payload_hash",
    "quorum",
    "is_solo",
    "created_at",
    "expires_at",
)
_APPROVALS = (
    f"(SELECT COUNT(*) FROM {VOTE} v WHERE v.request_id = NEW.id"  # noqa: S608
    f" AND v.verdict = '{Verdict.APPROVED}' AND v.payload_hash = NEW.payload_hash"
    f" AND {entitled(user='v.approver_id', portfolio='NEW.portfolio_id')})"
)
_REQUEST_BREAKER = f"SELECT 1 FROM {BREAKER} b WHERE b.portfolio_id = NEW.portfolio_id"  # noqa: S608

REQUEST_TRIGGERS = (
    Trigger(
        name="request_facts_stay",
        table=REQUEST,
        event="UPDATE",
        condition=is_changed(*_REQUEST_FACTS),
        message="what was asked for never changes",
    ),
    Trigger(
        name="request_closed_once",
        table=REQUEST,
        event="UPDATE",
        condition=f"OLD.status <> '{RequestStatus.OPEN}'",
        message="a request is decided once",
    ),
    Trigger(
        name="request_born_open",
        table=REQUEST,
        event="INSERT",
        condition=f"NEW.status <> '{RequestStatus.OPEN}'",
        message="a request begins OPEN",
    ),
    Trigger(
        name="request_quorum_whole",
        table=REQUEST,
        event="INSERT",
        condition=f"EXISTS ({_REQUEST_BREAKER} AND b.quorum > NEW.quorum)",
        reads_rows=True,
        message="a request needs as many approvals as its portfolio says",
    ),
    no_replace(REQUEST, f"t.trip_id = NEW.trip_id AND t.status = '{RequestStatus.OPEN}'"),
    Trigger(
        name="request_execution_approved",
        table=REQUEST,
        event="UPDATE",
        condition=f"NEW.status = '{RequestStatus.EXECUTED}'"
        f" AND ({_APPROVALS} < NEW.quorum OR NEW.closed_at >= NEW.expires_at"
        f" OR EXISTS ({_REQUEST_BREAKER} AND b.version <> NEW.version))",
        reads_rows=True,
        message="a request is executed only with its approvals, in its time, for its version",
    ),
)

_OPEN_REQUEST = (
    f"SELECT 1 FROM {REQUEST} r WHERE r.id = NEW.request_id"  # noqa: S608
    f" AND r.status = '{RequestStatus.OPEN}' AND r.requester_id = NEW.requester_id"
    " AND r.payload_hash = NEW.payload_hash AND (r.is_solo OR NOT NEW.is_solo)"
    " AND NEW.at >= r.created_at AND NEW.at < r.expires_at"
    f" AND {entitled(user='NEW.approver_id', portfolio='r.portfolio_id')}"
)

VOTE_TRIGGERS = (
    Trigger(
        name="vote_fits_request",
        table=VOTE,
        event="INSERT",
        condition=f"NOT EXISTS ({_OPEN_REQUEST})",
        reads_rows=True,
        message="a vote is for an open, unchanged request, by somebody entitled",
    ),
    *append_only(
        prefix="vote",
        table=VOTE,
        keys=(("id",), ("request_id", "approver_id")),
        message="a vote is never changed and never removed",
    ),
)
