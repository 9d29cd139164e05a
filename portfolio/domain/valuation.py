"""What a portfolio is worth: exact, and kept up to date tick by tick."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Self

from portfolio.domain.holdings import (
    Account,
    AccountKind,
    Balance,
    Holdings,
    VenueKind,
)
from portfolio.domain.lines import Line, LineKind
from portfolio.domain.pools import Scope, Totals
from portfolio.domain.prices import Ageing, Mark, PriceBoard, Pricing
from portfolio.domain.rows import AmountRow, PositionRow
from portfolio.domain.terms import Terms
from riskconsole.kernel.numbers import EXACT, ZERO


class Book:
    """Holdings compiled against a price board; apply() costs the same for ten or ten thousand.

    equity, unrealized_pnl and gross_exposure count every line at its last accepted mark, however
    old; what has no price is named in unpriced and counts in none of them.

    :param board: copied, so that the book moves only by apply()
    :param ageing: values a stale line at a fresh mark of another venue where there is one
    """

    def __init__(
        self, *, holdings: Holdings, board: PriceBoard, ageing: Ageing | None = None
    ) -> None:
        self.holdings = holdings
        self.board = board.copy()
        self._ageing = ageing
        self._totals = Totals()
        self._accounts = {account.id: account for account in holdings.accounts}
        self._scopes: dict[tuple[str, VenueKind], Scope] = {}
        self._unpriced: tuple[str, ...] | None = None
        self._terms: Terms | None = None
        self._amounts = tuple(self._amount_rows())
        self._positions = tuple(self._position_rows())
        self._compile()

    @property
    def equity(self) -> Decimal:
        return self._totals.equity

    @property
    def unrealized_pnl(self) -> Decimal:
        return self._totals.pnl

    @property
    def gross_exposure(self) -> Decimal:
        return self._totals.gross

    @property
    def is_complete(self) -> bool:
        """Whether there are accounts, each has a snapshot and each line an accepted price."""
        accounts = self.holdings.accounts
        has_snapshots = all(account.snapshot_at is not None for account in accounts)
        return bool(accounts) and has_snapshots and not self.unpriced

    @property
    def unpriced(self) -> tuple[str, ...]:
        """The lines without a price, by account and name."""
        if self._unpriced is None:
            self._unpriced = tuple(row.label for row in self._rows if row.is_missing)
        return self._unpriced

    @property
    def unpriced_accounts(self) -> frozenset[int]:
        """The accounts with a line that has no price."""
        return frozenset(row.account.id for row in self._rows if row.is_missing)

    def apply(self, marks: Iterable[Mark]) -> None:
        """Take accepted marks in, whether anything here needs them now or not."""
        for mark in marks:
            self.board.put(mark)
            for scope in self._scopes.values():
                if scope.touch(mark):
                    self._unpriced = self._terms = None

    def note_snapshots(self, at: Mapping[int, datetime | None]) -> None:
        """Take in when each account was last confirmed by a snapshot that changed nothing."""
        noted = {
            account.id: replace(account, snapshot_at=at.get(account.id, account.snapshot_at))
            for account in self.holdings.accounts
        }
        if noted == self._accounts:
            return
        self._accounts = noted
        self.holdings = replace(self.holdings, accounts=tuple(noted.values()))
        for row in self._rows:
            row.move_to(noted[row.account.id])

    def full_equity(self) -> Decimal:
        """Return the equity summed over every single holding: the check on the running sum."""
        if self._terms is None:
            self._terms = Terms.of(amounts=self._amounts, positions=self._positions)
        return self._terms.total()

    def equity_if(self, mark: Mark) -> Decimal:
        """Return the equity there would be at another mark in place of the accepted one."""
        accepted = self.board.get(venue=mark.venue, instrument=mark.instrument)
        if accepted is None:
            return self.equity
        self.apply((mark,))
        equity = self.equity
        self.apply((accepted,))
        return equity

    def replaced(self, holdings: Holdings) -> Self:
        """Return the book of other holdings at the present marks."""
        return type(self)(holdings=holdings, board=self.board, ageing=self._ageing)

    def preferring_fresh(self, ageing: Ageing) -> Self:
        """Return the book in which fresh marks of other venues stand in for stale ones."""
        return type(self)(holdings=self.holdings, board=self.board, ageing=ageing)

    def net_exposure(self, asset: str) -> Decimal:
        """Return what moves with the asset, long less short, in the reference currency."""
        found = (e for line in self.lines() for e in line.exposures if e.asset == asset)
        with localcontext(EXACT):
            return sum((exposure.amount for exposure in found), ZERO)

    def net_exposures(self) -> Decimal:
        """Return what moves with any asset, long less short, in the reference currency."""
        with localcontext(EXACT):
            return sum((e.amount for line in self.lines() for e in line.exposures), ZERO)

    def needed_instruments(self, *, venue: str) -> frozenset[str]:
        """Return every instrument whose mark at that venue prices a line, or could."""
        scopes = (s for s in self._scopes.values() if s.pricing.may_use(venue))
        return frozenset().union(*(scope.candidates() for scope in scopes))

    def needs(self, *, venue: str, instrument: str) -> bool:
        """Return whether that venue's mark of the instrument prices a line, or could."""
        scopes = (s for s in self._scopes.values() if s.pricing.may_use(venue))
        return any(instrument in scope.candidates() for scope in scopes)

    def lines(self) -> tuple[Line, ...]:
        """Return each holding with its price, path, source and value."""
        return tuple(row.line() for row in self._rows)

    def equity_of(self, account_id: int) -> Decimal:
        """Return what an account's lines add to the equity."""
        values = (line.value for line in self.lines() if line.account.id == account_id)
        with localcontext(EXACT):
            return sum((value for value in values if value is not None), ZERO)

    @property
    def _rows(self) -> tuple[AmountRow | PositionRow, ...]:
        return (*self._amounts, *self._positions)

    def _compile(self) -> None:
        reference = self.holdings.reference_currency
        for row in self._amounts:
            if row.node is not None:
                gross = ZERO if row.asset == reference else row.amount.copy_abs()
                row.node.add(row.amount, ZERO, gross)
        for item in self._positions:
            if item.base_price is not None:
                item.pool.include(item.position, base_price=item.base_price)
        for scope in self._scopes.values():
            scope.price_pools()

    def _amount_rows(self) -> Iterator[AmountRow]:
        for balance in self.holdings.balances:
            account = self._accounts[balance.account_id]
            is_idle = not balance.total or account.counts_venue_equity
            yield AmountRow(
                account=account,
                kind=LineKind.BALANCE,
                asset=balance.asset,
                amount=balance.total,
                node=None if is_idle else self._scope(account).node(balance.asset),
                reference=self.holdings.reference_currency,
                is_counted=not self._may_be_left_out(balance, account),
            )
        for account in self.holdings.accounts:
            if account.counts_venue_equity:
                yield self._equity_row(account)

    def _equity_row(self, account: Account) -> AmountRow:
        currency = account.venue_equity_currency or ""
        return AmountRow(
            account=account,
            kind=LineKind.VENUE_EQUITY,
            asset=currency,
            amount=account.venue_equity or ZERO,
            node=self._scope(account).node(currency),
            reference=self.holdings.reference_currency,
        )

    def _position_rows(self) -> Iterator[PositionRow]:
        for position in self.holdings.positions:
            account = self._accounts[position.account_id]
            is_since_snapshot = account.counts_venue_equity
            yield PositionRow(
                account=account,
                position=position,
                pool=self._scope(account).pool(position),
                base_price=position.snapshot_mark if is_since_snapshot else position.entry_price,
                reference=self.holdings.reference_currency,
            )

    def _may_be_left_out(self, balance: Balance, account: Account) -> bool:
        """Return whether a balance without a price counts zero; a debt and paper never do."""
        is_spot = account.kind is AccountKind.SPOT and account.venue_kind is not VenueKind.PAPER
        return is_spot and balance.total > ZERO and self.board.is_unlisted(balance.asset)

    def _scope(self, account: Account) -> Scope:
        key = (account.venue, account.venue_kind)
        if key not in self._scopes:
            pricing = Pricing(
                board=self.board,
                venue=account.venue,
                kind=account.venue_kind,
                reference_currency=self.holdings.reference_currency,
                pegs=self.holdings.pegs,
                ageing=self._ageing,
            )
            self._scopes[key] = Scope(pricing, self._totals)
        return self._scopes[key]


def equity_of(*, holdings: Holdings, board: PriceBoard) -> Decimal:
    """Return the equity of these holdings at these marks."""
    return Book(holdings=holdings, board=board).equity
