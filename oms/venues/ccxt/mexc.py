"""What both markets of MEXC share."""

import re
from typing import Any, ClassVar

from oms.venues.base import VenueError
from oms.venues.ccxt.market import Market


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
