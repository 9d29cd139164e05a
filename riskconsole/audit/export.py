"""The log as a file: one entry a line, that anyone can check without the console."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable
from enum import StrEnum
from pathlib import Path

from asgiref.sync import sync_to_async

from riskconsole.audit.paging import LogQuery, wanted
from riskconsole.audit.rows import readable
from riskconsole.audit.verification import stored_rows
from riskconsole.audit.verify_export import Row, content_text, encode
from riskconsole.kernel.errors import RiskConsoleError

WINDOW = 5_000
# A cell that begins so is a formula to a spreadsheet; with an apostrophe before it, it is text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class Format(StrEnum):
    CSV = "csv"
    NDJSON = "ndjson"


class BadExportFile(RiskConsoleError):
    """The file cannot be written, or an entry cannot be written down."""


def write_export(path: Path) -> int:
    """Write every entry with its hash; return how many there are.

    :raises BadExportFile: if the file cannot be written
    """
    count = 0
    try:
        with path.open("wb") as file:
            for row in stored_rows():
                file.write(line_of(row))
                count += 1
    except OSError as error:
        raise BadExportFile(f"{path} cannot be written: {error.strerror}") from error
    return count


def line_of(row: Row) -> bytes:
    """Return the line that states an entry.

    :raises BadExportFile: if a column holds bytes
    """
    try:
        text = f'{content_text(row)[:-1]},"hash":{encode(row.hash)}}}\n'
    except TypeError as error:
        raise BadExportFile(f"Entry {row.sequence} holds bytes instead of text") from error
    return text.encode("utf-8", "surrogateescape")


async def streamed(query: LogQuery, *, format: Format, last: int) -> AsyncIterator[bytes]:
    """Yield the wanted entries up to the last one, oldest first, a window of the log at a time."""
    encoded = _FORMATS[format]
    if format is Format.CSV:
        yield _csv([Row._fields])
    first, last = query.first or 1, min(last, query.last or last)
    for begin in range(first, last + 1, WINDOW):
        part = await sync_to_async(_window)(query, begin, min(begin + WINDOW - 1, last))
        if part:
            yield encoded(part)


def _window(query: LogQuery, first: int, last: int) -> list[Row]:
    entries = wanted(query).filter(sequence__gte=first, sequence__lte=last)
    return list(stored_rows(entries))


def _csv_of(rows: Iterable[Row]) -> bytes:
    return _csv([_safe(readable(value)) for value in row] for row in rows)


def _ndjson_of(rows: Iterable[Row]) -> bytes:
    return b"".join(map(line_of, rows))


def _csv(lines: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


_FORMATS: dict[Format, Callable[[Iterable[Row]], bytes]] = {
    Format.CSV: _csv_of,
    Format.NDJSON: _ndjson_of,
}
