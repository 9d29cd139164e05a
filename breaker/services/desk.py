"""This process's books: compiled once per change of holdings, moved tick by tick."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from threading import RLock

from breaker.domain.machine import Cause
from portfolio import marks
from portfolio.domain.mark_text import MarkKey
from portfolio.domain.outliers import Held as Outlier
from portfolio.domain.quality import Quality
from portfolio.domain.valuation import Book
from portfolio.models import VenueAccount
from portfolio.selectors import Held, book_of, held_by

ASSESS_EVERY = timedelta(seconds=1)


@dataclass(slots=True, kw_only=True)
class Desk:
    """One portfolio's book with what its last assessment found.

    :param decided_equity: at the last decision; another one is a reason to decide again
    :param told: the breaches that the open trip has, and the breaker's version that they belong to
    """

    book: Book
    held: Held
    quality: Quality | None = None
    assessed_at: datetime | None = None
    published_at: datetime | None = None
    decided_equity: Decimal | None = None
    told: tuple[int, frozenset[Cause]] = (0, frozenset())
    low: Decimal | None = None
    high: Decimal | None = None

    def is_assessment_due(self, now: datetime) -> bool:
        """A clock that was set back is a reason too: the last assessment is of no known age."""
        if self.assessed_at is None:
            return True
        return not timedelta(0) <= now - self.assessed_at < ASSESS_EVERY

    def note(self, equity: Decimal, *, is_whole: bool) -> None:
        """Remember an equity that was decided on, for the point of this second.

        :param is_whole: every line has a price; before that it is a part, and no point of a chart
        """
        self.decided_equity = equity
        if not is_whole:
            return
        self.low = equity if self.low is None else min(self.low, equity)
        self.high = equity if self.high is None else max(self.high, equity)

    def has_told(self, causes: Iterable[Cause], *, version: int) -> bool:
        """Return whether the trip is known to have them all: a trip never loses a breach."""
        of_version, told = self.told
        return of_version == version and told.issuperset(causes)

    def note_told(self, causes: Iterable[Cause], *, version: int) -> None:
        """Remember that the trip has these breaches, once that is committed."""
        of_version, told = self.told
        self.told = (version, (told if of_version == version else frozenset()) | set(causes))


@dataclass(slots=True)
class Desks:
    """Every desk of this process; take the lock around a look at them."""

    lock: RLock = field(default_factory=RLock)
    _desks: dict[int, Desk] = field(default_factory=dict)
    _view: marks.View = field(default_factory=marks.View)

    def refresh(self, versions: dict[int, int], *, now: datetime) -> dict[int, Desk]:
        """Bring the desks of these portfolios up to date with their holdings and all marks.

        :param versions: the holdings version of each portfolio as it was just read
        """
        self.take(self._view.refresh())
        outdated = [
            pk
            for pk, version in versions.items()
            if pk not in self._desks or self._desks[pk].book.holdings.version < version
        ]
        for pk, held in held_by(outdated).items() if outdated else ():
            book = book_of(holdings=held.now, states=self._view.states)
            self._desks[pk] = Desk(book=book, held=held)
        self._note_snapshots([pk for pk in versions if self._desks[pk].is_assessment_due(now)])
        return {pk: self._desks[pk] for pk in versions}

    def drain(self, keys: Collection[MarkKey]) -> list[int]:
        """Take the marks of these keys in; return the portfolios whose equity they moved."""
        self.take(self._view.refresh(keys))
        return [pk for pk, desk in self._desks.items() if desk.book.equity != desk.decided_equity]

    def take(self, changed: Iterable[MarkKey]) -> None:
        """Move every book by the marks that changed."""
        states = self._view.states
        accepted = [a for key in changed if (a := states[key].accepted) is not None]
        if accepted:
            for desk in self._desks.values():
                desk.book.apply(accepted)

    def outliers(self, desk: Desk) -> list[Outlier]:
        """Return the outliers that wait on instruments of the book."""
        waiting = [(key, s.held) for key, s in self._view.states.items() if s.held is not None]
        return [
            held
            for key, held in waiting
            if desk.book.needs(venue=key.venue, instrument=key.instrument)
        ]

    def forget(self) -> None:
        """Drop every desk: the database behind them is another one."""
        self._desks.clear()
        self._view = marks.View()

    def _note_snapshots(self, portfolio_ids: Collection[int]) -> None:
        """A snapshot that changed nothing still confirms its account."""
        rows = VenueAccount.objects.filter(portfolio__in=portfolio_ids)
        times: dict[int, dict[int, datetime | None]] = {pk: {} for pk in portfolio_ids}
        for portfolio_id, account_id, as_of in rows.values_list("portfolio_id", "pk", "as_of"):
            times[portfolio_id][account_id] = as_of
        for pk, found in times.items():
            self._desks[pk].book.note_snapshots(found)


desks = Desks()
