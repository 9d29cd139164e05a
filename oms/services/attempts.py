"""One attempt to empty an account: the network part, in no transaction."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from oms.domain.cancel import Evidence, Finding, Rules, kept_ids
from oms.domain.orders import CancelAnswer, OpenOrder
from oms.venues.base import (
    AccountSnapshot,
    Fatal,
    OrderList,
    Retryable,
    Unknown,
    Unsupported,
    VenueAdapter,
    VenueError,
)


@dataclass(slots=True)
class Stopwatch:
    """The time of an attempt: its start by the wall, the rest by a clock that no one can set."""

    started_at: datetime
    ticks: Callable[[], float]
    _first: float = field(init=False)

    def __post_init__(self) -> None:
        self._first = self.ticks()

    def now(self) -> datetime:
        return self.started_at + timedelta(seconds=self.ticks() - self._first)


@dataclass(slots=True, kw_only=True)
class Attempt:
    """List, cancel, list; what is left, by id, and list again.

    :param may_cancel_all: False once an order has to stay, or the account was confirmed empty:
        from then on only what was listed is cancelled, by id
    :param is_first: no listing was empty yet: cancels even if nothing is listed, for orders that
        no listing shows
    :param checks_positions: reads the account's holdings at the end
    :param may_send: takes what is about to be cancelled; False says that somebody else took over
    """

    adapter: VenueAdapter
    rules: Rules
    may_cancel_all: bool
    is_first: bool
    checks_positions: bool
    may_send: Callable[[Collection[OpenOrder]], bool]
    watch: Stopwatch
    seen: dict[str, OpenOrder] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    asked: set[str] = field(default_factory=set)
    answers: dict[str, CancelAnswer] = field(default_factory=dict)
    listing: OrderList | None = None
    listed_at: datetime | None = None
    snapshot: AccountSnapshot | None = None
    had_orders: bool = False
    error: str = ""
    is_fatal: bool = False
    retry_after: timedelta = timedelta(0)

    def run(self) -> None:
        """Leave in self what the venue did and said; no VenueError escapes."""
        self._list()
        if self._cancel():
            self._list()
            if self._cancel_by_id(self._targets()):
                self._list()
        if self.checks_positions:
            with self._noting_errors():
                self.snapshot = self.adapter.snapshot(now=self.watch.now())

    def finding(self) -> Finding:
        """Return what the attempt means for the leg."""
        return Finding(
            is_empty=self._is_empty(),
            had_orders=self.had_orders,
            listed_at=self.listed_at or self.watch.started_at,
            answered_at=self.watch.now(),
            is_fatal=self.is_fatal,
            retry_after=self.retry_after,
        )

    def evidence(self, order_id: str, *, was_asked: bool, was_kept: bool) -> Evidence:
        """Return what is known of an order that this attempt or an earlier one met."""
        is_seen = order_id in self.seen
        return Evidence(
            is_listed=self._is_listed(order_id),
            is_kept=order_id in self.kept if is_seen else was_kept,
            was_asked=was_asked or order_id in self.asked,
            answer=self.answers.get(order_id),
        )

    def _list(self) -> None:
        self.listing, self.listed_at = None, self.watch.now()
        with self._noting_errors():
            self.listing = self.adapter.open_orders()
            orders = self.listing.orders
            self.seen.update((order.id, order) for order in orders)
            self.kept |= kept_ids(orders, rules=self.rules)
            self.had_orders |= bool(self._targets())

    def _targets(self) -> tuple[OpenOrder, ...]:
        orders = self.listing.orders if self.listing else ()
        return tuple(order for order in orders if order.id not in self.kept)

    def _cancel(self) -> bool:
        targets = self._targets()
        if not self.may_cancel_all or self.kept:
            return self._cancel_by_id(targets)
        is_read = self.listing is not None and self.listing.is_complete
        if is_read and not targets and not self.is_first:
            return False
        return self._cancel_all(targets)

    def _cancel_all(self, targets: Collection[OpenOrder]) -> bool:
        if not self.may_send(targets):
            return False
        self._ask(targets)
        with self._noting_errors(targets):
            self.adapter.cancel_all()
        return True

    def _cancel_by_id(self, targets: Collection[OpenOrder]) -> bool:
        if not targets or not self.may_send(targets):
            return False
        self._ask(targets)
        with self._noting_errors(targets):
            self.answers.update(self.adapter.cancel_orders([order.id for order in targets]))
        return True

    def _ask(self, targets: Collection[OpenOrder]) -> None:
        self.asked.update(order.id for order in targets)

    @contextmanager
    def _noting_errors(self, asked: Collection[OpenOrder] = ()) -> Iterator[None]:
        try:
            yield
        except VenueError as error:
            is_unsure = isinstance(error, Unknown)
            answer = CancelAnswer.UNKNOWN if is_unsure else CancelAnswer.FAILED
            self.answers.update((order.id, answer) for order in asked)
            self.error = f"{type(error).__name__}: {error}"
            self.is_fatal |= isinstance(error, Fatal | Unsupported)
            if isinstance(error, Retryable):
                self.retry_after = max(self.retry_after, error.after)

    def _is_empty(self) -> bool | None:
        if self._targets():
            return False
        return True if self.listing is not None and self.listing.is_complete else None

    def _is_listed(self, order_id: str) -> bool | None:
        if self.listing is None:
            return None
        if any(order.id == order_id for order in self.listing.orders):
            return True
        return False if self.listing.is_complete else None
