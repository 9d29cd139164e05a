"""Bars for tests, as text and as a tape."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import repeat

from breaker.domain.candles import CandleFile, Tape, join, read_candles

START = datetime(2024, 8, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HEADER = "time,symbol,open,high,low,close,volume"


def row(*, minute: int, close: str, symbol: str = "BTCUSDT") -> str:
    """Return a bar that opens that many minutes after START and does not move."""
    at = f"{START + minute * MINUTE:%Y-%m-%dT%H:%M:%SZ}"
    return ",".join((at, symbol, *repeat(close, 4), "1"))


def file_of(*rows: str, name: str = "bars.csv") -> CandleFile:
    return read_candles(name=name, lines=[HEADER, *rows])


def tape_of(closes: Iterable[str]) -> Tape:
    """Return a bar of BTCUSDT a minute."""
    return join([file_of(*(row(minute=i, close=close) for i, close in enumerate(closes)))])
