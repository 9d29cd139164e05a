"""The database's own refusal of what a breaker must never do, whoever asks."""

from breaker.domain.approval import RequestKind, RequestStatus, Verdict
from breaker.domain.machine import ALLOWED, APPROVED, BreakerState
from portfolio.models import Role
from riskconsole.people.models import SiteRole
from riskconsole.triggers import Trigger, append_only, is_changed

_BREAKER = "breaker_breaker"
_TRIP = "breaker_trip"
_EVENT = "breaker_tripevent"
_REQUEST = "breaker_changerequest"
_VOTE = "breaker_vote"
_NOTE = "breaker_tripnote"
_ACKNOWLEDGEMENT = "breaker_acknowledgement"
_ESCALATION = "breaker_escalation"
_PORTFOLIO = "portfolio_portfolio"

_TRIP_FACTS = (
    "breaker_id",
    "version",
    "at",
    "cause",
    "reason",
    "actor",
    "equity",
    "reference_equity",
    "loss_ratio",
    "evidence",
)
_REQUEST_FACTS = (
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
_RAISED = ("warning_ratio", "trip_ratio", "max_mark_age", "max_snapshot_age", "floor_ratio")
_LOWERED = ("hysteresis_ratio", "warning_dwell", "cooldown", "quorum")
_CHOSEN = ("close_positions", "keep_reduce_only")


def _moves(*pairs: tuple[BreakerState, BreakerState]) -> str:
    return " OR ".join(
        f"(OLD.state = '{before}' AND NEW.state = '{after}')" for before, after in sorted(pairs)
    )


def _executed(kinds: str, *, portfolio: str, version: str) -> str:
    """Return the condition that an executed request of one of these kinds was for that version."""
    return (
        f"EXISTS (SELECT 1 FROM {_REQUEST} r WHERE r.status = '{RequestStatus.EXECUTED}'"  # noqa: S608
        f" AND r.kind IN ({kinds}) AND r.portfolio_id = {portfolio} AND r.version = {version})"
    )


def _kinds(*kinds: RequestKind) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


def _approved_move(kind: RequestKind, change: str) -> str:
    """Return the condition of a change of a breaker that no request for its version approved."""
    approved = _executed(_kinds(kind), portfolio="NEW.portfolio_id", version="OLD.version")
    return f"({change}) AND NOT (NEW.version > OLD.version AND {approved})"


_LOOSENS = " OR ".join(
    (
        *(f"NEW.{name} > OLD.{name}" for name in _RAISED),
        *(f"NEW.{name} < OLD.{name}" for name in _LOWERED),
        *(f"NEW.{name} <> OLD.{name}" for name in _CHOSEN),
        "(NEW.blind_trip_after > OLD.blind_trip_after AND OLD.blind_trip_after <> {zero})",
        "(NEW.blind_trip_after = {zero} AND OLD.blind_trip_after <> {zero})",
    )
)
_IS_ARMED = (
    f"EXISTS (SELECT 1 FROM {_PORTFOLIO} p"  # noqa: S608
    " WHERE p.id = NEW.portfolio_id AND p.armed_at IS NOT NULL)"
)


def _loosening(*, vendor: str, zero: str) -> Trigger:
    """SQLite keeps a duration as microseconds, PostgreSQL as an interval."""
    loosens = f"({_LOOSENS.format(zero=zero)}) AND {_IS_ARMED}"
    return Trigger(
        name=f"breaker_loosening_{vendor}",
        table=_BREAKER,
        event="UPDATE",
        condition=_approved_move(RequestKind.CHANGE, loosens),
        reads_rows=True,
        vendor=vendor,
        message="what guards an armed portfolio is loosened only by an approved request",
    )


_BREAKER_TRIGGERS = (
    Trigger(
        name="breaker_transition",
        table=_BREAKER,
        event="UPDATE",
        condition=f"OLD.state <> NEW.state AND NOT ({_moves(*ALLOWED, *APPROVED)})",
        message="this breaker transition is forbidden",
    ),
    Trigger(
        name="breaker_reset_approved",
        table=_BREAKER,
        event="UPDATE",
        condition=_approved_move(
            RequestKind.RESET, f"OLD.state = '{BreakerState.TRIGGERED}' AND NEW.state <> OLD.state"
        ),
        reads_rows=True,
        message="only an approved reset ends a trip",
    ),
    Trigger(
        name="breaker_disable_approved",
        table=_BREAKER,
        event="UPDATE",
        condition=_approved_move(
            RequestKind.DISABLE, f"NEW.state = '{BreakerState.DISABLED}' AND NEW.state <> OLD.state"
        ),
        reads_rows=True,
        message="a breaker is disabled only by an approved request",
    ),
    Trigger(
        name="breaker_disabled_end_stays",
        table=_BREAKER,
        event="UPDATE",
        condition=f"OLD.state = '{BreakerState.DISABLED}' AND NEW.state = OLD.state"
        " AND NEW.disabled_until > OLD.disabled_until",
        message="a disabled breaker is not disabled for longer",
    ),
    Trigger(
        name="breaker_restore_approved",
        table=_BREAKER,
        event="UPDATE",
        condition=_approved_move(RequestKind.RESTORE, "OLD.is_restored AND NOT NEW.is_restored"),
        reads_rows=True,
        message="a restore is confirmed only by an approved request",
    ),
    _loosening(vendor="sqlite", zero="0"),
    _loosening(vendor="postgresql", zero="INTERVAL '0'"),
    Trigger(
        name="breaker_born_active",
        table=_BREAKER,
        event="INSERT",
        condition=f"NEW.state <> '{BreakerState.ACTIVE}'",
        message="a breaker begins ACTIVE",
    ),
    Trigger(
        name="breaker_version_grows",
        table=_BREAKER,
        event="UPDATE",
        condition="NEW.version < OLD.version",
        message="a breaker version never falls",
    ),
    Trigger(
        name="breaker_portfolio_stays",
        table=_BREAKER,
        event="UPDATE",
        condition=is_changed("portfolio_id"),
        message="a breaker guards one portfolio",
    ),
)

_OWN_VERSION = f"(SELECT b.version FROM {_BREAKER} b WHERE b.portfolio_id = OLD.id)"  # noqa: S608

_PORTFOLIO_TRIGGERS = (
    Trigger(
        name="portfolio_reference_approved",
        table=_PORTFOLIO,
        event="UPDATE",
        condition="OLD.armed_at IS NOT NULL AND (NEW.reference_equity < OLD.reference_equity"
        " OR NEW.floor_base < OLD.floor_base OR NEW.reference_equity IS NULL"
        " AND OLD.reference_equity IS NOT NULL) AND NOT "
        + _executed(
            _kinds(RequestKind.RESET, RequestKind.CHANGE, RequestKind.FLOW, RequestKind.REMOVAL),
            portfolio="OLD.id",
            version=_OWN_VERSION,
        ),
        reads_rows=True,
        message="a reference falls only by an approved request",
    ),
    Trigger(
        name="portfolio_stays_armed",
        table=_PORTFOLIO,
        event="UPDATE",
        condition=f"OLD.armed_at IS NOT NULL AND ({is_changed('armed_at')})",
        message="an armed portfolio stays armed",
    ),
)

_TRIP_TRIGGERS = (
    Trigger(
        name="trip_facts_stay",
        table=_TRIP,
        event="UPDATE",
        condition=f"{is_changed(*_TRIP_FACTS)} OR OLD.reset_at IS NOT NULL",
        message="the first cause of a trip is never overwritten",
    ),
    Trigger(
        name="trip_reset_approved",
        table=_TRIP,
        event="UPDATE",
        condition=f"NEW.reset_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {_REQUEST} r"  # noqa: S608
        f" WHERE r.trip_id = NEW.id AND r.status = '{RequestStatus.EXECUTED}')",
        reads_rows=True,
        message="only an approved reset ends a trip",
    ),
)

_APPROVALS = (
    f"(SELECT COUNT(*) FROM {_VOTE} v WHERE v.request_id = NEW.id"  # noqa: S608
    f" AND v.verdict = '{Verdict.APPROVED}' AND v.payload_hash = NEW.payload_hash)"
)

_REQUEST_TRIGGERS = (
    Trigger(
        name="request_facts_stay",
        table=_REQUEST,
        event="UPDATE",
        condition=is_changed(*_REQUEST_FACTS),
        message="what was asked for never changes",
    ),
    Trigger(
        name="request_closed_once",
        table=_REQUEST,
        event="UPDATE",
        condition=f"OLD.status <> '{RequestStatus.OPEN}'",
        message="a request is decided once",
    ),
    Trigger(
        name="request_born_open",
        table=_REQUEST,
        event="INSERT",
        condition=f"NEW.status <> '{RequestStatus.OPEN}'",
        message="a request begins OPEN",
    ),
    Trigger(
        name="request_execution_approved",
        table=_REQUEST,
        event="UPDATE",
        condition=f"NEW.status = '{RequestStatus.EXECUTED}'"
        f" AND ({_APPROVALS} < NEW.quorum OR NEW.closed_at > NEW.expires_at)",
        reads_rows=True,
        message="a request is executed only with its approvals and in its time",
    ),
)

_OPEN_REQUEST = (
    f"SELECT 1 FROM {_REQUEST} r WHERE r.id = NEW.request_id"  # noqa: S608
    f" AND r.status = '{RequestStatus.OPEN}' AND r.requester_id = NEW.requester_id"
    " AND r.payload_hash = NEW.payload_hash AND (r.is_solo OR NOT NEW.is_solo)"
    " AND NEW.at BETWEEN r.created_at AND r.expires_at"
)
_ENTITLED = (
    "EXISTS (SELECT 1 FROM people_user u WHERE u.id = NEW.approver_id AND u.is_active"  # noqa: S608
    f" AND (u.site_role = '{SiteRole.ADMIN}' AND r.portfolio_id IS NULL"
    " OR EXISTS (SELECT 1 FROM portfolio_membership m WHERE m.user_id = u.id"
    f" AND m.portfolio_id = r.portfolio_id AND m.role = '{Role.APPROVER}')))"
)

_VOTE_TRIGGERS = (
    Trigger(
        name="vote_fits_request",
        table=_VOTE,
        event="INSERT",
        condition=f"NOT EXISTS ({_OPEN_REQUEST} AND {_ENTITLED})",
        reads_rows=True,
        message="a vote is for an open, unchanged request, by somebody entitled",
    ),
    *append_only(
        prefix="vote",
        table=_VOTE,
        keys=(("id",), ("request_id", "approver_id")),
        message="a vote is never changed",
    ),
)

_INCIDENT_TRIGGERS = tuple(
    trigger
    for prefix, table, keys in (
        ("trip_event", _EVENT, (("id",),)),
        ("trip_note", _NOTE, (("id",),)),
        ("acknowledgement", _ACKNOWLEDGEMENT, (("id",), ("breaker_id", "since"))),
        ("escalation", _ESCALATION, (("id",), ("breaker_id", "since", "at"))),
    )
    for trigger in append_only(
        prefix=prefix,
        table=table,
        keys=keys,
        message="what was added to an incident is never changed",
    )
)

TRIGGERS = (
    *_BREAKER_TRIGGERS,
    *_PORTFOLIO_TRIGGERS,
    *_TRIP_TRIGGERS,
    *_REQUEST_TRIGGERS,
    *_VOTE_TRIGGERS,
    *_INCIDENT_TRIGGERS,
    *(
        Trigger(
            name=f"{table}_no_{event.lower()}",
            table=table,
            event=event,
            message="breakers, trips and requests are never removed",
        )
        for table in (_BREAKER, _TRIP, _REQUEST)
        for event in ("DELETE", "TRUNCATE")
    ),
)
