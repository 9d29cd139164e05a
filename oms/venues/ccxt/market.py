"""What one market of one venue has to know: the frame that each market's file fills in."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from oms.domain.orders import CancelAnswer
from oms.venues.base import (
    AccountSnapshot,
    FoundOrder,
    KeyPermissions,
    MarketRules,
    OrderList,
    Quote,
    ReduceOrder,
    Rejected,
    Unknown,
    VenueError,
)
from oms.venues.ccxt.client import Client
from riskconsole.kernel.numbers import ONE, ZERO, to_money_step

KEPT_SECONDS = 600
Cancel = Callable[[Sequence[str]], Mapping[str, CancelAnswer]]

_HALF = Decimal("0.5")


class CancelAll(StrEnum):
    """How a market's orders are all cancelled."""

    NATIVE = "NATIVE"
    PER_SYMBOL = "PER_SYMBOL"
    BY_ID = "BY_ID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One instrument that trades at the venue; id is the venue's own name of it, as is alias."""

    id: str
    symbol: str
    rules: MarketRules
    alias: str = ""
    contract_size: Decimal = ONE
    is_inverse: bool = False


@dataclass(frozen=True, slots=True)
class Instruments:
    """Every instrument of one market, as read at a time of the monotonic clock."""

    by_symbol: Mapping[str, Instrument]
    by_id: Mapping[str, Instrument]
    read_at: float


_kept: dict[tuple[str, str], Instruments] = {}
_keeping = threading.Lock()


class Market(ABC):
    """One account at one market; every method may raise any VenueError.

    :param rest: where the market is instead of its own address
    """

    options: ClassVar[Mapping[str, Any]] = {}
    batch: ClassVar[int] = 50
    needs_nonce: ClassVar[bool] = False

    def __init__(self, client: Client, *, rest: str = "") -> None:
        self.client = client
        self.rest = rest
        if rest:
            self.point_at(rest.rstrip("/"))

    @abstractmethod
    def point_at(self, rest: str) -> None:
        """Send every request to this address."""

    @abstractmethod
    def read_instruments(self) -> Iterable[Instrument]:
        """Ask for everything that trades."""

    @abstractmethod
    def guess(self, instrument_id: str) -> str:
        """Return the symbol that the venue's name of an instrument most likely stands for."""

    @abstractmethod
    def open_orders(self) -> OrderList:
        """List every scope of open orders."""

    @abstractmethod
    def cancel_all(self) -> None:
        """Ask for the end of every order in every scope."""

    @abstractmethod
    def cancel_batch(self, ids: Sequence[str]) -> Mapping[str, CancelAnswer]:
        """Ask for the end of at most so many orders as `batch` says."""

    @abstractmethod
    def snapshot(self, *, now: datetime) -> AccountSnapshot:
        """Read balances and positions."""

    @abstractmethod
    def quotes(self, instruments: Sequence[Instrument]) -> Iterable[Quote]:
        """Read the price of each of these, or of more."""

    @abstractmethod
    def reduce(self, order: ReduceOrder, instrument: Instrument) -> None:
        """Ask for a reduction."""

    @abstractmethod
    def find_order(self, *, client_id: str, instrument: Instrument) -> FoundOrder | None:
        """Look an order up by its client id."""

    @abstractmethod
    def key_permissions(self) -> KeyPermissions:
        """Return what the venue tells of the key."""

    def batches(self, ids: Sequence[str]) -> Iterator[tuple[Cancel, Sequence[str]]]:
        """Return the calls that end these orders, and which orders each of them ends."""
        for start in range(0, len(ids), self.batch):
            yield self.cancel_batch, ids[start : start + self.batch]

    def cancel_orders(self, ids: Collection[str]) -> Mapping[str, CancelAnswer]:
        """Ask for the end of these orders; one call that fails does not stop the others.

        :raises VenueError: if the venue answered none of the calls
        """
        answers: dict[str, CancelAnswer] = {}
        failed: list[tuple[Sequence[str], VenueError]] = []
        for cancel, part in self.batches(list(ids)):
            try:
                answers |= cancel(part)
            except VenueError as error:
                failed.append((part, error))
        if failed and not answers:
            raise failed[0][1]
        for part, reason in failed:
            answers |= dict.fromkeys(part, answer_to(reason))
        return {order_id: answers.get(order_id, CancelAnswer.UNKNOWN) for order_id in ids}

    def instruments(self) -> Instruments:
        """Return every instrument, read anew after ten minutes; an old list beats none."""
        kept = self._kept()
        if kept is not None and time.monotonic() - kept.read_at < KEPT_SECONDS:
            return kept
        try:
            rows = tuple(self.read_instruments())
        except VenueError:
            if kept is None:
                raise
            return kept
        return self._keep(rows)

    def instrument(self, symbol: str) -> Instrument:
        """Return one instrument.

        :raises Rejected: if nothing of that name trades here
        """
        found = self.instruments().by_symbol.get(symbol)
        if found is None:
            raise Rejected(f"{symbol} does not trade here")
        return found

    def instrument_by_id(self, instrument_id: str) -> Instrument:
        """Return one instrument by the venue's own name.

        :raises Unknown: if the venue does not list it: what is held there cannot be told
        """
        found = self.instruments().by_id.get(instrument_id)
        if found is None:
            raise Unknown(f"unverified: {instrument_id} is not listed")
        return found

    def symbol_of_id(self, instrument_id: str) -> str:
        """Return a symbol without asking the venue: emergencies wait for no list of markets."""
        kept = self._kept()
        found = kept.by_id.get(instrument_id) if kept else None
        return found.symbol if found else self.guess(instrument_id)

    def _kept(self) -> Instruments | None:
        return _kept.get((type(self).__name__, self.rest))

    def _keep(self, rows: Sequence[Instrument]) -> Instruments:
        kept = Instruments(
            by_symbol={row.symbol: row for row in rows},
            by_id={name: row for row in rows for name in (row.alias, row.id)},
            read_at=time.monotonic(),
        )
        with _keeping:
            _kept[type(self).__name__, self.rest] = kept
        return kept


def answer_to(error: VenueError) -> CancelAnswer:
    """Return what an error says of the orders that were to be cancelled."""
    return CancelAnswer.UNKNOWN if isinstance(error, Unknown) else CancelAnswer.FAILED


def middle(bid: Decimal, ask: Decimal) -> Decimal | None:
    """Return the middle of a market that has two sides."""
    if bid <= ZERO or ask <= ZERO:
        return None
    return to_money_step((bid + ask) * _HALF)


def step_of_digits(digits: int) -> Decimal:
    """Return 0.01 for 2."""
    return Decimal(1).scaleb(-digits)
