"""What the state, the limits and the version of a breaker never do."""

from breaker.domain.approval import RequestKind
from breaker.domain.machine import ALLOWED, APPROVED, BreakerState
from breaker.triggers.conditions import BREAKER, PORTFOLIO, TRIP, executed, no_replace
from riskconsole.triggers import Trigger, is_changed

_RAISED = ("warning_ratio", "trip_ratio", "max_mark_age", "max_snapshot_age", "floor_ratio")
_LOWERED = ("hysteresis_ratio", "warning_dwell", "cooldown", "quorum")
_CHOSEN = ("close_positions", "keep_reduce_only")


def _moves(*pairs: tuple[BreakerState, BreakerState]) -> str:
    return " OR ".join(
        f"(OLD.state = '{before}' AND NEW.state = '{after}')" for before, after in sorted(pairs)
    )


def _approved_move(kind: RequestKind, change: str, *, also: str = "") -> str:
    """Return the condition of a change of a breaker that no request for its version approved."""
    approved = executed(kind, portfolio="NEW.portfolio_id", version="OLD.version", also=also)
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
    f"EXISTS (SELECT 1 FROM {PORTFOLIO} p"  # noqa: S608
    " WHERE p.id = NEW.portfolio_id AND p.armed_at IS NOT NULL)"
)


# The trip that is open is the one that the reset was asked for.
_OF_OPEN_TRIP = (
    f" AND EXISTS (SELECT 1 FROM {TRIP} t"  # noqa: S608
    " WHERE t.id = r.trip_id AND t.breaker_id = OLD.id AND t.reset_at IS NULL)"
)


def _loosening(*, vendor: str, zero: str) -> Trigger:
    """SQLite keeps a duration as microseconds, PostgreSQL as an interval."""
    loosens = f"({_LOOSENS.format(zero=zero)}) AND {_IS_ARMED}"
    return Trigger(
        name=f"breaker_loosening_{vendor}",
        table=BREAKER,
        event="UPDATE",
        condition=_approved_move(RequestKind.CHANGE, loosens),
        reads_rows=True,
        vendor=vendor,
        message="what guards an armed portfolio is loosened only by an approved request",
    )


BREAKER_TRIGGERS = (
    Trigger(
        name="breaker_transition",
        table=BREAKER,
        event="UPDATE",
        condition=f"OLD.state <> NEW.state AND NOT ({_moves(*ALLOWED, *APPROVED)})",
        message="this breaker transition is forbidden",
    ),
    Trigger(
        name="breaker_reset_approved",
        table=BREAKER,
        event="UPDATE",
        condition=_approved_move(
            RequestKind.RESET,
            f"OLD.state = '{BreakerState.TRIGGERED}' AND NEW.state <> OLD.state",
            also=_OF_OPEN_TRIP,
        ),
        reads_rows=True,
        message="only an approved reset ends a trip",
    ),
    Trigger(
        name="breaker_disable_approved",
        table=BREAKER,
        event="UPDATE",
        condition=_approved_move(
            RequestKind.DISABLE, f"NEW.state = '{BreakerState.DISABLED}' AND NEW.state <> OLD.state"
        ),
        reads_rows=True,
        message="a breaker is disabled only by an approved request",
    ),
    Trigger(
        name="breaker_disabled_end_stays",
        table=BREAKER,
        event="UPDATE",
        condition=f"OLD.state = '{BreakerState.DISABLED}' AND NEW.state = OLD.state"
        " AND NEW.disabled_until > OLD.disabled_until",
        message="a disabled breaker is not disabled for longer",
    ),
    Trigger(
        name="breaker_restore_approved",
        table=BREAKER,
        event="UPDATE",
        condition=_approved_move(RequestKind.RESTORE, "OLD.is_restored AND NOT NEW.is_restored"),
        reads_rows=True,
        message="a restore is confirmed only by an approved request",
    ),
    _loosening(vendor="sqlite", zero="0"),
    _loosening(vendor="postgresql", zero="INTERVAL '0'"),
    Trigger(
        name="breaker_born_active",
        table=BREAKER,
        event="INSERT",
        condition=f"NEW.state <> '{BreakerState.ACTIVE}'",
        message="a breaker begins ACTIVE",
    ),
    Trigger(
        name="breaker_version_grows",
        table=BREAKER,
        event="UPDATE",
        condition="NEW.version < OLD.version",
        message="a breaker version never falls",
    ),
    Trigger(
        name="breaker_portfolio_stays",
        table=BREAKER,
        event="UPDATE",
        condition=is_changed("id", "portfolio_id"),
        message="a breaker guards one portfolio",
    ),
    Trigger(
        name="breaker_floor_stays",
        table=BREAKER,
        event="UPDATE",
        condition="OLD.is_rebased AND NOT NEW.is_rebased",
        message="the lifetime floor holds from the first re-base on",
    ),
    no_replace(BREAKER, "t.portfolio_id = NEW.portfolio_id"),
)
