"""An open order as every venue is made to tell it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class OrderSide(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    LIMIT = "LIMIT"
    STOP = "STOP"


class CancelAnswer(StrEnum):
    """What a venue said when asked to cancel one order; a claim, not evidence."""

    ACCEPTED = "ACCEPTED"
    GONE = "GONE"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """One resting or trigger order.

    :param price: the limit, or the trigger price of a stop
    :param quantity: what is left to fill, in units of the instrument
    :param created_at: as the venue states it
    """

    id: str
    instrument: str
    side: OrderSide
    type: OrderType
    quantity: Decimal
    price: Decimal
    is_reduce_only: bool
    created_at: datetime
