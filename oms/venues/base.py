"""The port: everything that this console may ask of a venue. It can cancel and reduce, never open.

    VenueError
      x Retryable         the venue could not answer or asked to slow down; nothing was done
      x Unknown           it was asked, and whether it did it is not known
      x Fatal             trying again will not help until a human acted
        · AuthFailed      the key or its signature is refused
        · NoPermission    the key may not do this
        · Suspended       the account or the whole venue is shut
      x Unsupported       the venue or its adapter cannot do this at all
      x Rejected          the venue understood this one request and refused it

A call ends within TIMEOUT, its pages included, or raises Unknown or Retryable. Nothing that an
adapter returns after a cancel is evidence: only a complete listing says what is open. The same
holds for a reduction: only a look-up by its client id and a snapshot say what it did.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from oms.domain.orders import CancelAnswer, OpenOrder, OrderSide
from portfolio.domain.holdings import Side
from riskconsole.kernel.errors import RiskConsoleError

TIMEOUT = timedelta(seconds=4)


class VenueError(RiskConsoleError):
    """A venue did not do, or did not confirm, what was asked."""


class Retryable(VenueError):
    """The venue could not answer, or asked to slow down: ask again after a pause."""

    def __init__(self, message: str, *, after: timedelta = timedelta(0)) -> None:
        super().__init__(message)
        self.after = after


class Unknown(VenueError):
    """The request was sent and its outcome is not known: ask what is open."""


class Fatal(VenueError):
    """The venue refuses this account until a human acted."""


class AuthFailed(Fatal):
    """The key or its signature is refused."""


class NoPermission(Fatal):
    """The key may not do this."""


class Suspended(Fatal):
    """The account, or trading on the whole venue, is shut."""


class Unsupported(VenueError):
    """There is no way to ask this venue for it."""


class Rejected(VenueError):
    """The venue understood this one request and refused it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderList:
    """Open orders in every scope of the account.

    :param is_complete: every scope and page was read
    """

    orders: tuple[OpenOrder, ...]
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePosition:
    """One side of one instrument; quantity is in contracts, above zero.

    :param mark: the venue's mark price at the snapshot
    """

    instrument: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    contract_size: Decimal
    is_inverse: bool
    mark: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """All that an account holds; made only if every call and page succeeded.

    :param balances: totals by asset; below zero is a debt
    :param venue_equity: the venue's own figure, in venue_equity_currency; None where it has none
    :param free: of the balances, what no order and no lock holds; None where it is not told
    :param as_of: the time that the venue states, or the time it was asked
    """

    balances: Mapping[str, Decimal]
    positions: tuple[VenuePosition, ...]
    as_of: datetime
    venue_equity: Decimal | None = None
    venue_equity_currency: str = ""
    free: Mapping[str, Decimal] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The mark price of one instrument.

    :param source_at: as the venue states it; None where it does not
    """

    instrument: str
    price: Decimal
    source_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceOrder:
    """A reduce-only limit order that fills at once or is gone.

    :param client_id: what the venue knows it by, and refuses a second time
    :param position_side: the side that it reduces, for venues in hedge mode; None on spot
    :param quantity: contracts, or units on spot
    """

    client_id: str
    instrument: str
    side: OrderSide
    position_side: Side | None
    quantity: Decimal
    limit_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOrder:
    """What a venue knows of an order that was asked for by its client id."""

    client_id: str
    filled: Decimal
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """What a venue demands of an order in one instrument.

    :param min_notional: in the quote of the instrument; zero where there is none
    """

    quantity_step: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    price_step: Decimal
    is_tradable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissions:
    """What a key may do and whose it is; None is what the venue does not tell."""

    may_withdraw: bool | None
    may_trade: bool | None
    account_id: str | None
    has_address_list: bool | None
    expires_at: datetime | None


class VenueAdapter(Protocol):
    """One account at one venue. Every method may raise any VenueError."""

    def open_orders(self) -> OrderList:
        """List what is open, trigger orders included."""
        ...

    def cancel_all(self) -> None:
        """Ask for the end of every order; a return means that the venue took the request."""
        ...

    def cancel_orders(self, ids: Collection[str]) -> Mapping[str, CancelAnswer]:
        """Ask for the end of these orders, each answered for itself."""
        ...

    def snapshot(self, *, now: datetime) -> AccountSnapshot:
        """Read balances and positions."""
        ...

    def quotes(self, instruments: Sequence[str]) -> tuple[Quote, ...]:
        """Read mark prices; an instrument without one is left out."""
        ...

    def listed_instruments(self) -> frozenset[str]:
        """Return every instrument that trades there."""
        ...

    def reduce(self, order: ReduceOrder) -> None:
        """Ask for a reduction; a return proves nothing about fills."""
        ...

    def find_order(self, *, client_id: str, instrument: str) -> FoundOrder | None:
        """Look an order up by its client id; None means that the venue knows no such order."""
        ...

    def market_rules(self, instrument: str) -> MarketRules:
        """Return what the venue demands of an order in this instrument."""
        ...

    def key_permissions(self) -> KeyPermissions:
        """Return what the venue tells of the key that this adapter signs with."""
        ...
