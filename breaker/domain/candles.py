"""Recorded bars: CSV text in, one tape of closes by the time at which each was known."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import groupby, pairwise
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, NamedTuple

from riskconsole.kernel.clock import time_from, time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import ZERO, NotANumber, decimal_from, positive_from

if TYPE_CHECKING:
    from _csv import Reader

COLUMNS = ("time", "symbol", "open", "high", "low", "close", "volume")
LAST_YEAR = 9000
_PRICES = COLUMNS[2:6]

# Bars repeat prices: the open is the last close, and the high and low are often one of them.
_price_from = lru_cache(maxsize=1 << 16)(positive_from)


class BadCandles(RiskConsoleError):
    """Recorded bars that cannot be relied on; the message names the file and the line."""


class Candle(NamedTuple):
    """What a replay needs of one bar; at is its opening time."""

    at: datetime
    symbol: str
    close: Decimal
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleFile:
    """The bars of one file.

    :param bar_length: the smallest step between its times
    """

    name: str
    candles: Sequence[Candle]
    bar_length: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """All closes that became known at one moment, by symbol."""

    known_at: datetime
    closes: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """The bars of all files in order.

    :param names: of the files
    :param bars: how many rows were read
    """

    names: tuple[str, ...]
    bars: int
    bar_length: timedelta
    symbols: frozenset[str]
    steps: Sequence[Step]


def read_candles(*, name: str, lines: Iterable[str]) -> CandleFile:
    """Return the bars of one CSV file.

    :param name: of the file, for the message of a refusal
    :raises BadCandles: naming the first line that is not a bar of finite, consistent numbers
    """
    rows = csv.reader(lines, strict=True)
    try:
        candles = list(_candles(rows))
    except (csv.Error, _BadRow) as error:
        raise BadCandles(f"{name} line {rows.line_num or 1}: {error}") from error
    return CandleFile(name=name, candles=candles, bar_length=_bar_length(name, candles))


def join(files: Sequence[CandleFile]) -> Tape:
    """Return the bars of all files as one tape.

    :raises BadCandles: for files of different bar length, and for a bar that is there twice
    """
    first = files[0]
    for file in files:
        if file.bar_length != first.bar_length:
            raise BadCandles(
                f"{file.name} line {file.candles[0].line}: its bars are {file.bar_length} long,"
                f" those of {first.name} {first.bar_length}"
            )
    _refuse_duplicates(files)
    candles = sorted((candle for file in files for candle in file.candles), key=itemgetter(0))
    return Tape(
        names=tuple(file.name for file in files),
        bars=len(candles),
        bar_length=first.bar_length,
        symbols=frozenset(candle.symbol for candle in candles),
        steps=tuple(_steps(candles, first.bar_length)),
    )


class _BadRow(Exception):
    """What is wrong with the line just read."""


def _candles(rows: "Reader") -> Iterator[Candle]:
    """Yield the bars behind the header."""
    header = next(rows, [])
    places = _places(header)
    for row in rows:
        if len(row) != len(header):
            raise _BadRow(f"it has {len(row)} values, the header has {len(header)}")
        time, symbol, *numbers = (row[place] for place in places)
        if not symbol or not symbol.isprintable() or " " in symbol:
            raise _BadRow(f"symbol {symbol!r} is empty or has spaces or unprintable characters")
        yield Candle(_time(time), symbol, _close(numbers), rows.line_num)


def _places(header: Sequence[str]) -> list[int]:
    """Return where each of COLUMNS stands."""
    for column in COLUMNS:
        if header.count(column) != 1:
            how = "twice" if column in header else "missing"
            raise _BadRow(f"column {column!r} is {how}; needed are {','.join(COLUMNS)}")
    return [header.index(column) for column in COLUMNS]


@lru_cache(maxsize=1)
def _time(text: str) -> datetime:
    try:
        at = time_from(text)
    except (ValueError, OverflowError) as error:
        raise _BadRow(f"time {text!r} is not an ISO 8601 time with an offset or Z") from error
    if at.year >= LAST_YEAR:
        raise _BadRow(f"time {text!r} is too far ahead")
    return at


def _close(numbers: Sequence[str]) -> Decimal:
    """Return the close of a bar whose numbers fit each other."""
    try:
        opened, high, low, close = map(_price_from, numbers[:4])
        volume = decimal_from(numbers[4])
    except NotANumber as error:
        raise _BadRow(f"{_bad_column(numbers)} {error}") from error
    if volume < ZERO:
        raise _BadRow(f"volume {numbers[4]!r} is below zero")
    if not (low <= opened <= high and low <= close <= high):
        raise _BadRow(f"open {opened} or close {close} is outside low {low} to high {high}")
    return close


def _bad_column(numbers: Sequence[str]) -> str:
    """Return the name of the first column that does not hold what it should."""
    for column, text in zip(_PRICES, numbers, strict=False):
        try:
            positive_from(text)
        except NotANumber:
            return column
    return COLUMNS[-1]


def _bar_length(name: str, candles: Sequence[Candle]) -> timedelta:
    times = sorted({candle.at for candle in candles})
    if not times:
        raise BadCandles(f"{name} line 2: there is no bar behind the header")
    steps = [later - earlier for earlier, later in pairwise(times)]
    if not steps:
        raise BadCandles(
            f"{name} line {candles[0].line}: all bars are of {time_text(times[0])}, so the length"
            " of a bar is unknown"
        )
    return min(steps)


def _refuse_duplicates(files: Iterable[CandleFile]) -> None:
    seen: dict[tuple[datetime, str], tuple[str, int]] = {}
    for file in files:
        for candle in file.candles:
            here = (file.name, candle.line)
            first = seen.setdefault((candle.at, candle.symbol), here)
            if first is not here:
                raise BadCandles(
                    f"{file.name} line {candle.line}: the bar of {candle.symbol} at"
                    f" {time_text(candle.at)} is in {first[0]} line {first[1]} already"
                )


def _steps(candles: Iterable[Candle], bar_length: timedelta) -> Iterator[Step]:
    for at, together in groupby(candles, key=attrgetter("at")):
        closes = {candle.symbol: candle.close for candle in together}
        yield Step(known_at=at + bar_length, closes=closes)
