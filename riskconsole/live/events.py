"""The frames that go to the browser: hints with a version, never the only copy of a fact.

Money and ratios are text, times ISO 8601 UTC, states upper case. The hub adds a sequence per
connection and the epoch of its process to each frame that it sends.
"""

from typing import Literal, TypedDict

CHANNEL = "riskconsole.live"


class PortfolioState(TypedDict):
    """What one finished evaluation found; version is the breaker's."""

    type: Literal["portfolio.state"]
    portfolio: str
    version: int
    number: int
    equity: str | None
    loss_ratio: str | None
    state: str
    health: str
    mode: str
    at: str


class BreakerChanged(TypedDict):
    """A trip, a halt, a pause or a change of limits has committed."""

    type: Literal["breaker.changed"]
    portfolio: str
    version: int
    state: str
    at: str


class TripProgress(TypedDict):
    """One leg of a trip moved on: account, LegStatus, orders confirmed gone."""

    type: Literal["trip.progress"]
    portfolio: str
    version: int
    account: str
    status: str
    cancelled: int


class CloseProgress(TypedDict):
    """The closing of one account moved on: its CloseStatus, and how much it cannot close."""

    type: Literal["close.progress"]
    portfolio: str
    version: int
    account: str
    status: str
    residuals: int


class RequestChanged(TypedDict):
    """A change request was made or decided; portfolio is empty for one of the site."""

    type: Literal["request.changed"]
    portfolio: str
    version: int
    request: int


class AuditCount(TypedDict):
    """The log has this many entries; portfolio is empty for an entry of the whole site."""

    type: Literal["audit.count"]
    portfolio: str
    version: int


class Snapshot(TypedDict):
    """The state of every portfolio that this connection may see; replaces all it knew."""

    type: Literal["snapshot"]
    portfolio: Literal[""]
    version: int
    portfolios: list[PortfolioState]


class FeedState(TypedDict):
    """Sent every second: does the web process hear the others?"""

    type: Literal["feed.state"]
    is_connected: bool


Frame = PortfolioState | BreakerChanged | TripProgress | CloseProgress | RequestChanged | AuditCount
