"""Reference, warning line and trip line, as they are and as a request would leave them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from breaker.domain.approval import Reference, RequestKind
from breaker.domain.machine import FloorLimit, Limit, LossLimit
from breaker.models import Breaker
from portfolio.domain.valuation import Book
from riskconsole.kernel.numbers import EXACT, ROUNDED, ZERO, decimal_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What a loss is measured from and where the lines are; None where there is none."""

    reference: Decimal | None
    warning: Decimal | None
    trip: Decimal | None
    floor: Decimal | None

    def left_from(self, equity: Decimal | None) -> Decimal | None:
        """Return what can still be lost until the breaker trips."""
        if equity is None or self.trip is None:
            return None
        return EXACT.subtract(equity, self.trip)

    def loss_from(self, equity: Decimal | None) -> Decimal | None:
        """Return the loss ratio at this equity."""
        if equity is None or not self.reference:
            return None
        return ROUNDED.divide(EXACT.subtract(self.reference, equity), self.reference)


NO_LINES = Lines(reference=None, warning=None, trip=None, floor=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """One portfolio's numbers before and after; after is None where nothing of them changes."""

    equity: Decimal | None
    equity_after: Decimal | None
    before: Lines
    after: Lines | None

    @property
    def loss_before(self) -> Decimal | None:
        return self.before.loss_from(self.equity)

    @property
    def loss_after(self) -> Decimal | None:
        return None if self.after is None else self.after.loss_from(self.equity_after)

    @property
    def left_before(self) -> Decimal | None:
        return self.before.left_from(self.equity)

    @property
    def left_after(self) -> Decimal | None:
        return None if self.after is None else self.after.left_from(self.equity_after)


def numbers_of(
    breaker: Breaker, *, kind: RequestKind, payload: dict[str, Any], book: Book
) -> Numbers:
    """Return what carrying the request out now would make of the lines."""
    equity = None if breaker.portfolio.armed_at is None else book.equity
    equity_after = equity
    if equity is not None and kind is RequestKind.REMOVAL:
        equity_after = EXACT.subtract(equity, _worth_of(payload["account"], book))
    return Numbers(
        equity=equity,
        equity_after=equity_after,
        before=lines_of(breaker.limits),
        after=_lines_after(breaker, kind=kind, payload=payload, book=book),
    )


def lines_of(limits: tuple[Limit, ...]) -> Lines:
    loss = next((limit for limit in limits if isinstance(limit, LossLimit)), None)
    floor = next((limit for limit in limits if isinstance(limit, FloorLimit)), None)
    if loss is None:
        return NO_LINES
    return Lines(
        reference=loss.reference_equity,
        warning=loss.warning_equity,
        trip=max(limit.trip_equity for limit in limits),
        floor=None if floor is None else floor.trip_equity,
    )


def lines_after_reset(breaker: Breaker, reference: Reference, *, equity: Decimal) -> Lines:
    """Return the lines as this choice would leave them."""
    if reference is Reference.KEEP:
        return lines_of(breaker.limits)
    return lines_of(breaker.limits_from(equity, is_rebased=True)) if equity > ZERO else NO_LINES


def _lines_after(
    breaker: Breaker, *, kind: RequestKind, payload: dict[str, Any], book: Book
) -> Lines | None:
    if kind is RequestKind.RESET:
        choice = Reference(payload["reference"])
        return lines_after_reset(breaker, choice, equity=book.equity)
    if kind is RequestKind.FLOW:
        before = EXACT.subtract(book.equity, decimal_from(payload["amount"]))
        return _lines_after_flow(breaker, before=before, after=book.equity)
    if kind is RequestKind.REMOVAL:
        after = EXACT.subtract(book.equity, _worth_of(payload["account"], book))
        return _lines_after_flow(breaker, before=book.equity, after=after)
    return None


def _lines_after_flow(breaker: Breaker, *, before: Decimal, after: Decimal) -> Lines:
    moved = breaker.portfolio.capital.after_flow(before=before, after=after)
    if moved.reference_equity is None:
        return NO_LINES
    return lines_of(
        breaker.limits_from(
            moved.reference_equity, is_rebased=breaker.is_rebased, floor_base=moved.floor_base
        )
    )


def _worth_of(slug: str, book: Book) -> Decimal:
    accounts = [account.id for account in book.holdings.accounts if account.slug == slug]
    return book.equity_of(accounts[0]) if accounts else ZERO
