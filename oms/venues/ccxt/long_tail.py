"""Markets without a file of their own: which scopes each has, and how its orders all end.

From ccxt's source and the venues' documentation; none was proven here.
"""

from collections.abc import Sequence
from typing import ClassVar

from oms.venues.ccxt.market import CancelAll
from oms.venues.ccxt.unified import Params, Unified

_TRIGGER: Params = {"trigger": True}


def _with_triggers(parts: Sequence[Params]) -> tuple[Params, ...]:
    """Return scopes, and the scope of trigger orders beside each."""
    return (*parts, *({**part, **_TRIGGER} for part in parts))


def _typed(kind: str, **more: object) -> dict[str, object]:
    """Return ccxt's options for a kind of account."""
    return {"options": {"defaultType": kind, **more}}


class BinanceSpot(Unified):
    options = _typed("spot", warnOnFetchOpenOrdersWithoutSymbol=False)
    cancel_by = CancelAll.PER_SYMBOL


class BinanceSwap(Unified):
    options = _typed("swap", warnOnFetchOpenOrdersWithoutSymbol=False)
    cancel_by = CancelAll.PER_SYMBOL
    holdings: ClassVar[Sequence[Params]] = ({"subType": "linear"}, {"subType": "inverse"})
    scopes = _with_triggers(holdings)


class BybitSpot(Unified):
    options = _typed("spot")
    scopes = ({"category": "spot"}, {"category": "spot", **_TRIGGER})


class BybitSwap(Unified):
    lists_all = False
    options = _typed("swap")
    holdings: ClassVar[Sequence[Params]] = (
        {"category": "linear", "settleCoin": "USDT"},
        {"category": "linear", "settleCoin": "USDC"},
        {"category": "inverse", "settleCoin": "BTC"},
        {"category": "inverse", "settleCoin": "ETH"},
    )
    scopes = _with_triggers(holdings)


class OkxSpot(Unified):
    lists_all = False
    options = _typed("spot")
    cancel_by = CancelAll.BY_ID
    scopes = ({"instType": "SPOT"}, {"instType": "SPOT", **_TRIGGER})


class OkxSwap(Unified):
    lists_all = False
    options = _typed("swap")
    cancel_by = CancelAll.BY_ID
    holdings = ({},)
    scopes = ({"instType": "SWAP"}, {"instType": "SWAP", **_TRIGGER})


class BitgetSpot(Unified):
    options = _typed("spot")
    cancel_by = CancelAll.PER_SYMBOL
    scopes = ({}, _TRIGGER)


class BitgetSwap(Unified):
    lists_all = False
    options = _typed("swap")
    cancel_by = CancelAll.PER_SYMBOL
    holdings = (
        {"productType": "USDT-FUTURES"},
        {"productType": "USDC-FUTURES"},
        {"productType": "COIN-FUTURES", "marginCoin": "BTC"},
    )
    scopes = _with_triggers(
        [{"productType": kind} for kind in ("USDT-FUTURES", "USDC-FUTURES", "COIN-FUTURES")]
    )


class GateSpot(Unified):
    options = _typed("spot")
    scopes = ({}, _TRIGGER)


class GateSwap(Unified):
    options = _typed("swap")
    holdings: ClassVar[Sequence[Params]] = ({"settle": "usdt"}, {"settle": "btc"})
    scopes = _with_triggers(holdings)


class KucoinSpot(Unified):
    options = _typed("spot")
    scopes = ({}, _TRIGGER)


class KucoinSwap(Unified):
    holdings = ({},)
    scopes = ({}, _TRIGGER)


class CoinbaseSpot(Unified):
    cancel_by = CancelAll.BY_ID


class DeribitSwap(Unified):
    """Its orders end all at once; a listing without a currency tells bitcoin's alone."""

    lists_all = False
    holdings: ClassVar[Sequence[Params]] = tuple(
        {"currency": code} for code in ("BTC", "ETH", "USDC", "USDT")
    )
    scopes = tuple({"code": part["currency"]} for part in holdings)
    ends = ({},)


class HyperliquidSwap(Unified):
    lists_all = False
    cancel_by = CancelAll.BY_ID
    holdings = ({},)
