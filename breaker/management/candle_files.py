"""Files of recorded bars, plain or gzipped."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from breaker.domain.candles import BadCandles, CandleFile, read_candles


def read_candle_file(path: Path) -> CandleFile:
    """Return the bars of a CSV or CSV.gz file.

    :raises BadCandles: naming file and line, for a bad row and for a file that cannot be read
    """
    return read_candles(name=str(path), lines=_lines(path))


def _lines(path: Path) -> Iterator[str]:
    read = 0
    try:
        with _opened(path) as file:
            for line in file:
                yield line.decode()
                read += 1
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadCandles(f"{path} line {read + 1}: cannot be read: {reason}") from error


def _opened(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")
