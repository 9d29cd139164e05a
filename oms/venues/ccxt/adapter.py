"""The port onto a real exchange: what its capabilities say, through one signed client."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial

from oms.domain.credentials import Credentials
from oms.domain.orders import CancelAnswer
from oms.venues.base import (
    AccountSnapshot,
    FoundOrder,
    KeyPermissions,
    MarketRules,
    OrderList,
    Quote,
    ReduceOrder,
)
from oms.venues.ccxt.capabilities import capabilities_of
from oms.venues.ccxt.client import Client
from oms.venues.ccxt.market import Market
from oms.venues.nonces import turn_of
from portfolio.domain.holdings import AccountKind
from portfolio.models import VenueAccount


class CcxtAdapter:
    """One account at one exchange, for one attempt: it talks to nobody before it is asked.

    :param emergency: takes no turn behind readings: connections of its own, and no throttle
    """

    def __init__(self, *, account: VenueAccount, credentials: Credentials, emergency: bool) -> None:
        venue = account.venue
        self.capabilities = capabilities_of(exchange=venue.exchange, kind=AccountKind(account.kind))
        make = self.capabilities.market
        client = Client(
            exchange=venue.exchange,
            credentials=credentials,
            lane=(account.pk, emergency),
            is_throttled=not emergency,
            options=make.options,
            turn=partial(turn_of, credentials.key) if make.needs_nonce else None,
        )
        self._client = client
        self._market: Market = make(client, rest=venue.urls.get("rest", ""))

    def open_orders(self) -> OrderList:
        """List what is open in every scope; incomplete if a scope or an order was not read."""
        with self._client.within_time():
            return self._market.open_orders()

    def cancel_all(self) -> None:
        """Ask for the end of every order; a return means that the venue took the request."""
        with self._client.within_time():
            self._market.cancel_all()

    def cancel_orders(self, ids: Collection[str]) -> Mapping[str, CancelAnswer]:
        """Ask for the end of these orders, each answered for itself."""
        with self._client.within_time():
            return self._market.cancel_orders(ids)

    def snapshot(self, *, now: datetime) -> AccountSnapshot:
        """Read balances and positions, whole or not at all."""
        with self._client.within_time():
            return self._market.snapshot(now=now)

    def quotes(self, instruments: Sequence[str]) -> tuple[Quote, ...]:
        """Read mark prices, or the middle of bid and ask where there are none."""
        with self._client.within_time():
            known = self._market.instruments().by_symbol
            wanted = [known[symbol] for symbol in dict.fromkeys(instruments) if symbol in known]
            if not wanted:
                return ()
            found = {quote.instrument: quote for quote in self._market.quotes(wanted)}
        return tuple(found[row.symbol] for row in wanted if row.symbol in found)

    def listed_instruments(self) -> frozenset[str]:
        """Return every instrument that trades there."""
        with self._client.within_time():
            return frozenset(self._market.instruments().by_symbol)

    def reduce(self, order: ReduceOrder) -> None:
        """Ask for a reduction; a return proves nothing about fills."""
        with self._client.within_time():
            self._market.reduce(order, self._market.instrument(order.instrument))

    def find_order(self, *, client_id: str, instrument: str) -> FoundOrder | None:
        """Look an order up by its client id; None means that the venue knows no such order."""
        with self._client.within_time():
            known = self._market.instrument(instrument)
            return self._market.find_order(client_id=client_id, instrument=known)

    def market_rules(self, instrument: str) -> MarketRules:
        """Return what the venue demands of an order in this instrument."""
        with self._client.within_time():
            return self._market.instrument(instrument).rules

    def key_permissions(self) -> KeyPermissions:
        """Return what the venue tells of the key that this adapter signs with."""
        with self._client.within_time():
            return self._market.key_permissions()
