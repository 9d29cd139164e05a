"""One look at one portfolio: what it is worth, how sure that is, and what the breaker makes of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from breaker.domain.gate import Reason
from breaker.domain.machine import (
    BreakerState,
    Cause,
    Decision,
    Observation,
    breached,
    decide,
    loss_ratio,
)
from breaker.models import Breaker
from breaker.services.desk import Desk
from portfolio.domain.blindness import Blindness, blind_since_after
from portfolio.domain.outliers import Held
from portfolio.domain.quality import MAX_EVALUATION_AGE, Health, Quality, assess, health_at
from portfolio.domain.valuation import Book
from portfolio.models import Evaluation

QUANTITIES_SETTLE_WITHIN = timedelta(seconds=15)

# Blindness during an outage of every runner counts from the start of the first to come back.
RUNNER_STARTED_AT = datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one evaluation found; breaker and row are as they were read before the marks."""

    breaker: Breaker
    row: Evaluation
    desk: Desk
    at: datetime
    equity: Decimal | None
    loss_ratio: Decimal | None
    quality: Quality
    is_assessed: bool
    blindness: Blindness
    quantity_breach_since: datetime | None
    breaches: tuple[Cause, ...]
    decision: Decision
    reasons: tuple[Reason, ...]

    @property
    def book(self) -> Book:
        return self.desk.book

    @property
    def portfolio_id(self) -> int:
        return self.breaker.portfolio_id

    @property
    def arms(self) -> bool:
        """Whether this is the first complete valuation."""
        return self.breaker.portfolio.armed_at is None and self.book.is_complete

    @property
    def lost_prices(self) -> frozenset[str]:
        """The lines that had a price at the last written evaluation of these very holdings.

        An accepted price stays for ever, so a look that lacks one is a look at older marks.
        """
        is_same = self.row.holdings_version == self.book.holdings.version
        if self.breaker.portfolio.armed_at is None or not is_same:
            return frozenset()
        return frozenset(self.book.unpriced) - frozenset(self.row.missing)

    @property
    def has_news_for_its_trip(self) -> bool:
        """Whether an open trip may lack one of these breaches."""
        is_triggered = self.breaker.state == BreakerState.TRIGGERED
        has_told = self.desk.has_told(self.breaches, version=self.breaker.version)
        return is_triggered and bool(self.breaches) and not has_told

    @property
    def must_be_written(self) -> bool:
        """Once a second, and whenever an answer of the gate would change."""
        return (
            self.is_assessed
            or self.decision.is_transition
            or self.row.is_clock_jumped
            or self.row.breaker_version != self.breaker.version
            or self.row.reasons != list(self.reasons)
        )


def read(*, breaker: Breaker, desk: Desk, outliers: list[Held], now: datetime) -> Reading:
    """Look at one portfolio; the desk keeps what was assessed for the ticks of this second."""
    portfolio, row, book = breaker.portfolio, breaker.portfolio.evaluation, desk.book
    is_assessed = bool(outliers) or desk.is_assessment_due(now)
    if is_assessed or desk.quality is None:
        desk.quality, desk.assessed_at = (
            _assess(breaker, book=book, outliers=outliers, now=now),
            now,
        )
    equity = None if portfolio.armed_at is None else book.equity
    blindness = _blindness(breaker, quality=desk.quality, now=now)
    breaches = breached(limits=breaker.limits, equity=equity)
    since = _quantity_breach_since(breaker, desk=desk, now=now) if breaches else None
    decision = decide(
        state=BreakerState(breaker.state),
        limits=breaker.limits,
        timing=breaker.timing,
        observation=Observation(
            equity=equity,
            observed_at=now,
            waits_for_quantities=since is not None,
            blind_since=None if blindness.not_blind_since else blindness.blind_since,
            warning_clear_since=row.warning_clear_since,
        ),
    )
    return Reading(
        breaker=breaker,
        row=row,
        desk=desk,
        at=now,
        equity=equity,
        loss_ratio=_loss_ratio(breaker, equity),
        quality=desk.quality,
        is_assessed=is_assessed,
        blindness=blindness,
        quantity_breach_since=since,
        breaches=breaches,
        decision=decision,
        reasons=tuple(_reasons(breaker, desk.quality, breaches=breaches, since=since)),
    )


def _assess(breaker: Breaker, *, book: Book, outliers: list[Held], now: datetime) -> Quality:
    return assess(
        book=book,
        limits=breaker.quality_limits,
        now=now,
        armed_at=breaker.portfolio.armed_at,
        held=outliers,
    )


def _blindness(breaker: Breaker, *, quality: Quality, now: datetime) -> Blindness:
    row = breaker.portfolio.evaluation
    was_outage = row.finished_at is not None and now - row.finished_at >= MAX_EVALUATION_AGE
    return blind_since_after(
        before=Blindness(
            blind_since=row.blind_since,
            not_blind_since=row.not_blind_since,
            blind_moved_at=row.blind_moved_at,
        ),
        health=health_of(breaker, quality=quality, now=now),
        now=now,
        previous_finished_at=row.finished_at,
        outage_ended_at=RUNNER_STARTED_AT if was_outage else None,
    )


def health_of(breaker: Breaker, *, quality: Quality, now: datetime) -> Health:
    """Return the health at now, by an assessment that may be a tick old."""
    return health_at(
        now=now,
        armed_at=breaker.portfolio.armed_at,
        finished_at=now,
        fresh_until=quality.fresh_until,
        blind_from=quality.blind_from,
    )


def _quantity_breach_since(breaker: Breaker, *, desk: Desk, now: datetime) -> datetime | None:
    """Return since when a breach waits because only changed quantities explain it, or None.

    It waits until every venue-fed account was read again, at most 15 s; with a line that a
    snapshot brought without a price it waits the 15 s. A breach that the quantities before the
    change would show too is one by price and does not wait.
    """
    book = desk.book
    holdings = desk.held.rolled_back(unpriced=book.unpriced_accounts)
    if holdings is None and not book.unpriced_accounts:
        return None
    if holdings is not None and breached(
        limits=breaker.limits, equity=book.replaced(holdings).equity
    ):
        return None
    since = breaker.portfolio.evaluation.quantity_breach_since or now
    if now - since >= QUANTITIES_SETTLE_WITHIN:
        return None
    fed = [account for account in book.holdings.accounts if account.is_venue_fed]
    was_read_again = all(a.snapshot_at is not None and a.snapshot_at > since for a in fed)
    if was_read_again and not book.unpriced_accounts:
        return None
    return since


def _reasons(
    breaker: Breaker,
    quality: Quality,
    *,
    breaches: tuple[Cause, ...],
    since: datetime | None,
) -> list[Reason]:
    """Return what is being judged, in the order of the closed list."""
    is_armed = breaker.portfolio.armed_at is not None
    worse = breached(limits=breaker.limits, equity=quality.conservative_equity)
    found = {
        Reason.CONSERVATIVE_BREACH: is_armed and bool(worse) and not breaches,
        Reason.OUTLIER_HELD: bool(quality.material_holds),
        Reason.QUANTITY_BREACH: since is not None,
    }
    return [reason for reason, holds in found.items() if holds]


def _loss_ratio(breaker: Breaker, equity: Decimal | None) -> Decimal | None:
    reference = breaker.portfolio.reference_equity
    if equity is None or reference is None:
        return None
    return loss_ratio(reference_equity=reference, equity=equity)
