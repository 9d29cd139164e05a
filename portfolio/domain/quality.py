"""How far the numbers can be relied on: health, and the equity if they cannot."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from portfolio.domain.conservative import conservative_equity
from portfolio.domain.lines import Line
from portfolio.domain.outliers import Held, HeldSide
from portfolio.domain.prices import Ageing
from portfolio.domain.valuation import Book
from riskconsole.kernel.numbers import EXACT, ONE, ROUNDED, ZERO

STALE_GROSS_SHARE = Decimal("0.01")
STALE_LINE_SHARE = Decimal("0.005")
BLIND_GROSS_SHARE = Decimal("0.20")
BLIND_LINE_SHARE = Decimal("0.05")
MATERIAL_HOLD_SHARE = Decimal("0.005")
BLIND_GROSS_AFTER = timedelta(seconds=30)
BLIND_LINE_AFTER = timedelta(minutes=5)
MAX_EVALUATION_AGE = timedelta(seconds=30)
HOLD_SETTLES_WITHIN = timedelta(seconds=3)

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)


class Health(StrEnum):
    ARMING = "ARMING"
    OK = "OK"
    DEGRADED = "DEGRADED"
    BLIND = "BLIND"


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityLimits:
    """How old data may get.

    :param blind_trip_after: of blindness until it trips; zero means never
    """

    max_mark_age: timedelta
    max_snapshot_age: timedelta
    blind_trip_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What one evaluation found out about its data.

    :param conservative_equity: the equity with stale lines and unsettled outliers at their worse
    :param fresh_until: the last moment of OK if nothing new arrives; past if it is not OK
    :param blind_from: the first moment of BLIND if nothing new arrives
    :param fresh_ratio: share of the gross exposure that is fresh
    :param stale: lines past their maximum age
    :param substituted: stale lines valued at a fresh mark of another venue
    :param missing: lines without a price
    :param owed: shorts and debts without a price
    :param material_holds: held marks, by venue and instrument, that would move equity by 0.5 %
    """

    health: Health
    conservative_equity: Decimal
    fresh_until: datetime
    blind_from: datetime
    fresh_ratio: Decimal
    stale: tuple[str, ...]
    substituted: tuple[str, ...]
    missing: tuple[str, ...]
    owed: tuple[str, ...]
    material_holds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Aged:
    """A priced line and the last moment at which it is fresh."""

    line: Line
    stale_after: datetime


def assess(
    *,
    book: Book,
    limits: QualityLimits,
    now: datetime,
    armed_at: datetime | None,
    held: Iterable[Held] = (),
) -> Quality:
    """Return health and conservative equity of the book as of now."""
    lines, holds = book.lines(), tuple(held)
    aged = _aged(lines=lines, book=book, limits=limits, now=now)
    stale = [item for item in aged if item.stale_after < now]
    ageing = Ageing(max_mark_age=limits.max_mark_age, now=now)
    worse = conservative_equity(book=book, lines=lines, ageing=ageing)
    moves = _hold_moves(book, holds)
    owed = tuple(line.label for line in lines if line.is_missing and line.is_owed)
    fresh_until = _fresh_until(book=book, aged=aged, limits=limits)
    blind_from = now if owed else _blind_from(book, aged)
    return Quality(
        health=health_at(
            now=now,
            armed_at=armed_at or (now if book.is_complete else None),
            finished_at=now,
            fresh_until=fresh_until,
            blind_from=blind_from,
        ),
        conservative_equity=EXACT.add(worse.equity, _unsettled_loss(moves, now)),
        fresh_until=fresh_until,
        blind_from=blind_from,
        fresh_ratio=_fresh_ratio(book, stale),
        stale=tuple(item.line.label for item in stale),
        substituted=worse.substituted,
        missing=book.unpriced,
        owed=owed,
        material_holds=tuple(_material(book, moves)),
    )


def health_at(
    *,
    now: datetime,
    armed_at: datetime | None,
    finished_at: datetime | None,
    fresh_until: datetime,
    blind_from: datetime,
) -> Health:
    """Return the health at any moment, from the last finished evaluation alone."""
    if armed_at is None:
        return Health.ARMING
    if finished_at is None or now >= finished_at + MAX_EVALUATION_AGE or now >= blind_from:
        return Health.BLIND
    return Health.OK if now <= fresh_until else Health.DEGRADED


