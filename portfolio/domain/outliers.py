"""Whether a new mark counts, waits or is refused."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from portfolio.domain.prices import Mark
from riskconsole.kernel.numbers import EXACT, ROUNDED

FIRST_BOUND = Decimal("0.02")
BASE_BOUND = Decimal("0.10")
BOUND_PER_MINUTE = Decimal("0.01")
WIDEST_BOUND = Decimal("0.50")
MAX_AHEAD = timedelta(seconds=2)
MAX_USUAL_OFFSET = timedelta(seconds=5)
_NO_OFFSET = timedelta(0)
_OFFSET_SHARE = 16
_MICROSECOND = timedelta(microseconds=1)
_MINUTE = Decimal(60_000_000)


class Status(StrEnum):
    ACCEPTED = "accepted"
    HELD = "held"
    REFUSED = "refused"
    IGNORED = "ignored"


class Reason(StrEnum):
    OLDER = "older"
    FUTURE = "future"
    DUPLICATE = "duplicate"
    OUTLIER = "outlier"
    FIRST = "first"


class HeldSide(StrEnum):
    """Where a held mark lies from the last accepted one; FIRST where there is none."""

    FIRST = "FIRST"
    ABOVE = "ABOVE"
    BELOW = "BELOW"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A mark that waits for the next one of its source; unsettled since its received_at."""

    mark: Mark
    side: HeldSide


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkState:
    """What one (venue, instrument) has: the last accepted mark and the one that waits."""

    accepted: Mark | None = None
    held: Held | None = None

    @property
    def last(self) -> Mark | None:
        """The newest mark that was not refused."""
        return self.held.mark if self.held else self.accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of the new mark, and the state after it.

    The accepted mark of the state may have moved although the new mark is held: the milder of
    two outliers counts.
    """

    status: Status
    reason: Reason | None
    state: MarkState


def judge(*, state: MarkState, mark: Mark, now: datetime, usual_offset: timedelta) -> Verdict:
    """Return what becomes of the next mark of an instrument on a venue.

    :param usual_offset: how far this source's clock usually runs ahead, see learned_offset()
    """
    if mark.source_at is not None and mark.source_at - now > MAX_AHEAD + usual_offset:
        return Verdict(status=Status.REFUSED, reason=Reason.FUTURE, state=state)
    if state.last is not None and (refusal := _misplaced(mark, state.last)):
        status = Status.REFUSED if refusal is Reason.OLDER else Status.IGNORED
        return Verdict(status=status, reason=refusal, state=state)
    if state.accepted is None:
        return _judge_first(state=state, mark=mark)
    if _is_within(mark, state.accepted):
        return _accepted(_confirmed(state.accepted, mark))
    return _judge_outlier(accepted=state.accepted, held=state.held, mark=mark)


def learned_offset(*, usual: timedelta, mark: Mark) -> timedelta:
    """Return the source's usual lead over our clock after one more mark: 0 to 5 s."""
    if mark.source_at is None:
        return usual
    lead = min(max(mark.source_at - mark.received_at, _NO_OFFSET), MAX_USUAL_OFFSET)
    return usual + (lead - usual) / _OFFSET_SHARE


def outlier_bound(elapsed: timedelta) -> Decimal:
    """Return the ratio a price may move by: 10 % and 1 point per minute, at most 50 %."""
    microseconds = Decimal(max(elapsed, _NO_OFFSET) // _MICROSECOND)
    points = EXACT.multiply(BOUND_PER_MINUTE, ROUNDED.divide(microseconds, _MINUTE))
    return min(WIDEST_BOUND, EXACT.add(BASE_BOUND, points))


def _misplaced(mark: Mark, last: Mark) -> Reason | None:
    if mark.source_at is None or last.source_at is None:
        return Reason.OLDER if mark.received_at < last.confirmed_at else None
    if mark.source_at == last.source_at:
        return Reason.DUPLICATE
    return Reason.OLDER if mark.source_at < last.source_at else None


def _judge_first(*, state: MarkState, mark: Mark) -> Verdict:
    if state.held is not None and _differs_by(mark, state.held.mark) <= _room(
        state.held.mark, FIRST_BOUND
    ):
        return _accepted(mark)
    return _held(accepted=None, mark=mark, side=HeldSide.FIRST)


def _judge_outlier(*, accepted: Mark, held: Held | None, mark: Mark) -> Verdict:
    side = HeldSide.ABOVE if mark.price > accepted.price else HeldSide.BELOW
    if held is None or held.side is not side:
        return _held(accepted=accepted, mark=mark, side=side)
    if _differs_by(mark, accepted) <= _differs_by(held.mark, accepted):
        return _accept_milder(mark=mark, held=held)
    if _is_within(mark, held.mark):
        return _accepted(mark)
    return _held(accepted=held.mark, mark=mark, side=side)


def _accept_milder(*, mark: Mark, held: Held) -> Verdict:
    if _differs_by(held.mark, mark) <= _room(mark, BASE_BOUND):
        return _accepted(mark)
    state = MarkState(accepted=mark, held=held)
    return Verdict(status=Status.ACCEPTED, reason=None, state=state)


def _confirmed(accepted: Mark, mark: Mark) -> Mark:
    if mark.source_at is None and mark.price == accepted.price:
        return replace(accepted, confirmed_at=mark.confirmed_at)
    return mark


def _is_within(mark: Mark, base: Mark) -> bool:
    bound = outlier_bound(mark.received_at - base.confirmed_at)
    return _differs_by(mark, base) <= _room(base, bound)


def _differs_by(mark: Mark, base: Mark) -> Decimal:
    return EXACT.subtract(mark.price, base.price).copy_abs()


def _room(base: Mark, bound: Decimal) -> Decimal:
    return EXACT.multiply(base.price, bound)


def _accepted(mark: Mark) -> Verdict:
    return Verdict(status=Status.ACCEPTED, reason=None, state=MarkState(accepted=mark))


def _held(*, accepted: Mark | None, mark: Mark, side: HeldSide) -> Verdict:
    reason = Reason.FIRST if side is HeldSide.FIRST else Reason.OUTLIER
    state = MarkState(accepted=accepted, held=Held(mark=mark, side=side))
    return Verdict(status=Status.HELD, reason=reason, state=state)
