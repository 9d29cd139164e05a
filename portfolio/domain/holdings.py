"""What a portfolio holds: accounts, balances, positions, and how an instrument is spelled."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from riskconsole.kernel.errors import RiskConsoleError


class Side(StrEnum):
    LONG = "LONG"
    SHORT = "SHORT"


class AccountKind(StrEnum):
    SPOT = "SPOT"
    MARGIN = "MARGIN"


class VenueKind(StrEnum):
    MANUAL = "MANUAL"
    PAPER = "PAPER"
    EXCHANGE = "EXCHANGE"


class MalformedInstrument(RiskConsoleError):
    """A text is not an instrument: BTC/USDT spot, BTC/USDT:USDT linear, BTC/USD:BTC inverse."""


class Symbol(NamedTuple):
    """An instrument taken apart; settle is empty for a spot market."""

    base: str
    quote: str
    settle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account at one venue.

    :param is_venue_fed: its snapshots come from the venue, so they age; a person's do not
    :param snapshot_at: of the last complete snapshot; None before the first
    :param venue_equity: the venue's own equity figure, in venue_equity_currency
    :param is_excepted: its age is no matter: a reset accepted its last quantities
    """

    id: int
    slug: str
    venue: str
    venue_kind: VenueKind
    kind: AccountKind
    is_venue_fed: bool
    snapshot_at: datetime | None
    venue_equity: Decimal | None = None
    venue_equity_currency: str | None = None
    is_excepted: bool = False

    def __post_init__(self) -> None:
        if self.venue_equity is not None and not self.venue_equity_currency:
            raise ValueError(f"Account {self.slug} has a venue equity without its currency")

    @property
    def counts_venue_equity(self) -> bool:
        """Whether the venue's own figure stands for the wallet."""
        return self.kind is AccountKind.MARGIN and self.venue_equity is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The total of one asset in one account; below zero is a debt."""

    account_id: int
    asset: str
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One side of one instrument in one account.

    :param quantity: contracts, above zero; the side carries the sign
    :param contract_size: base units of a linear contract, quote units of an inverse one
    :param snapshot_mark: the venue's mark price at the moment of the account's snapshot
    """

    account_id: int
    instrument: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    contract_size: Decimal
    is_inverse: bool
    snapshot_mark: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Everything one portfolio holds, and what it is counted in.

    :param pegs: assets that this portfolio takes to be worth one reference unit
    """

    version: int
    reference_currency: str
    pegs: frozenset[str]
    accounts: tuple[Account, ...]
    balances: tuple[Balance, ...]
    positions: tuple[Position, ...]


@lru_cache(maxsize=65536)
def symbol_of(instrument: str) -> Symbol:
    """Return the parts of an instrument; an expiry behind the settlement asset is dropped.

    :raises MalformedInstrument: for anything else
    """
    pair, colon, contract = instrument.partition(":")
    base, _, quote = pair.partition("/")
    settle = contract.partition("-")[0]
    parts = (base, quote, settle) if colon else (base, quote)
    if not all(part and part.isprintable() and not set(part) & set("/: ") for part in parts):
        raise MalformedInstrument(f"{instrument[:40]!r} is not an instrument such as BTC/USDT")
    return Symbol(base=base, quote=quote, settle=settle)


def base_of(instrument: str) -> str:
    """Return BTC for BTC/USDT and BTC/USDT:USDT."""
    return symbol_of(instrument).base


def quote_of(instrument: str) -> str:
    """Return USD for BTC/USD:BTC."""
    return symbol_of(instrument).quote


def settle_of(instrument: str) -> str:
    """Return BTC for BTC/USD:BTC; a spot market settles in its quote."""
    symbol = symbol_of(instrument)
    return symbol.settle or symbol.quote
