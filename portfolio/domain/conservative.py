"""The equity with stale prices at their worse: it may shut the gate, it never trips."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from portfolio.domain.lines import Exposure, Line
from portfolio.domain.prices import Ageing, Mark, PriceBoard
from portfolio.domain.valuation import Book
from riskconsole.kernel.numbers import EXACT, ZERO

WORSE_PER_SECOND = Decimal("0.0005")
WORST = Decimal("0.03")
_MICROSECOND = timedelta(microseconds=1)
_PER_SECOND = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conservative:
    """The equity, and the lines in it that are valued at another venue's fresh mark."""

    equity: Decimal
    substituted: tuple[str, ...]


@dataclass(slots=True)
class _Asset:
    """The portfolio's net exposure to an asset, and the part of it that rests on stale marks."""

    net: Decimal = ZERO
    stale_net: Decimal = ZERO
    haircut: Decimal = field(default=ZERO)

    def loss(self) -> Decimal:
        """Return what is lost if the stale part moves against the net exposure."""
        against = self.stale_net if self.net > ZERO else self.stale_net.copy_negate()
        return EXACT.multiply(self.haircut, max(against, ZERO)) if self.net else ZERO


def conservative_equity(*, book: Book, lines: Sequence[Line], ageing: Ageing) -> Conservative:
    """Return the equity at fresh marks of other venues or, without one, at worsened marks.

    A stale mark loses 5 bp for each second past its maximum age, up to 300 bp. Against the net
    exposure: what is hedged in the same asset loses nothing.

    :param lines: of the book, so that they are not made twice
    """
    counted = [line for line in lines if not line.account.is_excepted]
    if not any(_lateness(line.marks, book.board, ageing) for line in counted):
        return Conservative(equity=book.equity, substituted=())
    better = book.preferring_fresh(ageing)
    replaced = better.lines()
    pairs = zip(lines, replaced, strict=True)
    judged = [line for line in replaced if not line.account.is_excepted]
    loss = _loss((e for line in judged for e in line.exposures), better.board, ageing)
    return Conservative(
        equity=EXACT.subtract(better.equity, loss),
        substituted=tuple(old.label for old, new in pairs if old.source != new.source),
    )


def haircut_of(lateness: timedelta) -> Decimal:
    """Return the ratio that a mark this far past its maximum age loses."""
    seconds = EXACT.multiply(Decimal(lateness // _MICROSECOND), _PER_SECOND)
    return min(WORST, EXACT.multiply(WORSE_PER_SECOND, seconds))


def _loss(exposures: Iterable[Exposure], board: PriceBoard, ageing: Ageing) -> Decimal:
    assets: dict[str, _Asset] = {}
    for exposure in exposures:
        asset = assets.setdefault(exposure.asset, _Asset())
        asset.net = EXACT.add(asset.net, exposure.amount)
        if late := _lateness(exposure.marks, board, ageing):
            asset.stale_net = EXACT.add(asset.stale_net, exposure.amount)
            asset.haircut = max(asset.haircut, haircut_of(late))
    loss = ZERO
    for asset in assets.values():
        loss = EXACT.add(loss, asset.loss())
    return loss


def _lateness(marks: Iterable[Mark], board: PriceBoard, ageing: Ageing) -> timedelta:
    """Return how far the latest of the marks is past its maximum age; zero if none is."""
    late = (ageing.now - _stale_after(mark, board, ageing) for mark in marks)
    return max(max(late, default=timedelta(0)), timedelta(0))


def _stale_after(mark: Mark, board: PriceBoard, ageing: Ageing) -> datetime:
    return ageing.stale_after(mark, board.venues.get(mark.venue))
