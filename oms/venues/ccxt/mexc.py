"""What both markets of MEXC share."""

import re
from decimal import Decimal
from typing import Any, ClassVar

from oms.venues.base import Rejected, Unknown, VenueError
from oms.venues.ccxt.market import Market
from oms.venues.ccxt.reading import Row, row_of, text_of
from portfolio.domain.holdings import Side

_POSITIONS = {"1": Side.LONG, "2": Side.SHORT}


class Mexc(Market):
    """A market of MEXC; one rest address serves both."""

    options: ClassVar[Any] = {"options": {"recvWindow": 5000}}

    def point_at(self, rest: str) -> None:
        self.client.urls["spot"] = {"public": rest, "private": rest}
        self.client.urls["contract"] = {
            "public": f"{rest}/api/v1/contract",
            "private": f"{rest}/api/v1/private",
        }


def says(error: VenueError, *codes: int) -> bool:
    """Return whether the venue answered with one of these codes."""
    found = re.search(r'"code":\s*"?(-?\d+)', str(error))
    return found is not None and int(found[1]) in codes


def data_of(answer: object) -> object:
    """Return what a swap answer carries."""
    row = row_of(answer)
    if "data" not in row:
        raise Unknown("unverified: the answer has no data")
    return row["data"]


def side_of_position(row: Row) -> Side:
    """Return the side that a position's type stands for."""
    code = text_of(row, "positionType")
    if code not in _POSITIONS:
        raise Unknown(f"unverified: a position's type is {code:.20}")
    return _POSITIONS[code]


def json_number(value: Decimal) -> int | float:
    """Return what JSON writes with the same digits; the venue takes no texts here.

    :raises Rejected: for a number that a float cannot carry
    """
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    if Decimal(repr(number)) != value:
        raise Rejected(f"{value} has more digits than the venue takes")
    return number
