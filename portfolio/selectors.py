"""Read what is held and what it is worth; nothing here writes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from portfolio import marks
from portfolio.domain.holdings import (
    Account,
    AccountKind,
    Balance,
    Holdings,
    Position,
    Side,
    VenueKind,
)
from portfolio.domain.lines import Line
from portfolio.domain.mark_text import MarkKey
from portfolio.domain.outliers import MarkState
from portfolio.domain.prices import PriceBoard, PricingVenue
from portfolio.domain.valuation import Book
from portfolio.models import (
    EquityPoint,
    MarkSource,
    Portfolio,
    Resolution,
    Role,
    Venue,
    VenueAccount,
)
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import EXACT, known_money_text, plain_text
from riskconsole.people.models import User

HALTERS = frozenset({Role.OPERATOR, Role.APPROVER})
MOST_ROWS = 8000


def visible_portfolios(user: User | AnonymousUser) -> QuerySet[Portfolio]:
    """Return the portfolios that the user may see: what is not among them does not exist."""
    if not isinstance(user, User) or not user.is_active:
        return Portfolio.objects.none()
    if user.site_role:
        return Portfolio.objects.order_by("name", "pk")
    return Portfolio.objects.filter(memberships__user=user).distinct().order_by("name", "pk")


def is_any_armed() -> bool:
    """Return whether some portfolio is guarded already: from then on loosening takes two."""
    return Portfolio.objects.filter(armed_at__isnull=False).exists()


def roles_in(*, user: User, portfolio: Portfolio) -> frozenset[Role]:
    """Return the roles that the user has in the portfolio."""
    found = portfolio.memberships.filter(user=user).values_list("role", flat=True)
    return frozenset(Role(role) for role in found)


def may_halt(*, user: User, portfolio: Portfolio) -> bool:
    """Return whether the user may halt and pause the portfolio."""
    return user.is_active and bool(roles_in(user=user, portfolio=portfolio) & HALTERS)


def may_note(*, user: User, portfolio: Portfolio) -> bool:
    """Return whether the user may write notes on the portfolio's incidents."""
    return (user.is_active and bool(user.site_role)) or may_halt(user=user, portfolio=portfolio)


