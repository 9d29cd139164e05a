"""What is closed, and by which orders.

A close only reduces: one order of the opposite side, never for more than was just read, rounded
down to the venue's lot, at a limit that lies at most 3 % through a fresh mark.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from oms.domain.growth import CASH
from oms.domain.orders import OrderSide
from portfolio.domain.holdings import Side
from portfolio.domain.prices import INTERMEDIATES
from riskconsole.kernel.numbers import EXACT, ONE, ZERO

COLLAR = Decimal("0.03")


class ResidualReason(StrEnum):
    """Why something stays: nobody has to act on it."""

    CASH = "CASH"
    DUST = "DUST"
    LOCKED = "LOCKED"
    DEBT = "DEBT"
    NO_MARKET = "NO_MARKET"


class Obstacle(StrEnum):
    """Why something that has to go cannot be sent now."""

    NO_RULES = "NO_RULES"
    NO_FRESH_MARK = "NO_FRESH_MARK"
    NOT_TRADABLE = "NOT_TRADABLE"
    UNSETTLED = "UNSETTLED"


class Rules(Protocol):
    """What a venue demands of an order in one instrument."""

    @property
    def quantity_step(self) -> Decimal: ...
    @property
    def min_quantity(self) -> Decimal: ...
    @property
    def min_notional(self) -> Decimal: ...
    @property
    def price_step(self) -> Decimal: ...
    @property
    def is_tradable(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What an account holds of one thing that may have to go, as just read from the venue.

    :param name: the instrument of a position, the asset of a spot holding
    :param instrument: the market it is closed on; empty where there is none
    :param side: of the holding; a debt is a short
    :param position_side: what an order has to state; None on spot
    :param closable: how much of the quantity no other order and no lock holds
    :param is_cash: the reference currency or what counts as one: it is not sold
    :param is_inverse: quantity times contract size counts quote units already
    """

    name: str
    instrument: str
    side: Side
    position_side: Side | None
    quantity: Decimal
    closable: Decimal
    contract_size: Decimal = ONE
    is_inverse: bool = False
    is_cash: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """One order to send."""

    instrument: str
    side: OrderSide
    position_side: Side | None
    quantity: Decimal
    limit_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """What stays although it is held."""

    name: str
    side: Side
    quantity: Decimal
    reason: ResidualReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """What has to go and cannot be sent now."""

    instrument: str
    obstacle: Obstacle


def position_exposure(
    *,
    instrument: str,
    side: Side,
    quantity: Decimal,
    contract_size: Decimal = ONE,
    is_inverse: bool = False,
) -> Exposure:
    """Return a position as something to close on its own instrument."""
    return Exposure(
        name=instrument,
        instrument=instrument,
        side=side,
        position_side=side,
        quantity=quantity,
        closable=quantity,
        contract_size=contract_size,
        is_inverse=is_inverse,
    )


def spot_exposures(
    balances: Mapping[str, Decimal],
    *,
    free: Mapping[str, Decimal] | None,
    currency: str,
    pegs: frozenset[str],
    listed: frozenset[str],
) -> list[Exposure]:
    """Return every asset but what is held of the reference currency, each with its market.

    :param free: what no order and no lock holds; None where the venue does not tell
    :param listed: the instruments that trade at the venue
    """
    quotes = dict.fromkeys((currency, *sorted(pegs), *(a for a in INTERMEDIATES if a in CASH)))
    return [
        Exposure(
            name=asset,
            instrument="" if asset in quotes else _market(asset, quotes, listed),
            side=Side.LONG if total > ZERO else Side.SHORT,
            position_side=None,
            quantity=abs(total),
            closable=total if free is None else min(total, free.get(asset, ZERO)),
            is_cash=asset in quotes,
        )
        for asset, total in sorted(balances.items())
        if total < ZERO or (total and asset != currency)
    ]


def plan(
    exposure: Exposure, *, rules: Rules, mark: Decimal | None, is_settled: bool
) -> Close | Residual | Blocked:
    """Return the order that closes an exposure with a market, why it stays, or what is in the way.

    :param mark: fresh, of this very instrument; None where there is none
    :param is_settled: what became of every earlier order for it is known
    """
    quantity = _floored(exposure.closable, rules.quantity_step)
    if not is_settled:
        return Blocked(instrument=exposure.instrument, obstacle=Obstacle.UNSETTLED)
    if quantity <= ZERO or quantity < rules.min_quantity:
        return _left(exposure, rules=rules)
    if mark is None:
        return Blocked(instrument=exposure.instrument, obstacle=Obstacle.NO_FRESH_MARK)
    if notional(exposure, quantity=quantity, mark=mark) < rules.min_notional:
        return residual(exposure, ResidualReason.DUST)
    if not rules.is_tradable:
        return Blocked(instrument=exposure.instrument, obstacle=Obstacle.NOT_TRADABLE)
    side = OrderSide.SELL if exposure.side is Side.LONG else OrderSide.BUY
    return Close(
        instrument=exposure.instrument,
        side=side,
        position_side=exposure.position_side,
        quantity=quantity,
        limit_price=limit_price(mark, side=side, step=rules.price_step),
    )


def marketless(exposure: Exposure) -> Residual | None:
    """Return why something stays that no market takes; None where there is one."""
    if exposure.position_side is None and exposure.side is Side.SHORT:
        return residual(exposure, ResidualReason.DEBT)
    if exposure.instrument:
        return None
    reason = ResidualReason.CASH if exposure.is_cash else ResidualReason.NO_MARKET
    return residual(exposure, reason)


def residual(exposure: Exposure, reason: ResidualReason) -> Residual:
    return Residual(
        name=exposure.name, side=exposure.side, quantity=exposure.quantity, reason=reason
    )


def notional(exposure: Exposure, *, quantity: Decimal, mark: Decimal) -> Decimal:
    """Return what a quantity of it is worth, in the quote of its market."""
    units = EXACT.multiply(quantity, exposure.contract_size)
    return units if exposure.is_inverse else EXACT.multiply(units, mark)


def limit_price(mark: Decimal, *, side: OrderSide, step: Decimal) -> Decimal:
    """Return the worst price to take: 3 % through the mark, rounded to the step towards it."""
    if side is OrderSide.BUY:
        # A price below the first step has no other step than that.
        return max(_floored(EXACT.multiply(mark, ONE + COLLAR), step), step)
    worst = EXACT.multiply(mark, ONE - COLLAR)
    floored = _floored(worst, step)
    return floored if floored == worst else EXACT.add(floored, step)


def _left(exposure: Exposure, *, rules: Rules) -> Residual:
    """Return a residual too small to be sent, or held by a lock."""
    is_dust = _floored(exposure.quantity, rules.quantity_step) < max(
        rules.min_quantity, rules.quantity_step
    )
    return residual(exposure, ResidualReason.DUST if is_dust else ResidualReason.LOCKED)


def _market(asset: str, quotes: Iterable[str], listed: frozenset[str]) -> str:
    return next((f"{asset}/{quote}" for quote in quotes if f"{asset}/{quote}" in listed), "")


def _floored(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of the step that is not more; zero where there is none."""
    return EXACT.subtract(value, EXACT.remainder(value, step)) if value > ZERO else ZERO
