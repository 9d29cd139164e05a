"""How Kraken Futures spells what ccxt calls BTC/USD:USD, BTC/USD:BTC and BTC."""

from dataclasses import dataclass
from decimal import Decimal

from portfolio.domain.holdings import symbol_of

TICKERS = {"BTC": "XBT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One contract; sizes of linear ones are in coins, of inverse ones in dollars."""

    id: str
    instrument: str
    tick: Decimal
    size_decimals: int
    last_trading_at: str = ""

    @property
    def is_inverse(self) -> bool:
        symbol = symbol_of(self.instrument)
        return symbol.settle == symbol.base

    @property
    def pair(self) -> str:
        return f"{ticker_of(symbol_of(self.instrument).base)}:USD"


INSTRUMENTS = tuple(
    Instrument(
        id=id_,
        instrument=instrument,
        tick=Decimal(tick),
        size_decimals=decimals,
        last_trading_at=last,
    )
    for id_, instrument, tick, decimals, last in (
        ("PF_XBTUSD", "BTC/USD:USD", "1", 4, ""),
        ("PF_ETHUSD", "ETH/USD:USD", "0.1", 3, ""),
        ("PF_SOLUSD", "SOL/USD:USD", "0.01", 2, ""),
        ("PF_XRPUSD", "XRP/USD:USD", "0.00001", 0, ""),
        ("PI_XBTUSD", "BTC/USD:BTC", "0.5", 0, ""),
        ("PI_ETHUSD", "ETH/USD:ETH", "0.05", 0, ""),
        ("FI_XBTUSD_301227", "BTC/USD:BTC-301227", "0.5", 0, "2030-12-27T16:00:00.000Z"),
    )
)

_BY_ID = {row.id: row for row in INSTRUMENTS}
_BY_INSTRUMENT = {row.instrument: row for row in INSTRUMENTS}


def instrument_named(id_: str) -> Instrument | None:
    """Return the contract with this id, in whatever case."""
    return _BY_ID.get(id_.upper())


def contract_of(instrument: str) -> Instrument:
    """Return the contract of BTC/USD:USD.

    :raises KeyError: for one that this venue does not list
    """
    return _BY_INSTRUMENT[instrument]


def ticker_of(code: str) -> str:
    """Return XBT for BTC."""
    return TICKERS.get(code, code)


def wallet_of(instrument: str) -> str:
    """Return the balance that a contract settles in: USD, or BTC@fi_xbtusd for an inverse one."""
    symbol = symbol_of(instrument)
    if symbol.settle != symbol.base:
        return symbol.settle
    return f"{symbol.base}@fi_{ticker_of(symbol.base).lower()}usd"
