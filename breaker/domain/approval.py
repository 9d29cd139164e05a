"""What makes a change request approvable, every refusal by name: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from breaker.domain.machine import BreakerState, Cause, Limit, breached
from oms.domain.cancel import LISTING_COUNTS_FOR, LegStatus
from oms.domain.closing import CloseStatus
from portfolio.domain.quality import Health
from riskconsole.kernel.numbers import EXACT, ROUNDED, ZERO, loss_text, money_text

LIFE = timedelta(hours=12)
SOLO_LIFE = timedelta(hours=24)
SOLO_WAIT = timedelta(minutes=60)
SOLO_WAIT_WITHOUT_LOSS = timedelta(minutes=10)
SEEN_COUNTS_FOR = timedelta(minutes=2)
LONGEST_DISABLE = timedelta(hours=8)
NEW_APPROVER_COUNTS_AFTER = timedelta(hours=24)
LARGEST_DRIFT = Decimal("0.005")
SHORTEST_REASON = 20

RESETTABLE = frozenset({Health.OK, Health.DEGRADED})


class RequestKind(StrEnum):
    """What a request asks for; each is carried out by one function, in the approving transaction."""

    RESET = "RESET"
    DISABLE = "DISABLE"
    RESTORE = "RESTORE"
    CHANGE = "CHANGE"
    FLOW = "FLOW"
    REMOVAL = "REMOVAL"
    KEY = "KEY"
    SECOND_FACTOR = "SECOND_FACTOR"


KIND_WORDS: Mapping[RequestKind, str] = {
    RequestKind.RESET: "reset the breaker",
    RequestKind.DISABLE: "disable the breaker",
    RequestKind.RESTORE: "go on after a restore",
    RequestKind.CHANGE: "change what guards it",
    RequestKind.FLOW: "note a deposit or withdrawal",
    RequestKind.REMOVAL: "remove an account",
    RequestKind.KEY: "remove or swap a key",
    RequestKind.SECOND_FACTOR: "reset a second factor",
}


class RequestStatus(StrEnum):
    OPEN = "OPEN"
    EXECUTED = "EXECUTED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    VOID = "VOID"
    EXPIRED = "EXPIRED"


class Verdict(StrEnum):
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"


class Reference(StrEnum):
    """What becomes of the reference equity at a reset: kept, or moved to the equity there is."""

    KEEP = "KEEP"
    REBASE = "REBASE"


class CheckName(StrEnum):
    TRIP = "TRIP"
    ORDERS = "ORDERS"
    CLOSING = "CLOSING"
    HEALTH = "HEALTH"
    JUDGED = "JUDGED"
    LIMITS = "LIMITS"
    COOLDOWN = "COOLDOWN"
    SEEN = "SEEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold for an approval.

    :param account: the account that an approver may except by name; empty where nothing can be
    :param is_excepted: it does not hold, and the approver accepts that by name
    """

    name: CheckName
    passed: bool
    words: str
    account: str = ""
    is_excepted: bool = False

    @property
    def holds(self) -> bool:
        return self.passed or self.is_excepted


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFacts:
    """One account of the trip; listed_at is the begin of its last complete, empty listing."""

    account: str
    status: LegStatus
    listed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseFacts:
    """One account whose positions the console is closing still."""

    account: str
    status: CloseStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetFacts:
    """What the executing transaction reads before a reset.

    :param is_same_trip: the trip is open, and the breaker has the version that was asked for
    :param closes: the accounts with a close that is still open
    :param excepted: accounts that the approver names
    :param health: with the excepted accounts left out
    :param conservative_equity: as health; it may not breach the limits after the reset
    :param is_judged: an outlier or a breach by quantities is being judged
    :param limits: as they will be after the reset
    """

    state: BreakerState
    is_same_trip: bool
    legs: Sequence[LegFacts]
    closes: Sequence[CloseFacts]
    excepted: frozenset[str]
    health: Health
    equity: Decimal | None
    conservative_equity: Decimal
    is_judged: bool
    limits: Sequence[Limit]
    cooldown_ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The facts that the approver had on the screen: the equity, and when it was read."""

    equity: Decimal | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VoterFacts:
    """Who wants to approve.

    :param is_entitled: has the role that this request needs
    :param counts_from: when the role begins to count
    :param solo_from: when the requester may approve alone; None where that does not exist
    """

    is_requester: bool
    is_active: bool
    is_entitled: bool
    counts_from: datetime
    solo_from: datetime | None = None


def cooldown_end(
    *, tripped_at: datetime, cause: Cause, is_below_warning: bool, cooldown: timedelta
) -> datetime:
    """Return from when a trip may be reset; a halt below the warning limit has no cooldown.

    :param is_below_warning: the loss at the trip had not reached the warning limit
    """
    is_free = cause is Cause.HALT and is_below_warning
    return tripped_at if is_free else tripped_at + cooldown


def solo_wait(*, kind: RequestKind, cause: Cause | None, is_below_warning: bool) -> timedelta:
    """Return how long one person alone waits: from the trip for a reset, else from the request."""
    is_mild = cause in {Cause.HALT, Cause.BLIND} and is_below_warning
    return SOLO_WAIT_WITHOUT_LOSS if kind is RequestKind.RESET and is_mild else SOLO_WAIT


def voter_refusal(voter: VoterFacts, *, now: datetime) -> str:
    """Return why this person's approval does not count; empty if it does."""
    if not voter.is_active:
        return "Your account is not active"
    if not voter.is_entitled:
        return "You are no approver of this request"
    if now < voter.counts_from:
        return "You became an approver less than 24 hours ago: that counts later"
    if not voter.is_requester:
        return ""
    if voter.solo_from is None:
        return "You asked for this yourself: somebody else has to approve it"
    return "" if now >= voter.solo_from else "Working alone, you have to wait longer"


