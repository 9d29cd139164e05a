"""The log as a file: one entry a line, that anyone can check without the console."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from riskconsole.audit.chain import Row, content_text, encode
from riskconsole.audit.verification import Verdict, stored_rows, verify
from riskconsole.kernel.errors import RiskConsoleError

_KEYS = frozenset(Row._fields)
_TEXTS = _KEYS - {"sequence", "payload"}


class BadExportFile(RiskConsoleError):
    """The file cannot be written, or cannot be read as an export."""


def write_export(path: Path) -> int:
    """Write every entry with its hash; return how many there are.

    :raises BadExportFile: if the file cannot be written
    """
    count = 0
    try:
        with path.open("wb") as file:
            for row in stored_rows():
                file.write(_line(row))
                count += 1
    except OSError as error:
        raise BadExportFile(f"{path} cannot be written: {error.strerror}") from error
    return count


def verify_export(path: Path) -> Verdict:
    """Check a file that write_export() made.

    :raises BadExportFile: if it cannot be read, or no line of it is an entry
    """
    try:
        with path.open("rb") as file:
            verdict = verify(_rows(file))
            file.seek(0)
            if verdict.broken and not verdict.entries and not any(_rows(file)):
                raise BadExportFile(f"{path} is no export: no line of it is an entry of the log")
    except OSError as error:
        raise BadExportFile(f"{path} cannot be read: {error.strerror}") from error
    return verdict


def _line(row: Row) -> bytes:
    try:
        text = f'{content_text(row)[:-1]},"hash":{json.dumps(row.hash)}}}\n'
    except TypeError as error:
        raise BadExportFile(f"Entry {row.sequence} holds bytes instead of text") from error
    return text.encode("utf-8", "surrogateescape")


def _rows(lines: Iterable[bytes]) -> Iterator[Row | None]:
    for line in lines:
        try:
            yield _row(_decode(line.decode()))
        except (ValueError, TypeError, RecursionError):
            yield None


def _row(facts: object) -> Row:
    """Return the entry that a line states.

    :raises TypeError: if it states anything else
    """
    if not isinstance(facts, dict) or facts.keys() != _KEYS:
        raise TypeError("An entry has exactly the keys that are hashed, and its hash")
    if type(facts["sequence"]) is not int or not isinstance(facts["payload"], dict):
        raise TypeError("An entry has an integer for sequence and an object for payload")
    if not all(isinstance(facts[name], str) for name in _TEXTS):
        raise TypeError("All else of an entry is text")
    return Row(**facts | {"payload": encode(facts["payload"])})


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A key is there twice")
    return found


_decode = json.JSONDecoder(object_pairs_hook=_unambiguous).decode