def _aged(
    *, lines: Sequence[Line], book: Book, limits: QualityLimits, now: datetime
) -> list[_Aged]:
    """Return the priced lines, soonest stale first."""
    ageing = Ageing(max_mark_age=limits.max_mark_age, now=now)
    venues = book.board.venues

    def limits_of(line: Line) -> Iterator[datetime]:
        if line.account.is_excepted:
            return
        for mark in line.marks:
            yield ageing.stale_after(mark, venues.get(mark.venue))
        if line.account.is_venue_fed and line.account.snapshot_at is not None:
            yield line.account.snapshot_at + limits.max_snapshot_age

    aged = [
        _Aged(line=line, stale_after=min(limits_of(line), default=NEVER))
        for line in lines
        if not line.is_missing
    ]
    return sorted(aged, key=lambda item: item.stale_after)


def _fresh_until(*, book: Book, aged: Sequence[_Aged], limits: QualityLimits) -> datetime:
    """Return the last moment at which the table's row for OK holds."""
    ends = [_gross_goes_stale(book, aged, STALE_GROSS_SHARE)]
    ends += [item.stale_after for item in _over(book, aged, STALE_LINE_SHARE)]
    for account in book.holdings.accounts:
        if account.is_excepted:
            continue
        if account.snapshot_at is None:
            return LONG_AGO
        if account.is_venue_fed:
            ends.append(account.snapshot_at + limits.max_snapshot_age)
    return LONG_AGO if book.unpriced else min(ends)


def _blind_from(book: Book, aged: Sequence[_Aged]) -> datetime:
    """Return the first moment at which too much has been too old for too long."""
    gross = _gross_goes_stale(book, aged, BLIND_GROSS_SHARE)
    line = min((item.stale_after for item in _over(book, aged, BLIND_LINE_SHARE)), default=NEVER)
    starts = [NEVER]
    starts += [gross + BLIND_GROSS_AFTER + _INSTANT] if gross < NEVER else []
    starts += [line + BLIND_LINE_AFTER + _INSTANT] if line < NEVER else []
    return min(starts)


def _gross_goes_stale(book: Book, aged: Sequence[_Aged], share: Decimal) -> datetime:
    """Return the last moment at which at most this share of the gross exposure is stale."""
    room = EXACT.multiply(book.gross_exposure, share)
    stale = ZERO
    for item in aged:
        stale = EXACT.add(stale, item.line.notional)
        if stale > room:
            return item.stale_after
    return NEVER


def _over(book: Book, aged: Sequence[_Aged], share: Decimal) -> list[_Aged]:
    """Return the lines on which more than this share of the equity hangs."""
    room = EXACT.multiply(max(book.equity, ZERO), share)
    return [item for item in aged if item.line.size > room]


def _fresh_ratio(book: Book, stale: Iterable[_Aged]) -> Decimal:
    if not book.gross_exposure:
        return ONE
    fresh = book.gross_exposure
    for item in stale:
        fresh = EXACT.subtract(fresh, item.line.notional)
    return ROUNDED.divide(fresh, book.gross_exposure)


def _hold_moves(book: Book, held: Iterable[Held]) -> list[tuple[Held, Decimal]]:
    """Return each outlier with what equity would change by if it were accepted."""
    outliers = (hold for hold in held if hold.side is not HeldSide.FIRST)
    return [(hold, EXACT.subtract(book.equity_if(hold.mark), book.equity)) for hold in outliers]


def _unsettled_loss(moves: Iterable[tuple[Held, Decimal]], now: datetime) -> Decimal:
    loss = ZERO
    for hold, move in moves:
        if now - hold.mark.received_at >= HOLD_SETTLES_WITHIN:
            loss = EXACT.add(loss, min(move, ZERO))
    return loss


def _material(book: Book, moves: Iterable[tuple[Held, Decimal]]) -> Iterator[str]:
    room = EXACT.multiply(max(book.equity, ZERO), MATERIAL_HOLD_SHARE)
    for hold, move in moves:
        if move and move.copy_abs() >= room:
            yield f"{hold.mark.venue} {hold.mark.instrument}"
