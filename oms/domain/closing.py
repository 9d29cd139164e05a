"""What became of an order that closes, when an account counts as flat, and when to try again."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from oms.domain.cancel import (
    HOLD_EVERY,
    LISTING_COUNTS_FOR,
    LONGEST_WAIT,
    backoff,
    needs_human,
)
from portfolio.domain.holdings import Side
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import ZERO

# A request that timed out may still be on its way: until then "not known there" proves nothing.
ARRIVES_WITHIN = timedelta(seconds=5)

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "riskconsole:close")


class CloseStatus(StrEnum):
    CLOSING = "CLOSING"
    FLAT = "FLAT"
    RESIDUAL = "RESIDUAL"
    NEEDS_HUMAN = "NEEDS_HUMAN"


STILL_OPEN = (CloseStatus.CLOSING, CloseStatus.NEEDS_HUMAN)
CLOSED = (CloseStatus.FLAT, CloseStatus.RESIDUAL)


class IntentState(StrEnum):
    """SENT: committed, and perhaps on its way; FILLED and GONE say the venue; else UNKNOWN."""

    SENT = "SENT"
    FILLED = "FILLED"
    GONE = "GONE"
    UNKNOWN = "UNKNOWN"


UNSETTLED = (IntentState.SENT, IntentState.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """What a venue said when it was asked for one order.

    :param filled: None where it knows no such order
    :param is_refused: it had refused the order as such
    :param is_undone: it had answered that nothing was done
    """

    filled: Decimal | None
    is_open: bool
    sent_at: datetime
    asked_at: datetime
    is_refused: bool = False
    is_undone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one order.

    :param is_used_up: the venue would refuse its client id, so the next order gets another
    """

    state: IntentState
    filled: Decimal = ZERO
    is_used_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a leg stands between two attempts.

    :param read_at: begin of the last reading at which nothing closable was left
    :param unconfirmed_since: when it began, or when something to close appeared again
    """

    status: CloseStatus
    failures: int
    next_attempt_at: datetime
    confirmed_at: datetime | None
    read_at: datetime | None
    unconfirmed_since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one attempt learned.

    :param is_flat: nothing closable is left and no order is unsettled; None if that was not read
    :param has_residuals: something stays that nobody has to act on
    :param has_progressed: an order of this attempt was filled, in part at least
    :param is_fatal: trying again will not help by itself, so a human is asked at once
    """

    is_flat: bool | None
    has_residuals: bool
    has_progressed: bool
    read_at: datetime
    answered_at: datetime
    is_fatal: bool = False
    retry_after: timedelta = timedelta(0)


def client_id_of(
    *,
    cause: str,
    opened_at: datetime,
    account_id: int,
    instrument: str,
    position_side: Side | None,
    number: int,
) -> str:
    """Return the same 32 hexadecimal digits for the same attempt, whoever makes it.

    It is a UUID without dashes, the one form that every venue takes. opened_at keeps a database
    that began anew from meeting the orders of the one before.

    :param number: of the orders for this side of the instrument that the venue came to know
    """
    parts = (cause, time_text(opened_at), str(account_id), instrument, position_side or "")
    return uuid.uuid5(_NAMESPACE, "|".join((*parts, str(number)))).hex


def outcome_of(found: LookUp) -> Outcome:
    """Return what became of an order; one that may still arrive is not gone."""
    if found.filled is not None:
        if found.is_open:
            return Outcome(state=IntentState.UNKNOWN)
        state = IntentState.FILLED if found.filled > ZERO else IntentState.GONE
        return Outcome(state=state, filled=found.filled, is_used_up=True)
    has_arrived = found.asked_at - found.sent_at >= ARRIVES_WITHIN
    if not (has_arrived or found.is_refused or found.is_undone):
        return Outcome(state=IntentState.UNKNOWN)
    return Outcome(state=IntentState.GONE, is_used_up=found.is_refused)


def next_standing(before: Standing, finding: Finding) -> Standing:
    """Return where a leg stands after an attempt; only a complete reading says FLAT."""
    if finding.is_flat:
        return _after_flat(before, finding)
    if finding.is_flat is None and not finding.is_fatal and _still_counts(before, finding):
        return _paused(before, finding)
    return _after_open(before, finding)


def _after_flat(before: Standing, finding: Finding) -> Standing:
    was_open = before.status in STILL_OPEN
    return replace(
        before,
        status=CloseStatus.RESIDUAL if finding.has_residuals else CloseStatus.FLAT,
        failures=0,
        confirmed_at=finding.answered_at if was_open else before.confirmed_at,
        read_at=finding.read_at,
        next_attempt_at=finding.answered_at + HOLD_EVERY,
    )


def _after_open(before: Standing, finding: Finding) -> Standing:
    was_open = before.status in STILL_OPEN
    since = before.unconfirmed_since if was_open else finding.answered_at
    is_hopeless = finding.is_fatal or needs_human(unconfirmed_since=since, now=finding.answered_at)
    still = before.status if was_open else CloseStatus.CLOSING
    return replace(
        _paused(before, finding),
        status=CloseStatus.NEEDS_HUMAN if is_hopeless else still,
        unconfirmed_since=since,
    )


def _paused(before: Standing, finding: Finding) -> Standing:
    failures = 0 if finding.has_progressed else before.failures + 1
    wait = max(backoff(failures), min(finding.retry_after, LONGEST_WAIT))
    return replace(before, failures=failures, next_attempt_at=finding.answered_at + wait)


def _still_counts(before: Standing, finding: Finding) -> bool:
    """Return whether an account that was flat may be called so although it could not be read."""
    return (
        before.status not in STILL_OPEN
        and before.read_at is not None
        and finding.answered_at - before.read_at <= LISTING_COUNTS_FOR
    )
