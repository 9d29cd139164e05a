"""What each market can do, and whether that was seen here: the table that drives the adapter."""

from dataclasses import dataclass
from enum import StrEnum

from oms.venues.base import Unsupported
from oms.venues.ccxt.kraken import KrakenSpot
from oms.venues.ccxt.kraken_futures import KrakenFutures
from oms.venues.ccxt.market import Market
from oms.venues.ccxt.mexc_spot import MexcSpot
from oms.venues.ccxt.mexc_swap import MexcSwap
from portfolio.domain.holdings import AccountKind


class CancelAll(StrEnum):
    """How a market's orders are all cancelled."""

    NATIVE = "NATIVE"
    PER_SYMBOL = "PER_SYMBOL"
    BY_ID = "BY_ID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """One market of one exchange.

    :param market: what speaks to it
    :param is_proven: the conformance suite ran against it here
    :param states_equity: its own equity figure is read
    :param dead_man: seconds between which its dead-man's switch can be set; None without one
    :param limits: what it cannot do here, in plain words
    """

    market: type[Market]
    cancel_all: CancelAll
    is_proven: bool
    states_equity: bool = False
    has_trigger_scope: bool = False
    dead_man: tuple[int, int] | None = None
    limits: tuple[str, ...] = ()


TABLE: dict[tuple[str, AccountKind], Capabilities] = {
    ("kraken", AccountKind.SPOT): Capabilities(
        market=KrakenSpot,
        cancel_all=CancelAll.NATIVE,
        is_proven=True,
        dead_man=(1, 86_400),
        limits=("an account with margin positions is not read",),
    ),
    ("krakenfutures", AccountKind.MARGIN): Capabilities(
        market=KrakenFutures,
        cancel_all=CancelAll.NATIVE,
        is_proven=True,
        states_equity=True,
        dead_man=(1, 86_400),
    ),
    ("mexc", AccountKind.SPOT): Capabilities(
        market=MexcSpot,
        cancel_all=CancelAll.NATIVE,
        is_proven=True,
        limits=(
            "orders end one by one where some have to stay",
            "without the right to list all pairs at once, locked funds are never proven free",
        ),
    ),
    ("mexc", AccountKind.MARGIN): Capabilities(
        market=MexcSwap,
        cancel_all=CancelAll.NATIVE,
        is_proven=True,
        states_equity=True,
        has_trigger_scope=True,
        limits=(
            "take-profit and stop-loss orders attached to a position are neither listed nor"
            " cancelled",
            "the venue does not tell what a key may do",
        ),
    ),
}


def capabilities_of(*, exchange: str, kind: AccountKind) -> Capabilities:
    """Return what is known of a market.

    :raises Unsupported: if there is nothing
    """
    found = TABLE.get((exchange, kind))
    if found is None:
        raise Unsupported(f"There is no connection to {kind.lower()} accounts at {exchange}")
    return found
