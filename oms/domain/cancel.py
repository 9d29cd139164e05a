"""When an account's orders count as gone, which may stay, and when to try again."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from oms.domain.orders import CancelAnswer, OpenOrder, OrderSide, OrderType
from portfolio.domain.holdings import base_of
from riskconsole.kernel.numbers import ZERO

CONFIRM_AFTER = timedelta(seconds=1)
HOLD_EVERY = timedelta(seconds=5)
LISTING_COUNTS_FOR = timedelta(seconds=15)
NEEDS_HUMAN_AFTER = timedelta(seconds=60)
LONGEST_BACKOFF = timedelta(seconds=8)
LONGEST_WAIT = timedelta(seconds=60)

# A bot may hold its lease of the gate for 10 s after the trip; 2 s are for the order to arrive.
OBEDIENCE_GRACE = timedelta(seconds=12)


class LegStatus(StrEnum):
    PENDING = "PENDING"
    EMPTY = "EMPTY"
    NEEDS_HUMAN = "NEEDS_HUMAN"
    NOT_CONNECTED = "NOT_CONNECTED"


class Outcome(StrEnum):
    """CANCELLED: gone after we asked; GONE: gone before; FAILED: still open; UNKNOWN: not seen."""

    CANCELLED = "CANCELLED"
    GONE = "GONE"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    KEPT = "KEPT"


MAYBE_OPEN = frozenset({Outcome.FAILED, Outcome.UNKNOWN, Outcome.KEPT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of one order at the end of an attempt.

    :param is_listed: by the last listing; None where that is missing or too short to tell
    :param was_asked: a request to cancel it was sent, now or in an earlier attempt
    """

    is_listed: bool | None
    is_kept: bool
    was_asked: bool
    answer: CancelAnswer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a leg leaves alone.

    :param committed_at: of the trip
    :param keep_reduce_only: keeps orders older than the trip too, if they can only reduce
    :param holdings: totals by asset of a spot account; None on margin
    :param only_before: orders created from then on are not this leg's business: trading resumed
    """

    committed_at: datetime
    keep_reduce_only: bool
    holdings: Mapping[str, Decimal] | None
    only_before: datetime | None = None

    def is_of_later(self, order: OpenOrder) -> bool:
        """Return whether the order was created after a reset let the desk trade again."""
        return self.only_before is not None and order.created_at >= self.only_before


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a leg stands between two attempts.

    :param failures: attempts on end that left an order open or could not tell
    :param listed_at: begin of the last complete listing that was empty
    :param unconfirmed_since: when it was opened, or last left EMPTY
    """

    status: LegStatus
    failures: int
    next_attempt_at: datetime
    first_empty_at: datetime | None
    confirmed_at: datetime | None
    listed_at: datetime | None
    unconfirmed_since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one attempt learned from the venue.

    :param is_empty: by its last listing; None where that is missing or incomplete
    :param had_orders: an order that may not stay was open at some point of the attempt
    :param listed_at: when the last listing was asked for
    :param answered_at: when the attempt ended
    :param is_fatal: trying again will not help by itself, so a human is asked at once
    :param retry_after: what the venue asked for
    """

    is_empty: bool | None
    had_orders: bool
    listed_at: datetime
    answered_at: datetime
    is_fatal: bool = False
    retry_after: timedelta = timedelta(0)


def backoff(failures: int) -> timedelta:
    """Return the pause after so many failures on end: 1, 2, 4, then 8 s for ever."""
    return min(LONGEST_BACKOFF, timedelta(seconds=2 ** min(max(failures - 1, 0), 3)))


def is_late(*, created_at: datetime, committed_at: datetime) -> bool:
    """Return whether an order was created after the trip committed."""
    return created_at > committed_at


def is_disobedience(*, created_at: datetime, committed_at: datetime) -> bool:
    """Return whether an order is younger than any lease of the gate can excuse."""
    return created_at > committed_at + OBEDIENCE_GRACE


def is_confirmed_empty(*, first_empty_at: datetime | None, listed_at: datetime) -> bool:
    """Return whether a complete empty listing begun at listed_at is the second of two.

    :param first_empty_at: end of the first complete empty listing; None if there was none
    """
    return first_empty_at is not None and listed_at - first_empty_at >= CONFIRM_AFTER


def needs_human(*, unconfirmed_since: datetime, now: datetime) -> bool:
    """Return whether the orders of an account have been unconfirmed for too long."""
    return now - unconfirmed_since >= NEEDS_HUMAN_AFTER


def reducing_ids(
    orders: Iterable[OpenOrder], *, holdings: Mapping[str, Decimal] | None
) -> frozenset[str]:
    """Return the orders that can only reduce: on spot, stop-sells up to the holding."""
    if holdings is None:
        return frozenset(order.id for order in orders if order.is_reduce_only)
    stops = sorted(filter(_is_stop_sell, orders), key=lambda order: (order.created_at, order.id))
    # The holdings are read only where there is a stop to measure by them.
    left = dict(holdings) if stops else {}
    reducing = set()
    for order in stops:
        base = base_of(order.instrument)
        if order.quantity > left.get(base, ZERO):
            continue
        left[base] -= order.quantity
        reducing.add(order.id)
    return frozenset(reducing)


def kept_ids(orders: Collection[OpenOrder], *, rules: Rules) -> frozenset[str]:
    """Return the orders that stay: those that can only reduce, if the trip or their age says so."""
    reducing = reducing_ids(orders, holdings=rules.holdings)
    return frozenset(
        order.id
        for order in orders
        if rules.is_of_later(order)
        or (
            order.id in reducing
            and (
                rules.keep_reduce_only
                or is_late(created_at=order.created_at, committed_at=rules.committed_at)
            )
        )
    )


def outcome_of(evidence: Evidence) -> Outcome:
    """Return what became of an order, by listings; an answer alone proves nothing."""
    if evidence.is_kept and evidence.is_listed is not False:
        return Outcome.KEPT
    if evidence.is_listed is None:
        return Outcome.UNKNOWN
    if evidence.is_listed:
        is_unsure = evidence.answer is CancelAnswer.UNKNOWN
        return Outcome.UNKNOWN if is_unsure else Outcome.FAILED
    was_gone = not evidence.was_asked or evidence.answer is CancelAnswer.GONE
    return Outcome.GONE if was_gone else Outcome.CANCELLED


def next_standing(before: Standing, finding: Finding) -> Standing:
    """Return where a leg stands after an attempt; only two complete empty listings say EMPTY."""
    if finding.is_empty and not finding.had_orders:
        return _after_empty(before, finding)
    if finding.is_empty:
        return _unconfirmed(before, finding, first_empty_at=finding.answered_at)
    if finding.is_empty is None and not finding.is_fatal and _still_counts(before, finding):
        return _after_failure(before, finding)
    return _unconfirmed(_after_failure(before, finding), finding, first_empty_at=None)


def _after_empty(before: Standing, finding: Finding) -> Standing:
    listed = replace(before, failures=0, listed_at=finding.listed_at)
    if before.status is LegStatus.EMPTY:
        return replace(listed, next_attempt_at=finding.answered_at + HOLD_EVERY)
    first = min(before.first_empty_at or finding.answered_at, finding.answered_at)
    if not is_confirmed_empty(first_empty_at=before.first_empty_at, listed_at=finding.listed_at):
        return _unconfirmed(listed, finding, first_empty_at=first)
    return replace(
        listed,
        status=LegStatus.EMPTY,
        first_empty_at=first,
        confirmed_at=finding.answered_at,
        next_attempt_at=finding.answered_at + HOLD_EVERY,
    )


def _after_failure(before: Standing, finding: Finding) -> Standing:
    failures = before.failures + 1
    wait = max(backoff(failures), min(finding.retry_after, LONGEST_WAIT))
    return replace(before, failures=failures, next_attempt_at=finding.answered_at + wait)


def _unconfirmed(
    before: Standing, finding: Finding, *, first_empty_at: datetime | None
) -> Standing:
    was_empty = before.status is LegStatus.EMPTY
    since = finding.answered_at if was_empty else before.unconfirmed_since
    is_hopeless = finding.is_fatal or needs_human(unconfirmed_since=since, now=finding.answered_at)
    status = LegStatus.PENDING if was_empty else before.status
    return replace(
        before,
        status=LegStatus.NEEDS_HUMAN if is_hopeless else status,
        unconfirmed_since=since,
        first_empty_at=first_empty_at,
        failures=0 if first_empty_at else before.failures,
        next_attempt_at=first_empty_at + CONFIRM_AFTER
        if first_empty_at
        else before.next_attempt_at,
    )


def _still_counts(before: Standing, finding: Finding) -> bool:
    """Return whether an EMPTY leg may stay so although this attempt could not tell."""
    return (
        before.status is LegStatus.EMPTY
        and before.listed_at is not None
        and finding.answered_at - before.listed_at <= LISTING_COUNTS_FOR
    )


def _is_stop_sell(order: OpenOrder) -> bool:
    return order.type is OrderType.STOP and order.side is OrderSide.SELL
