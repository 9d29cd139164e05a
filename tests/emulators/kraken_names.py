"""How Kraken's spot market spells what ccxt calls BTC/USD and BTC.F."""

from dataclasses import dataclass
from decimal import Decimal

ASSETS = {
    "BTC": ("XXBT", "XBT"),
    "ETH": ("XETH", "ETH"),
    "XRP": ("XXRP", "XRP"),
    "DOGE": ("XXDG", "XDG"),
    "USD": ("ZUSD", "USD"),
    "EUR": ("ZEUR", "EUR"),
    "USDT": ("USDT", "USDT"),
    "USDC": ("USDC", "USDC"),
    "SOL": ("SOL", "SOL"),
    "DOT": ("DOT", "DOT"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One market of Kraken."""

    id: str
    altname: str
    base: str
    quote: str
    price_decimals: int
    order_min: Decimal
    cost_min: Decimal = Decimal("0.5")
    lot_decimals: int = 8

    @property
    def instrument(self) -> str:
        return f"{self.base}/{self.quote}"


PAIRS = tuple(
    Pair(
        id=id_,
        altname=altname,
        base=base,
        quote=quote,
        price_decimals=decimals,
        order_min=Decimal(order_min),
    )
    for id_, altname, base, quote, decimals, order_min in (
        ("XXBTZUSD", "XBTUSD", "BTC", "USD", 1, "0.00005"),
        ("XXBTZEUR", "XBTEUR", "BTC", "EUR", 1, "0.00005"),
        ("XBTUSDT", "XBTUSDT", "BTC", "USDT", 1, "0.00005"),
        ("XBTUSDC", "XBTUSDC", "BTC", "USDC", 2, "0.00005"),
        ("XETHZUSD", "ETHUSD", "ETH", "USD", 2, "0.001"),
        ("ETHUSDT", "ETHUSDT", "ETH", "USDT", 2, "0.001"),
        ("XETHXXBT", "ETHXBT", "ETH", "BTC", 5, "0.001"),
        ("SOLUSD", "SOLUSD", "SOL", "USD", 2, "0.02"),
        ("SOLUSDT", "SOLUSDT", "SOL", "USDT", 2, "0.02"),
        ("XXRPZUSD", "XRPUSD", "XRP", "USD", 5, "1"),
        ("XDGUSD", "XDGUSD", "DOGE", "USD", 7, "13"),
        ("DOTUSD", "DOTUSD", "DOT", "USD", 4, "0.6"),
        ("USDTZUSD", "USDTUSD", "USDT", "USD", 5, "5"),
        ("USDTEUR", "USDTEUR", "USDT", "EUR", 4, "5"),
        ("USDCUSD", "USDCUSD", "USDC", "USD", 4, "5"),
        ("USDCUSDT", "USDCUSDT", "USDC", "USDT", 4, "5"),
    )
)

_BY_NAME = {name: pair for pair in PAIRS for name in (pair.id, pair.altname)}
_BY_INSTRUMENT = {pair.instrument: pair for pair in PAIRS}


def pair_named(name: str) -> Pair | None:
    """Return the market with this id or short name."""
    return _BY_NAME.get(name)


def pair_of(instrument: str) -> Pair:
    """Return the market of BTC/USD.

    :raises KeyError: for an instrument that this venue does not list
    """
    return _BY_INSTRUMENT[instrument]


def asset_id(code: str) -> str:
    """Return XXBT for BTC, and XBT.F for BTC.F: a suffix stands behind the short name."""
    base, dot, suffix = code.partition(".")
    id_, altname = ASSETS.get(base, (base, base))
    return f"{altname}.{suffix}" if dot else id_
