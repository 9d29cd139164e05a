"""Accounts, marks and books in one line each."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from portfolio.domain.holdings import (
    Account,
    AccountKind,
    Balance,
    Holdings,
    Position,
    Side,
    VenueKind,
)
from portfolio.domain.prices import Mark, PriceBoard, PricingVenue
from portfolio.domain.valuation import Book

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KRAKEN = PricingVenue(slug="kraken", kind=VenueKind.EXCHANGE)
MEXC = PricingVenue(slug="mexc", kind=VenueKind.EXCHANGE)
PUSHED = PricingVenue(slug="pushed", kind=VenueKind.EXCHANGE, is_pushed=True)
MANUAL = PricingVenue(slug="manual", kind=VenueKind.MANUAL, is_pushed=True)
PAPER = PricingVenue(slug="paper", kind=VenueKind.PAPER)
VENUES = (KRAKEN, MEXC, PUSHED, MANUAL, PAPER)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def mark(
    instrument: str,
    price: str,
    *,
    venue: str = "kraken",
    at: datetime = AT,
    source_at: datetime | None = None,
) -> Mark:
    return Mark(
        venue=venue,
        instrument=instrument,
        price=Decimal(price),
        source_at=source_at,
        received_at=at,
        confirmed_at=at,
    )


def account(
    number: int = 1,
    *,
    venue: PricingVenue = KRAKEN,
    kind: AccountKind = AccountKind.SPOT,
    snapshot_at: datetime | None = AT,
    equity: str | None = None,
    currency: str = "USDT",
) -> Account:
    return Account(
        id=number,
        slug=f"{venue.slug}-{number}",
        venue=venue.slug,
        venue_kind=venue.kind,
        kind=kind,
        is_venue_fed=venue.kind is not VenueKind.MANUAL,
        snapshot_at=snapshot_at,
        venue_equity=None if equity is None else Decimal(equity),
        venue_equity_currency=None if equity is None else currency,
    )


def margin(number: int = 1, *, equity: str | None = None, currency: str = "USDT") -> Account:
    return account(number, kind=AccountKind.MARGIN, equity=equity, currency=currency)


def balance(asset: str, total: str, *, of: int = 1) -> Balance:
    return Balance(account_id=of, asset=asset, total=Decimal(total))


def position(
    instrument: str,
    side: Side,
    quantity: str,
    entry: str,
    *,
    of: int = 1,
    size: str = "1",
    is_inverse: bool = False,
    snapshot_mark: str | None = None,
) -> Position:
    return Position(
        account_id=of,
        instrument=instrument,
        side=side,
        quantity=Decimal(quantity),
        entry_price=Decimal(entry),
        contract_size=Decimal(size),
        is_inverse=is_inverse,
        snapshot_mark=None if snapshot_mark is None else Decimal(snapshot_mark),
    )


def holdings(
    *lines: Balance | Position,
    accounts: tuple[Account, ...] | None = None,
    pegs: tuple[str, ...] = (),
    reference: str = "USDT",
) -> Holdings:
    return Holdings(
        version=1,
        reference_currency=reference,
        pegs=frozenset(pegs),
        accounts=(account(),) if accounts is None else accounts,
        balances=tuple(line for line in lines if isinstance(line, Balance)),
        positions=tuple(line for line in lines if isinstance(line, Position)),
    )


def board(*marks: Mark, venues: tuple[PricingVenue, ...] = VENUES) -> PriceBoard:
    return PriceBoard.of(venues, marks)


def book(
    *lines: Balance | Position,
    marks: tuple[Mark, ...] = (),
    accounts: tuple[Account, ...] | None = None,
    pegs: tuple[str, ...] = (),
    venues: tuple[PricingVenue, ...] = VENUES,
) -> Book:
    return Book(
        holdings=holdings(*lines, accounts=accounts, pegs=pegs), board=board(*marks, venues=venues)
    )
