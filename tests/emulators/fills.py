"""The arithmetic of a fill; written apart from the console's own, so that it can contradict it."""

from dataclasses import dataclass
from decimal import Decimal

from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import Side

ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One side of one instrument; quantity is in contracts, above zero."""

    quantity: Decimal
    entry_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What one contract is: base units, or quote units of an inverse one."""

    size: Decimal = ONE
    is_inverse: bool = False

    def gain(self, *, quantity: Decimal, entry: Decimal, exit_: Decimal, side: Side) -> Decimal:
        """Return what moving from entry to exit_ earns, in the settlement asset."""
        sign = 1 if side is Side.LONG else -1
        move = ONE / entry - ONE / exit_ if self.is_inverse else exit_ - entry
        return sign * quantity * self.size * move


def side_opened_by(side: OrderSide) -> Side:
    return Side.LONG if side is OrderSide.BUY else Side.SHORT


def side_closed_by(side: OrderSide) -> Side:
    return Side.SHORT if side is OrderSide.BUY else Side.LONG


def has_crossed(*, side: OrderSide, type_: OrderType, price: Decimal, mark: Decimal) -> bool:
    """Return whether a mark fills a limit or fires a stop; at the price itself it does."""
    is_below = (side is OrderSide.BUY) is (type_ is OrderType.LIMIT)
    return mark <= price if is_below else mark >= price


def position_after(held: Position | None, *, quantity: Decimal, price: Decimal) -> Position:
    """Return a position after more of it was opened."""
    if held is None:
        return Position(quantity=quantity, entry_price=price)
    total = held.quantity + quantity
    cost = held.quantity * held.entry_price + quantity * price
    return Position(quantity=total, entry_price=cost / total)
