"""A portfolio's own page: where the money is, what it holds, and what a trip has done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from breaker.domain.gate import may_flatten
from breaker.models import Breaker
from breaker.selectors.flattening import ShownClose, shown_closes
from breaker.selectors.requests import cooldown_ends_at
from breaker.selectors.rows import PortfolioRow, trip_equity_of, warning_equity_of
from breaker.selectors.trips import TripRow, open_trip_of
from portfolio.domain.holdings import VenueKind
from portfolio.domain.lines import Line, LineKind
from portfolio.models import Position, VenueAccount
from portfolio.selectors import pnl_of, stored_book_of
from riskconsole.kernel.numbers import EXACT, ONE, ROUNDED, ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One venue account.

    :param value: what its lines add to the equity
    :param share: of the portfolio's money, by absolute value
    :param bar: the share in percent of the width, as text
    """

    slug: str
    venue: str
    kind: str
    is_manual: bool
    value: Decimal
    share: Decimal
    bar: str
    as_of: datetime | None
    age: timedelta | None
    is_stale: bool
    is_joining: bool
    is_excepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One line of the valuation, with where its price comes from."""

    account: str
    venue: str
    name: str
    side: str
    quantity: Decimal
    entry_price: Decimal | None
    price: Decimal | None
    path: str
    source: str
    value: Decimal | None
    pnl: Decimal | None
    confirmed_at: datetime | None
    age: timedelta | None
    is_stale: bool
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioPage:
    """What one portfolio's page shows.

    :param cooldown_left: until a reset may be carried out; None once it may, or without a trip
    :param closes: accounts that are closed, or were last, while the portfolio is halted or paused
    """

    row: PortfolioRow
    pnl: Decimal | None
    realized_pnl: Decimal | None
    unrealized_pnl: Decimal | None
    warning_equity: Decimal | None
    trip_equity: Decimal | None
    accounts: tuple[AccountRow, ...]
    positions: tuple[LineRow, ...]
    holdings: tuple[LineRow, ...]
    trip: TripRow | None
    closes: tuple[ShownClose, ...]
    may_flatten: bool
    tripped_for: timedelta | None
    lowest_loss_ratio: Decimal | None
    cooldown_ends_at: datetime | None
    cooldown_left: timedelta | None
    disabled_left: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltEffects:
    """What a halt would do, in the words of its dialog; accounts are named."""

    connected: str
    not_connected: str
    positions: int
    keeps_reducing: bool
    closes: bool


def portfolio_page(row: PortfolioRow, *, now: datetime) -> PortfolioPage:
    portfolio, breaker = row.portfolio, row.breaker
    lines = stored_book_of(portfolio.pk).lines()
    pnl = pnl_of(portfolio, row.equity)
    unrealized = portfolio.evaluation.unrealized_pnl if portfolio.armed_at else None
    rows = _line_rows(lines, breaker=breaker, now=now)
    trip = open_trip_of(breaker)
    ends_at = _cooldown_ends_at(breaker)
    return PortfolioPage(
        row=row,
        pnl=pnl,
        unrealized_pnl=unrealized,
        realized_pnl=None if pnl is None or unrealized is None else EXACT.subtract(pnl, unrealized),
        warning_equity=warning_equity_of(breaker),
        trip_equity=trip_equity_of(breaker),
        accounts=_account_rows(lines, breaker=breaker, now=now),
        positions=tuple(found for found in rows if found.side),
        holdings=rows,
        trip=trip,
        closes=_closes(row),
        may_flatten=may_flatten(row.gate),
        tripped_for=None if trip is None else now - trip.at,
        lowest_loss_ratio=_lowest_loss_ratio(trip, row.reference_equity),
        cooldown_ends_at=ends_at,
        cooldown_left=None if ends_at is None or ends_at <= now else ends_at - now,
        disabled_left=None if breaker.disabled_until is None else breaker.disabled_until - now,
    )


def halt_effects(breaker: Breaker) -> HaltEffects:
    """Return what a halt of this portfolio would reach."""
    accounts = list(breaker.portfolio.accounts.select_related("venue").order_by("slug"))
    manual = [one.slug for one in accounts if one.venue.kind == VenueKind.MANUAL]
    return HaltEffects(
        connected=", ".join(one.slug for one in accounts if one.slug not in manual),
        not_connected=", ".join(manual),
        positions=Position.objects.filter(account__in=accounts).count(),
        keeps_reducing=breaker.keep_reduce_only,
        closes=breaker.close_positions,
    )


def _closes(row: PortfolioRow) -> tuple[ShownClose, ...]:
    """Return how closing stands; what was closed before the last reset is history."""
    if not (may_flatten(row.gate) or row.portfolio.is_closing):
        return ()
    return shown_closes(row.portfolio)


def _cooldown_ends_at(breaker: Breaker) -> datetime | None:
    trip = breaker.trips.select_related("breaker").filter(reset_at=None).first()
    return None if trip is None else cooldown_ends_at(trip)


def _lowest_loss_ratio(trip: TripRow | None, reference: Decimal | None) -> Decimal | None:
    if trip is None or trip.lowest_equity is None or reference is None:
        return None
    return ROUNDED.divide(EXACT.subtract(reference, trip.lowest_equity), reference)


def _account_rows(
    lines: Sequence[Line], *, breaker: Breaker, now: datetime
) -> tuple[AccountRow, ...]:
    accounts = breaker.portfolio.accounts.select_related("venue").order_by("slug")
    sizes = {account.pk: ZERO for account in accounts}
    values = dict(sizes)
    for line in lines:
        values[line.account.id] = EXACT.add(values[line.account.id], line.value or ZERO)
        sizes[line.account.id] = EXACT.add(sizes[line.account.id], abs(line.value or ZERO))
    whole = sum(sizes.values(), ZERO)
    return tuple(
        _account_row(
            account,
            value=values[account.pk],
            share=ROUNDED.divide(sizes[account.pk], whole) if whole else ZERO,
            breaker=breaker,
            now=now,
        )
        for account in accounts
    )


def _account_row(
    account: VenueAccount, *, value: Decimal, share: Decimal, breaker: Breaker, now: datetime
) -> AccountRow:
    is_manual = account.venue.kind == VenueKind.MANUAL
    age = None if account.as_of is None else now - account.as_of
    return AccountRow(
        slug=account.slug,
        venue=account.venue.slug,
        kind=account.kind.lower(),
        is_manual=is_manual,
        value=value,
        share=share,
        bar=f"{min(share, ONE) * 100:.1f}",
        as_of=account.as_of,
        age=age,
        is_stale=not is_manual and (age is None or age > breaker.max_snapshot_age),
        is_joining=account.is_joining,
        is_excepted=account.is_excepted,
    )


def _line_rows(lines: Iterable[Line], *, breaker: Breaker, now: datetime) -> tuple[LineRow, ...]:
    entries = {
        (position.account_id, position.instrument, position.side): position.entry_price
        for position in Position.objects.filter(account__portfolio=breaker.portfolio)
    }
    return tuple(
        _line_row(
            line,
            entry_price=entries.get((line.account.id, line.name, line.side or "")),
            max_age=breaker.max_mark_age,
            now=now,
        )
        for line in lines
    )


def _line_row(
    line: Line, *, entry_price: Decimal | None, max_age: timedelta, now: datetime
) -> LineRow:
    age = None if line.confirmed_at is None else now - line.confirmed_at
    return LineRow(
        account=line.account.slug,
        venue=line.account.venue,
        name="venue's own equity" if line.kind is LineKind.VENUE_EQUITY else line.name,
        side=line.side or "",
        quantity=line.quantity,
        entry_price=entry_price,
        price=line.price,
        path=" → ".join(line.path),
        source=line.source,
        value=line.value,
        pnl=line.pnl,
        confirmed_at=line.confirmed_at,
        age=age,
        is_stale=age is not None and age > max_age,
        flags=tuple(flag.value for flag in line.flags),
    )
