"""What a requester reads before asking: what each choice would mean at this moment."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from breaker.domain.approval import CheckName, Reference, RequestKind, reset_checks
from breaker.models import Breaker, Trip
from breaker.selectors.approvals import floor_left_of, rebases_of
from breaker.selectors.numbers import Numbers, numbers_of
from breaker.selectors.requests import cooldown_ends_at, reset_facts
from breaker.selectors.waiting import CHOICES
from portfolio.selectors import stored_book_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetChoice:
    """What one choice would mean now; problem is why it would be refused."""

    value: Reference
    words: str
    numbers: Numbers
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPage:
    choices: tuple[ResetChoice, ...]
    cooldown_ends_at: datetime
    is_cooling: bool
    rebases: int
    floor_left: Decimal | None


def reset_page(breaker: Breaker, trip: Trip, *, now: datetime) -> ResetPage:
    """Return both choices of a reset of this trip."""
    choices = tuple(_choice(breaker, trip, reference, now=now) for reference in Reference)
    ends_at = cooldown_ends_at(trip)
    return ResetPage(
        choices=choices,
        cooldown_ends_at=ends_at,
        is_cooling=now < ends_at,
        rebases=rebases_of(breaker),
        floor_left=floor_left_of(breaker, choices[0].numbers),
    )


def _choice(breaker: Breaker, trip: Trip, reference: Reference, *, now: datetime) -> ResetChoice:
    facts = reset_facts(
        breaker=breaker, trip=trip, version=breaker.version, reference=reference, now=now
    )
    limits = (check for check in reset_checks(facts, now=now) if check.name is CheckName.LIMITS)
    return ResetChoice(
        value=reference,
        words=CHOICES[reference],
        numbers=numbers_of(
            breaker,
            kind=RequestKind.RESET,
            payload={"reference": reference},
            book=stored_book_of(breaker.portfolio_id),
        ),
        problem=" ".join(check.words for check in limits if not check.passed),
    )
