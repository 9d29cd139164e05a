"""The simulated venue's rules: how its market moves, and what a fill does to an account."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import Side, base_of
from riskconsole.kernel.numbers import ONE, ROUNDED, ZERO, to_money_step

# One step is one second.
STEP_RATIO = Decimal("0.0004")
CRASH_STEPS = 30
CRASH_STEP_FACTOR = Decimal("0.99722")
PRICE_DIGITS = 8

_SHOCK_UNITS = 10**9
_OPENING_PRICES = {
    "BTC": Decimal(60_000),
    "ETH": Decimal(3_000),
    "SOL": Decimal(150),
    "XRP": Decimal("0.6"),
}
_UNKNOWN_PRICE = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """One side of a position."""

    quantity: Decimal
    entry_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpFill:
    """What is left of both sides after a fill, and what it earned in the settlement asset."""

    lots: Mapping[Side, Lot]
    realized: Decimal


def opening_price(instrument: str, *, hint: Decimal = _UNKNOWN_PRICE) -> Decimal:
    """Return where a simulated market opens when no position says so."""
    return _OPENING_PRICES.get(base_of(instrument), hint)


def next_price(
    price: Decimal, *, seed: int, instrument: str, step: int, is_crashing: bool
) -> Decimal:
    """Return the price after one step of a geometric random walk; the same for the same step."""
    drift = CRASH_STEP_FACTOR if is_crashing else ONE
    moved = ROUNDED.multiply(price, drift * (ONE + _shock(f"{seed}:{instrument}:{step}")))
    return max(_rounded(moved), Decimal(1).scaleb(-PRICE_DIGITS))


def has_crossed(*, side: OrderSide, order_type: OrderType, price: Decimal, mark: Decimal) -> bool:
    """Return whether a mark fills a limit or triggers a stop; at the price itself it does."""
    if (side is OrderSide.BUY) is (order_type is OrderType.LIMIT):
        return mark <= price
    return mark >= price


def perp_fill(
    lots: Mapping[Side, Lot],
    *,
    side: OrderSide,
    quantity: Decimal,
    price: Decimal,
    is_reduce_only: bool,
) -> PerpFill:
    """Return the lots after a fill: it closes the other side first and opens what is left over."""
    opens, closes = (Side.LONG, Side.SHORT) if side is OrderSide.BUY else (Side.SHORT, Side.LONG)
    after = dict(lots)
    closed = min(quantity, after[closes].quantity) if closes in after else ZERO
    realized = ZERO
    if closed:
        gain = price - after[closes].entry_price
        realized = to_money_step(closed * (gain if closes is Side.LONG else -gain))
        after[closes] = Lot(
            quantity=after[closes].quantity - closed, entry_price=after[closes].entry_price
        )
    opened = ZERO if is_reduce_only else quantity - closed
    if opened:
        after[opens] = _added(after.get(opens), quantity=opened, price=price)
    return PerpFill(
        lots={side: lot for side, lot in after.items() if lot.quantity}, realized=realized
    )


def _added(lot: Lot | None, *, quantity: Decimal, price: Decimal) -> Lot:
    if lot is None:
        return Lot(quantity=quantity, entry_price=price)
    total = lot.quantity + quantity
    cost = lot.quantity * lot.entry_price + quantity * price
    return Lot(quantity=total, entry_price=to_money_step(ROUNDED.divide(cost, total)))


def _shock(key: str) -> Decimal:
    """Return a number between -STEP_RATIO and +STEP_RATIO that only the key decides."""
    drawn = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % (2 * _SHOCK_UNITS + 1)
    return STEP_RATIO * (Decimal(drawn) / _SHOCK_UNITS - 1)


def _rounded(price: Decimal) -> Decimal:
    return price.quantize(Decimal(1).scaleb(-PRICE_DIGITS), context=ROUNDED)
