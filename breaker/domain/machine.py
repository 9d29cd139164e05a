"""The circuit breaker as a pure state machine: one decision per observation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Protocol

from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import EXACT, ONE, ROUNDED, ZERO


class BreakerState(StrEnum):
    ACTIVE = "ACTIVE"
    WARNING = "WARNING"
    TRIGGERED = "TRIGGERED"
    DISABLED = "DISABLED"


class Cause(StrEnum):
    LOSS = "LOSS"
    FLOOR = "FLOOR"
    BLIND = "BLIND"
    HALT = "HALT"


WATCHED = frozenset({BreakerState.ACTIVE, BreakerState.WARNING})

ALLOWED = frozenset(
    {
        (BreakerState.ACTIVE, BreakerState.WARNING),
        (BreakerState.WARNING, BreakerState.ACTIVE),
        (BreakerState.ACTIVE, BreakerState.TRIGGERED),
        (BreakerState.WARNING, BreakerState.TRIGGERED),
        (BreakerState.DISABLED, BreakerState.TRIGGERED),
        (BreakerState.DISABLED, BreakerState.ACTIVE),
    }
)
# What only an approved request does.
APPROVED = frozenset(
    {
        (BreakerState.TRIGGERED, BreakerState.ACTIVE),
        (BreakerState.ACTIVE, BreakerState.DISABLED),
        (BreakerState.WARNING, BreakerState.DISABLED),
    }
)


class ForbiddenTransition(RiskConsoleError):
    """The breaker cannot go from its state to the one asked for."""


class InvalidLimits(RiskConsoleError):
    """Limits that could never warn before they trip, or could not be reached."""


class Severity(IntEnum):
    FINE = 0
    WARNING = 1
    TRIP = 2


class Limit(Protocol):
    """One kind of limit; the worst answer of all of them decides."""

    @property
    def cause(self) -> Cause: ...

    @property
    def trip_equity(self) -> Decimal: ...

    def judge(self, equity: Decimal) -> Severity: ...

    def is_clear(self, equity: Decimal) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LossLimit:
    """A loss from the reference equity; the ratios are shares of one and inclusive."""

    reference_equity: Decimal
    warning_ratio: Decimal
    trip_ratio: Decimal
    hysteresis_ratio: Decimal = ZERO
    cause: Cause = Cause.LOSS

    def __post_init__(self) -> None:
        check_limits(warning_ratio=self.warning_ratio, trip_ratio=self.trip_ratio)
        if self.reference_equity <= ZERO:
            raise InvalidLimits(f"Reference equity {self.reference_equity} is not above zero")

    @property
    def warning_equity(self) -> Decimal:
        return self._line(self.warning_ratio)

    @property
    def trip_equity(self) -> Decimal:
        return self._line(self.trip_ratio)

    @property
    def clear_equity(self) -> Decimal:
        return self._line(self.warning_ratio - self.hysteresis_ratio)

    def judge(self, equity: Decimal) -> Severity:
        if equity <= self.trip_equity:
            return Severity.TRIP
        return Severity.WARNING if equity <= self.warning_equity else Severity.FINE

    def is_clear(self, equity: Decimal) -> bool:
        return equity > self.clear_equity

    def _line(self, ratio: Decimal) -> Decimal:
        return EXACT.multiply(self.reference_equity, ONE - ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorLimit:
    """The lifetime floor: no chain of re-bases can lose more than this share of the base."""

    base: Decimal
    floor_ratio: Decimal
    cause: Cause = Cause.FLOOR

    @property
    def trip_equity(self) -> Decimal:
        return EXACT.multiply(self.base, ONE - self.floor_ratio)

    def judge(self, equity: Decimal) -> Severity:
        return Severity.TRIP if equity <= self.trip_equity else Severity.FINE

    def is_clear(self, equity: Decimal) -> bool:
        return equity > self.trip_equity


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one evaluation saw.

    :param equity: real equity, or None before the first complete valuation
    :param waits_for_quantities: a breach that only changed quantities explain is being judged
    :param blind_since: since when health is BLIND, or None
    """

    equity: Decimal | None
    observed_at: datetime
    waits_for_quantities: bool = False
    blind_since: datetime | None = None
    warning_clear_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long a warning must be clear, and how long blindness is borne (zero: for ever)."""

    warning_dwell: timedelta
    blind_trip_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The state after an observation; breaches are the causes of all limits at their trip line."""

    before: BreakerState
    after: BreakerState
    breaches: tuple[Cause, ...] = ()
    warning_clear_since: datetime | None = None

    @property
    def is_transition(self) -> bool:
        return self.before is not self.after

    @property
    def is_trip(self) -> bool:
        return self.is_transition and self.after is BreakerState.TRIGGERED

    @property
    def is_breach(self) -> bool:
        return bool(self.breaches)


