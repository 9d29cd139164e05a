"""The gate's answer as a pure function of stored rows and now: anything unknown means no."""

from dataclasses import dataclass
from enum import StrEnum

from breaker.domain.machine import BreakerState
from portfolio.domain.quality import Health


class Mode(StrEnum):
    HALTED = "HALTED"
    PAUSED = "PAUSED"
    REDUCE = "REDUCE"
    FULL = "FULL"


class Reason(StrEnum):
    ARMING = "ARMING"
    BLIND = "BLIND"
    CONSERVATIVE_BREACH = "CONSERVATIVE_BREACH"
    OUTLIER_HELD = "OUTLIER_HELD"
    QUANTITY_BREACH = "QUANTITY_BREACH"
    PAUSED_BY_OPERATOR = "PAUSED_BY_OPERATOR"
    TRIGGERED = "TRIGGERED"
    DISABLED = "DISABLED"
    NOT_PROTECTED = "NOT_PROTECTED"
    RESTORED = "RESTORED"
    CLOSING = "CLOSING"
    NO_EVALUATION = "NO_EVALUATION"
    CLOCK_JUMP = "CLOCK_JUMP"


HALTING = frozenset({Reason.TRIGGERED, Reason.DISABLED, Reason.NOT_PROTECTED})
JUDGED = frozenset({Reason.CONSERVATIVE_BREACH, Reason.OUTLIER_HELD, Reason.QUANTITY_BREACH})
LEASE_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    """The stored facts that the gate reads; evaluated_version is of the last finished evaluation."""

    state: BreakerState
    version: int
    is_protected: bool
    is_paused: bool
    is_restored: bool
    is_closing: bool
    health: Health
    evaluated_version: int | None
    evaluation_reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    mode: Mode
    state: BreakerState
    health: Health
    version: int
    reasons: tuple[Reason, ...]

    @property
    def may_trade(self) -> bool:
        return self.mode is Mode.FULL

    @property
    def may_reduce(self) -> bool:
        return Reason.CLOSING not in self.reasons


def may_flatten(gate: Gate) -> bool:
    """Return whether a person may close by hand: no bot may open what is being closed."""
    return gate.mode is Mode.HALTED or Reason.PAUSED_BY_OPERATOR in gate.reasons


def answer(facts: GateFacts) -> Gate:
    """Return the first mode that holds, from HALTED down to FULL, with every reason that holds."""
    reasons = tuple(_reasons(facts))
    return Gate(
        mode=_mode(set(reasons)),
        state=facts.state,
        health=facts.health,
        version=facts.version,
        reasons=reasons,
    )


def _mode(reasons: set[Reason]) -> Mode:
    if reasons & HALTING:
        return Mode.HALTED
    if reasons - {Reason.PAUSED_BY_OPERATOR, Reason.CLOSING}:
        return Mode.PAUSED
    if Reason.PAUSED_BY_OPERATOR in reasons:
        return Mode.REDUCE
    return Mode.PAUSED if reasons else Mode.FULL


def _reasons(facts: GateFacts) -> list[Reason]:
    holding = {
        Reason.TRIGGERED: facts.state is BreakerState.TRIGGERED,
        Reason.DISABLED: facts.state is BreakerState.DISABLED,
        Reason.NOT_PROTECTED: not facts.is_protected,
        Reason.RESTORED: facts.is_restored,
        Reason.ARMING: facts.health is Health.ARMING,
        Reason.BLIND: facts.health is Health.BLIND,
        Reason.NO_EVALUATION: facts.evaluated_version != facts.version,
        Reason.PAUSED_BY_OPERATOR: facts.is_paused,
        Reason.CLOSING: facts.is_closing,
    }
    return [reason for reason, holds in holding.items() if holds] + [
        reason for reason in facts.evaluation_reasons if reason not in holding
    ]