def reset_checks(facts: ResetFacts, *, now: datetime) -> tuple[Check, ...]:
    """Return everything that must hold for a reset, one check an account and one for each fact."""
    return (
        _trip_check(facts),
        *(_orders_check(leg, excepted=facts.excepted, now=now) for leg in facts.legs),
        *(_closing_check(close, excepted=facts.excepted) for close in facts.closes),
        Check(
            name=CheckName.HEALTH,
            passed=facts.health in RESETTABLE,
            words=f"Prices and accounts are {facts.health}",
        ),
        _judged_check(facts),
        _limits_check(facts),
        Check(
            name=CheckName.COOLDOWN,
            passed=now >= facts.cooldown_ends_at,
            words="The cooldown is over"
            if now >= facts.cooldown_ends_at
            else f"The cooldown lasts until {facts.cooldown_ends_at:%H:%M:%S} UTC",
        ),
    )


def seen_check(seen: Seen, *, equity: Decimal | None, now: datetime) -> Check:
    """Return whether what the approver saw still is what there is."""
    if not timedelta(0) <= now - seen.at <= SEEN_COUNTS_FOR:
        return _seen(passed=False, words="The facts were read more than two minutes ago")
    if equity is None or seen.equity is None:
        return _seen(passed=equity is seen.equity, words="The equity is not known")
    moved = EXACT.subtract(equity, seen.equity).copy_abs()
    if moved > EXACT.multiply(seen.equity.copy_abs(), LARGEST_DRIFT):
        return _seen(
            passed=False,
            words=f"Equity is {money_text(equity)} now, you saw {money_text(seen.equity)}",
        )
    return _seen(passed=True, words="Equity is within 0.5 % of what you saw")


def _seen(*, passed: bool, words: str) -> Check:
    return Check(name=CheckName.SEEN, passed=passed, words=words)


def _trip_check(facts: ResetFacts) -> Check:
    passed = facts.state is BreakerState.TRIGGERED and facts.is_same_trip
    return Check(
        name=CheckName.TRIP,
        passed=passed,
        words="Triggered by this very trip"
        if passed
        else "The breaker is not as it was when this was asked",
    )


def _orders_check(leg: LegFacts, *, excepted: frozenset[str], now: datetime) -> Check:
    is_recent = leg.listed_at is not None and now - leg.listed_at <= LISTING_COUNTS_FOR
    passed = leg.status is LegStatus.EMPTY and is_recent
    return Check(
        name=CheckName.ORDERS,
        passed=passed,
        words=_orders_words(leg, is_recent=is_recent),
        account=leg.account,
        is_excepted=not passed and leg.account in excepted,
    )


def _orders_words(leg: LegFacts, *, is_recent: bool) -> str:
    if leg.status is LegStatus.NOT_CONNECTED:
        return f"{leg.account} is not connected: were its orders cancelled by hand?"
    if leg.status is not LegStatus.EMPTY:
        return f"{leg.account} is not confirmed without orders"
    if not is_recent:
        return f"{leg.account} was without orders, but was not asked in the last 15 s"
    return f"{leg.account} has no order, asked in the last 15 s"


def _closing_check(close: CloseFacts, *, excepted: frozenset[str]) -> Check:
    """Only where the console has given up alone may an approver accept that a close is open."""
    is_stuck = close.status is CloseStatus.NEEDS_HUMAN
    return Check(
        name=CheckName.CLOSING,
        passed=False,
        words=f"{close.account} could not be closed: a human is needed there"
        if is_stuck
        else f"{close.account} is still being closed",
        account=close.account if is_stuck else "",
        is_excepted=is_stuck and close.account in excepted,
    )


def _judged_check(facts: ResetFacts) -> Check:
    is_worse = bool(breached(limits=facts.limits, equity=facts.conservative_equity))
    is_plain = not breached(limits=facts.limits, equity=facts.equity)
    passed = not facts.is_judged and not (is_worse and is_plain)
    return Check(
        name=CheckName.JUDGED,
        passed=passed,
        words="No price and no quantity is being judged"
        if passed
        else "A price or a quantity is being judged",
    )


def _limits_check(facts: ResetFacts) -> Check:
    """The breaker must not trip again at once; at or beyond the floor no reset is possible."""
    causes = breached(limits=facts.limits, equity=facts.equity)
    if facts.equity is None or not facts.limits:
        return _limits(passed=False, words="Equity or limits are not known")
    if Cause.FLOOR in causes:
        return _limits(passed=False, words="The lifetime floor is reached: it must be raised first")
    if causes:
        loss = _loss_from(facts.limits[0], equity=facts.equity)
        return _limits(
            passed=False, words=f"With the reference kept, the loss of {loss} trips again at once"
        )
    return _limits(passed=True, words="The breaker would not trip again at once")


def _limits(*, passed: bool, words: str) -> Check:
    return Check(name=CheckName.LIMITS, passed=passed, words=words)


def _loss_from(limit: Limit, *, equity: Decimal) -> str:
    reference = getattr(limit, "reference_equity", ZERO)
    if not reference:
        return money_text(equity)
    return loss_text(ROUNDED.divide(EXACT.subtract(reference, equity), reference))
