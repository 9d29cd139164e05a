"""The log as a file: one entry a line, that anyone can check without the console."""

from pathlib import Path

from riskconsole.audit.verification import stored_rows
from riskconsole.audit.verify_export import Row, content_text, encode
from riskconsole.kernel.errors import RiskConsoleError


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