def check_limits(*, warning_ratio: Decimal, trip_ratio: Decimal) -> None:
    """Pass silently if 0 < warning < trip < 1.

    :raises InvalidLimits: otherwise
    """
    if not ZERO < warning_ratio < trip_ratio < ONE:
        raise InvalidLimits(
            "Limits must be 0 < warning < trip < 100 percent, were "
            f"{warning_ratio * 100:f} and {trip_ratio * 100:f}"
        )


def check_transition(
    before: BreakerState, after: BreakerState, *, is_approved: bool = False
) -> None:
    """Pass silently if the breaker may go from one state to the other.

    :raises ForbiddenTransition: otherwise; TRIGGERED is left only by an approved reset
    """
    if (before, after) not in (ALLOWED | APPROVED if is_approved else ALLOWED):
        raise ForbiddenTransition(f"A breaker cannot go from {before} to {after}")


def loss_ratio(*, reference_equity: Decimal, equity: Decimal) -> Decimal:
    """Return (reference - equity) / reference; a gain is below zero."""
    return ROUNDED.divide(EXACT.subtract(reference_equity, equity), reference_equity)


def decide(
    *, state: BreakerState, limits: Sequence[Limit], observation: Observation, timing: Timing
) -> Decision:
    """Return what the breaker does about one observation.

    TRIGGERED and DISABLED are left only by a person. No equity is no reason to trip, and no
    good news either: the state stays, unless blindness lasted too long.
    """
    if state not in WATCHED:
        return Decision(before=state, after=state)
    breaches = breached(limits=limits, equity=observation.equity)
    if breaches and not observation.waits_for_quantities:
        return Decision(before=state, after=BreakerState.TRIGGERED, breaches=breaches)
    if _was_blind_too_long(observation=observation, timing=timing):
        return Decision(
            before=state, after=BreakerState.TRIGGERED, breaches=(*breaches, Cause.BLIND)
        )
    return _watch(state=state, limits=limits, observation=observation, timing=timing)


def breached(*, limits: Iterable[Limit], equity: Decimal | None) -> tuple[Cause, ...]:
    """Return the causes of all limits that this equity is at or beyond; none without equity."""
    if equity is None:
        return ()
    return tuple(limit.cause for limit in limits if limit.judge(equity) is Severity.TRIP)


def _was_blind_too_long(*, observation: Observation, timing: Timing) -> bool:
    if observation.blind_since is None or not timing.blind_trip_after:
        return False
    return observation.observed_at - observation.blind_since >= timing.blind_trip_after


def _watch(
    *, state: BreakerState, limits: Sequence[Limit], observation: Observation, timing: Timing
) -> Decision:
    """Move between ACTIVE and WARNING: up at once, down when clear for the whole dwell."""
    equity = observation.equity
    breaches = breached(limits=limits, equity=equity)
    if equity is None:
        return Decision(before=state, after=state)
    if any(limit.judge(equity) is not Severity.FINE for limit in limits):
        return Decision(before=state, after=BreakerState.WARNING, breaches=breaches)
    if state is BreakerState.ACTIVE:
        return Decision(before=state, after=state)
    if not all(limit.is_clear(equity) for limit in limits):
        return Decision(before=state, after=state)
    since = observation.warning_clear_since or observation.observed_at
    is_over = observation.observed_at - since >= timing.warning_dwell
    return Decision(
        before=state,
        after=BreakerState.ACTIVE if is_over else state,
        warning_clear_since=None if is_over else since,
    )
