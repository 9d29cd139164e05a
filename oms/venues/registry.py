"""Which adapter speaks to an account's venue."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from oms.domain.orders import CancelAnswer
from oms.venues.base import (
    AccountSnapshot,
    FoundOrder,
    MarketRules,
    OrderList,
    Quote,
    ReduceOrder,
    Unsupported,
    VenueAdapter,
)
from oms.venues.paper import PaperAdapter
from portfolio.domain.holdings import VenueKind
from portfolio.models import VenueAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAdapter:
    """Stands for a venue that the console cannot talk to: every call says so."""

    venue: str

    def open_orders(self) -> OrderList:
        self._refuse()

    def cancel_all(self) -> None:
        self._refuse()

    def cancel_orders(self, ids: Collection[str]) -> Mapping[str, CancelAnswer]:
        self._refuse()

    def snapshot(self, *, now: datetime) -> AccountSnapshot:
        self._refuse()

    def quotes(self, instruments: Sequence[str]) -> tuple[Quote, ...]:
        self._refuse()

    def listed_instruments(self) -> frozenset[str]:
        self._refuse()

    def reduce(self, order: ReduceOrder) -> None:
        self._refuse()

    def find_order(self, *, client_id: str, instrument: str) -> FoundOrder | None:
        self._refuse()

    def market_rules(self, instrument: str) -> MarketRules:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise Unsupported(f"There is no connection to {self.venue}")


def adapter_for(account: VenueAccount) -> VenueAdapter:
    """Return the adapter of an account, its venue loaded; it talks to nobody yet."""
    if account.venue.kind == VenueKind.PAPER:
        return PaperAdapter(account=account)
    return NoAdapter(venue=account.venue.slug)
