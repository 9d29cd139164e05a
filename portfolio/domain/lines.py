"""The valuation line by line: for pages, evidence and data quality."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from portfolio.domain.holdings import Account, Position, Side, base_of
from portfolio.domain.pools import Node, Pool, signed_size
from portfolio.domain.prices import Mark, Rate, rate_of
from riskconsole.kernel.numbers import EXACT, ZERO


class LineKind(StrEnum):
    BALANCE = "BALANCE"
    POSITION = "POSITION"
    VENUE_EQUITY = "VENUE_EQUITY"


class LineFlag(StrEnum):
    """What a reader of the line has to know; the values are shown as they are."""

    UNPRICED = "no price"
    NOT_COUNTED = "not counted"
    IN_VENUE_EQUITY = "in venue equity"
    OTHER_VENUE = "price of another venue"
    PEG = "peg"
    EXCEPTED = "not read since the reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How far a line's value moves with one asset, in the reference currency; negative if short.

    :param marks: the marks that say so
    """

    asset: str
    amount: Decimal
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One holding and what it is worth.

    :param price: of a balance in the reference currency, of a position its own mark
    :param value: what it adds to the equity, in the reference currency; None while missing
    :param notional: what it adds to the gross exposure
    :param pnl: unrealized, of a position, in the reference currency
    :param marks: every mark that the value rests on
    """

    account: Account
    kind: LineKind
    name: str
    side: Side | None
    quantity: Decimal
    price: Decimal | None
    path: tuple[str, ...]
    source: str
    confirmed_at: datetime | None
    value: Decimal | None
    notional: Decimal
    pnl: Decimal | None
    flags: tuple[LineFlag, ...]
    marks: tuple[Mark, ...]
    exposures: tuple[Exposure, ...]

    @property
    def label(self) -> str:
        """How a person names the line: perp BTC/USDT:USDT SHORT."""
        return " ".join(filter(None, (self.account.slug, self.name, self.side)))

    @property
    def is_missing(self) -> bool:
        return self.value is None

    @property
    def is_owed(self) -> bool:
        """Whether a rising price costs money: a short, or a debt."""
        return self.side is Side.SHORT or self.quantity < ZERO

    @property
    def size(self) -> Decimal:
        """How much of the equity hangs on the line."""
        return max(self.notional, (self.value or ZERO).copy_abs())


def amount_line(
    *,
    account: Account,
    kind: LineKind,
    asset: str,
    amount: Decimal,
    node: Node | None,
    reference: str,
    is_counted: bool,
) -> Line:
    """Return the line of a balance or a venue's equity figure; without a node it adds nothing."""
    rate = _rate(node, reference)
    value = _amount_value(amount=amount, node=node, rate=rate, is_counted=is_counted)
    moves = asset != reference and value is not None
    marks = rate.marks if rate else ()
    return Line(
        account=account,
        kind=kind,
        name=asset,
        side=None,
        quantity=amount,
        price=rate.price if rate else None,
        path=rate.path if rate else (),
        source=rate.source if rate else "",
        confirmed_at=rate.confirmed_at if rate else None,
        value=value,
        notional=value.copy_abs() if value is not None and moves else ZERO,
        pnl=None,
        flags=_amount_flags(account=account, node=node, rate=rate, is_counted=is_counted),
        marks=marks,
        exposures=(Exposure(asset=asset, amount=value, marks=marks),) if value and moves else (),
    )


def position_line(
    *, account: Account, position: Position, pool: Pool, base_price: Decimal | None, reference: str
) -> Line:
    """Return the line of a position whose equity counts from base_price."""
    rate, mark = _rate(pool.node, reference), pool.mark
    line = _missing_position(account=account, position=position, mark=mark)
    if rate is None or mark is None or base_price is None:
        return line
    settled = _settle(position=position, pool=pool, mark=mark, base_price=base_price)
    value, pnl, notional = (EXACT.multiply(amount, rate.price) for amount in settled)
    marks = (mark, *rate.marks)
    signed = notional if position.side is Side.LONG else notional.copy_negate()
    exposures = [Exposure(asset=base_of(position.instrument), amount=signed, marks=(mark,))]
    if pool.node.asset != reference:
        exposures.append(Exposure(asset=pool.node.asset, amount=value, marks=rate.marks))
    return replace(
        line,
        path=(position.instrument, *rate.path),
        source=", ".join(dict.fromkeys(used.venue for used in marks)),
        confirmed_at=min(used.confirmed_at for used in marks),
        value=value,
        notional=notional,
        pnl=pnl,
        flags=_price_flags(account, marks, rate),
        marks=marks,
        exposures=tuple(exposures),
    )


def _missing_position(*, account: Account, position: Position, mark: Mark | None) -> Line:
    return Line(
        account=account,
        kind=LineKind.POSITION,
        name=position.instrument,
        side=position.side,
        quantity=position.quantity,
        price=mark.price if mark else None,
        path=(position.instrument,),
        source=mark.venue if mark else "",
        confirmed_at=mark.confirmed_at if mark else None,
        value=None,
        notional=ZERO,
        pnl=None,
        flags=(LineFlag.UNPRICED,),
        marks=(),
        exposures=(),
    )


def _settle(
    *, position: Position, pool: Pool, mark: Mark, base_price: Decimal
) -> tuple[Decimal, Decimal, Decimal]:
    """Return value, P&L and notional in the settlement asset."""
    size, quote = signed_size(position), pool.quote_of(mark.price)

    def since(price: Decimal) -> Decimal:
        return EXACT.multiply(size, EXACT.subtract(quote, pool.quote_of(price)))

    notional = EXACT.multiply(size, quote).copy_abs()
    return since(base_price), since(position.entry_price), notional


def _amount_value(
    *, amount: Decimal, node: Node | None, rate: Rate | None, is_counted: bool
) -> Decimal | None:
    if rate is not None:
        return EXACT.multiply(amount, rate.price)
    return None if node is not None and is_counted else ZERO


def _amount_flags(
    *, account: Account, node: Node | None, rate: Rate | None, is_counted: bool
) -> tuple[LineFlag, ...]:
    if node is None:
        return (LineFlag.IN_VENUE_EQUITY,) if account.counts_venue_equity else ()
    if rate is None:
        return (LineFlag.UNPRICED if is_counted else LineFlag.NOT_COUNTED,)
    return _price_flags(account, rate.marks, rate)


def _price_flags(account: Account, marks: tuple[Mark, ...], rate: Rate) -> tuple[LineFlag, ...]:
    is_foreign = any(mark.venue != account.venue for mark in marks)
    found = {
        LineFlag.OTHER_VENUE: is_foreign,
        LineFlag.PEG: rate.is_pegged,
        LineFlag.EXCEPTED: account.is_excepted,
    }
    return tuple(flag for flag, holds in found.items() if holds)


def _rate(node: Node | None, reference: str) -> Rate | None:
    price = node.rate() if node else None
    if node is None or price is None:
        return None
    return rate_of(price=price, marks=node.marks(), is_pegged=node.root() != reference)