def pricing_venues() -> tuple[PricingVenue, ...]:
    return tuple(
        PricingVenue(
            slug=venue.slug,
            kind=VenueKind(venue.kind),
            is_pushed=venue.source == MarkSource.PUSH,
        )
        for venue in Venue.objects.order_by("slug")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a portfolio holds, and what each account held before its last change of quantities."""

    now: Holdings
    before: Mapping[int, Holdings]

    def rolled_back(self, *, unpriced: frozenset[int]) -> Holdings | None:
        """Return the holdings before the last change of quantities; None where there was none.

        Venue-fed accounts are rolled back, and manual ones that hold a line without a price.

        :param unpriced: the accounts with such a line
        """
        changed = {
            account.id
            for account in self.now.accounts
            if account.id in self.before and (account.is_venue_fed or account.id in unpriced)
        }
        if not changed:
            return None
        before = [self.before[pk] for pk in sorted(changed)]
        return replace(
            self.now,
            accounts=(
                *(a for a in self.now.accounts if a.id not in changed),
                *(a for holdings in before for a in holdings.accounts),
            ),
            balances=(
                *(b for b in self.now.balances if b.account_id not in changed),
                *(b for holdings in before for b in holdings.balances),
            ),
            positions=(
                *(p for p in self.now.positions if p.account_id not in changed),
                *(p for holdings in before for p in holdings.positions),
            ),
        )


def held_by(portfolio_ids: Iterable[int]) -> dict[int, Held]:
    """Return what each portfolio holds and held, by its id, in five queries for all of them."""
    rows = Portfolio.objects.in_bulk(list(portfolio_ids))
    accounts: dict[int, list[VenueAccount]] = {pk: [] for pk in rows}
    found = VenueAccount.objects.filter(portfolio__in=rows, is_joining=False)
    found = found.select_related("venue")
    for account in found.prefetch_related("balances", "positions").order_by("pk"):
        accounts[account.portfolio_id].append(account)
    return {
        pk: Held(
            now=_holdings(row, accounts[pk]),
            before={a.pk: _previous(row, a) for a in accounts[pk] if a.previous is not None},
        )
        for pk, row in rows.items()
    }


def stored_book_of(portfolio_id: int) -> Book:
    """Return the book at the marks in the database: it needs no Redis."""
    return book_of(holdings=held_by([portfolio_id])[portfolio_id].now, states=marks.stored_states())


def live_book_of(portfolio_id: int) -> Book:
    """Return the book at the live marks."""
    return book_of(holdings=held_by([portfolio_id])[portfolio_id].now, states=marks.states())


def book_of(*, holdings: Holdings, states: Mapping[MarkKey, MarkState]) -> Book:
    accepted = [state.accepted for state in states.values() if state.accepted is not None]
    return Book(holdings=holdings, board=PriceBoard.of(pricing_venues(), accepted))


def line_facts(line: Line, *, now: datetime) -> dict[str, Any]:
    """Return a line of the valuation as JSON: every price with its path, source and age.

    Where it rests on several marks, the times are those of the one confirmed longest ago.
    """
    oldest = min(line.marks, key=lambda mark: mark.confirmed_at, default=None)
    age = (
        None
        if line.confirmed_at is None
        else max(0, int((now - line.confirmed_at).total_seconds()))
    )
    return {
        "account": line.account.slug,
        "kind": line.kind,
        "name": line.name,
        "side": line.side,
        "quantity": plain_text(line.quantity),
        "price": None if line.price is None else plain_text(line.price),
        "path": list(line.path),
        "source": line.source,
        "source_at": oldest and oldest.source_at and time_text(oldest.source_at),
        "confirmed_at": None if line.confirmed_at is None else time_text(line.confirmed_at),
        "age_seconds": age,
        "value": known_money_text(line.value),
        "flags": [str(flag) for flag in line.flags],
    }


def pnl_of(portfolio: Portfolio, equity: Decimal | None) -> Decimal | None:
    """Return equity - initial capital - net flows; None where one of them is not known."""
    if equity is None or portfolio.initial_capital is None:
        return None
    return EXACT.subtract(EXACT.subtract(equity, portfolio.initial_capital), portfolio.net_flows)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """Equity over one bucket of the view."""

    at: datetime
    equity: Decimal
    low: Decimal
    high: Decimal


def equity_series(
    *, portfolio: Portfolio, start: datetime, end: datetime, points: int = 2000
) -> list[SeriesPoint]:
    """Return at most that many points between two times; low and high of each bucket are kept.

    The finest resolution that is no more than a few times finer than asked for is read.
    """
    rows = _rows_in(portfolio=portfolio, start=start, end=end)
    size = max(1, -(-len(rows) // max(1, points)))
    buckets = (rows[at : at + size] for at in range(0, len(rows), size))
    return [
        SeriesPoint(
            at=bucket[-1].at,
            equity=bucket[-1].equity,
            low=min(point.low for point in bucket),
            high=max(point.high for point in bucket),
        )
        for bucket in buckets
    ]


def _rows_in(*, portfolio: Portfolio, start: datetime, end: datetime) -> list[EquityPoint]:
    window = EquityPoint.objects.filter(portfolio=portfolio, at__gte=start, at__lte=end)
    for resolution in (Resolution.SECOND, Resolution.MINUTE):
        rows = list(window.filter(resolution=resolution).order_by("at")[: MOST_ROWS + 1])
        if len(rows) <= MOST_ROWS and not _is_thinned(rows, window):
            return rows
    return list(window.filter(resolution=Resolution.FIVE_MINUTES).order_by("at"))


def _is_thinned(rows: list[EquityPoint], window: QuerySet[EquityPoint]) -> bool:
    """Return whether the window has coarser points from before the first of these rows."""
    coarser = window.filter(resolution=Resolution.FIVE_MINUTES)
    if not rows:
        return coarser.exists()
    return coarser.filter(at__lt=rows[0].at - timedelta(minutes=5)).exists()


def holdings_of_account(account: VenueAccount) -> Holdings:
    """Return what this account alone holds."""
    return _holdings(account.portfolio, [account])


def _holdings(row: Portfolio, accounts: Iterable[VenueAccount]) -> Holdings:
    listed = list(accounts)
    return Holdings(
        version=row.holdings_version,
        reference_currency=row.reference_currency,
        pegs=frozenset(row.pegs),
        accounts=tuple(_account(account) for account in listed),
        balances=tuple(
            Balance(account_id=account.pk, asset=balance.asset, total=balance.total)
            for account in listed
            for balance in account.balances.all()
        ),
        positions=tuple(
            Position(
                account_id=account.pk,
                instrument=position.instrument,
                side=Side(position.side),
                quantity=position.quantity,
                entry_price=position.entry_price,
                contract_size=position.contract_size,
                is_inverse=position.is_inverse,
                snapshot_mark=position.snapshot_mark,
            )
            for account in listed
            for position in account.positions.all()
        ),
    )


def _account(account: VenueAccount) -> Account:
    return Account(
        id=account.pk,
        slug=account.slug,
        venue=account.venue.slug,
        venue_kind=VenueKind(account.venue.kind),
        kind=AccountKind(account.kind),
        is_venue_fed=account.venue.kind != VenueKind.MANUAL,
        is_excepted=account.is_excepted,
        snapshot_at=account.as_of,
        venue_equity=account.venue_equity,
        venue_equity_currency=account.venue_equity_currency or None,
    )


def _previous(row: Portfolio, account: VenueAccount) -> Holdings:
    """Return the one account as its lines before the last change say."""
    lines = account.previous or {}
    equity = lines["venue_equity"]
    return Holdings(
        version=row.holdings_version,
        reference_currency=row.reference_currency,
        pegs=frozenset(row.pegs),
        accounts=(
            replace(
                _account(account),
                venue_equity=None if equity is None else Decimal(equity),
                venue_equity_currency=lines["venue_equity_currency"] or None,
            ),
        ),
        balances=tuple(
            Balance(account_id=account.pk, asset=asset, total=Decimal(total))
            for asset, total in lines["balances"]
        ),
        positions=tuple(
            Position(
                account_id=account.pk,
                instrument=instrument,
                side=Side(side),
                quantity=Decimal(quantity),
                entry_price=Decimal(entry),
                contract_size=Decimal(size),
                is_inverse=bool(is_inverse),
                snapshot_mark=None if mark is None else Decimal(mark),
            )
            for instrument, side, quantity, entry, size, is_inverse, mark in lines["positions"]
        ),
    )
