"""An order in the book of an emulated venue, and why the book takes none."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from oms.domain.orders import OrderSide, OrderType

ZERO = Decimal(0)


class OrderStatus(StrEnum):
    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"


class Reason(StrEnum):
    """Why the book takes no order."""

    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    DUPLICATE_CLIENT_ID = "DUPLICATE_CLIENT_ID"
    NOTHING_TO_REDUCE = "NOTHING_TO_REDUCE"


class BookRefusal(Exception):
    """The book takes no such order."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order.

    :param price: the limit, or the trigger price of a stop
    :param average: what was paid for each filled unit
    """

    id: str
    client_id: str
    instrument: str
    side: OrderSide
    type: OrderType
    quantity: Decimal
    price: Decimal
    is_reduce_only: bool
    created_at: datetime
    status: OrderStatus = OrderStatus.OPEN
    filled: Decimal = ZERO
    average: Decimal = ZERO
    done_at: datetime | None = None

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled
