"""What each market can do, and whether that was seen here: the table that drives the adapter."""

from collections.abc import Sequence
from dataclasses import dataclass

from oms.venues.base import Unsupported
from oms.venues.ccxt import long_tail
from oms.venues.ccxt.kraken import KrakenSpot
from oms.venues.ccxt.kraken_futures import KrakenFutures
from oms.venues.ccxt.market import CancelAll, Market
from oms.venues.ccxt.mexc_spot import MexcSpot
from oms.venues.ccxt.mexc_swap import MexcSwap
from oms.venues.ccxt.unified import Unified
from portfolio.domain.holdings import AccountKind


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


_PROVEN: dict[tuple[str, AccountKind], Capabilities] = {
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
        limits=("the venue does not tell what a key may do",),
    ),
}


_NOT_PROVEN = ("never proven here: what is told and cancelled is from documents alone",)
_NO_EQUITY = ("its own equity figure is not read", "nothing can be closed")


def _from_documents(
    market: type[Unified], *, limits: Sequence[str] = (), dead_man: tuple[int, int] | None = None
) -> Capabilities:
    return Capabilities(
        market=market,
        cancel_all=market.cancel_by,
        is_proven=False,
        has_trigger_scope=any("trigger" in scope for scope in market.scopes),
        dead_man=dead_man,
        limits=(*_NOT_PROVEN, *_NO_EQUITY, *limits),
    )


TABLE: dict[tuple[str, AccountKind], Capabilities] = _PROVEN | {
    ("binance", AccountKind.SPOT): _from_documents(long_tail.BinanceSpot),
    ("binance", AccountKind.MARGIN): _from_documents(long_tail.BinanceSwap),
    ("bybit", AccountKind.SPOT): _from_documents(long_tail.BybitSpot),
    ("bybit", AccountKind.MARGIN): _from_documents(
        long_tail.BybitSwap,
        limits=("of inverse contracts only those that settle in BTC and ETH are read",),
    ),
    ("okx", AccountKind.SPOT): _from_documents(
        long_tail.OkxSpot,
        limits=("of trigger orders only plain ones, no conditional, trailing or OCO orders",),
        dead_man=(10, 120),
    ),
    ("okx", AccountKind.MARGIN): _from_documents(
        long_tail.OkxSwap,
        limits=(
            "of trigger orders only plain ones, no conditional, trailing or OCO orders",
            "only perpetual contracts, no dated futures or options",
        ),
        dead_man=(10, 120),
    ),
    ("bitget", AccountKind.SPOT): _from_documents(long_tail.BitgetSpot),
    ("bitget", AccountKind.MARGIN): _from_documents(
        long_tail.BitgetSwap,
        limits=(
            "take-profit and stop-loss orders attached to a position are not read",
            "of coin-margined positions only those in BTC are read",
        ),
    ),
    ("gate", AccountKind.SPOT): _from_documents(long_tail.GateSpot),
    ("gate", AccountKind.MARGIN): _from_documents(
        long_tail.GateSwap, limits=("balances of the USDT account only",)
    ),
    ("kucoin", AccountKind.SPOT): _from_documents(long_tail.KucoinSpot),
    ("kucoin", AccountKind.MARGIN): _from_documents(long_tail.KucoinSwap),
    ("coinbase", AccountKind.SPOT): _from_documents(long_tail.CoinbaseSpot),
    ("deribit", AccountKind.MARGIN): _from_documents(
        long_tail.DeribitSwap, limits=("orders in BTC, ETH, USDC and USDT only",)
    ),
    ("hyperliquid", AccountKind.MARGIN): _from_documents(
        long_tail.HyperliquidSwap, limits=("the first perpetual exchange only",)
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
