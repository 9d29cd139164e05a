"""Whether the log is what was written: every hash is made again, every known end is met."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection

from riskconsole.audit import witness
from riskconsole.audit.chain import GENESIS, Row, hash_of
from riskconsole.audit.models import AuditEntry, AuditHead

_CHUNK = 2000


class End(NamedTuple):
    """Where the log ended once: its size and root, and who says so."""

    size: int
    root: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The first entry that is not as it was written, and how that shows."""

    sequence: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found.

    :param entries: how many are intact, from the first one
    :param root: the hash of the last of them
    """

    entries: int
    root: str
    broken: Broken | None = None


def verify(rows: Iterable[Row | None], *, ends: Sequence[End] = ()) -> Verdict:
    """Return how far the rows are a chain from the first entry on.

    :param rows: in order; None stands for a line that is no entry
    :param ends: the log must have been that long, with that root
    """
    sizes = {end.size for end in ends}
    size, root, roots = 0, GENESIS, {0: GENESIS}
    for row in rows:
        if reason := _flaw(row, size=size, root=root):
            return _broken(size, root, reason)
        size, root = size + 1, row.hash if row else root
        if size in sizes:
            roots[size] = root
    for end in sorted(ends):
        if end.size > size:
            return _broken(size, root, f"is missing: {end.source} states {end.size} entries")
        if end.root != roots[end.size]:
            return _broken(end.size - 1, root, f"is not the one that {end.source} states")
    return Verdict(entries=size, root=root)


def verify_log() -> Verdict:
    """Check the log in the database, while others may add to it.

    An end that was read before is passed on the way; an entry behind the end that is read
    afterwards was put there past the head.
    """
    before = _head()
    if before is None:
        return _broken(0, GENESIS, "cannot be placed: the row of the log's end is missing")
    seen = witness.last_seen()
    ends = (before,) if seen is None else (before, End(*seen, f"the file {witness.FILE_NAME}"))
    verdict = verify(stored_rows(), ends=ends)
    after = _head()
    if verdict.broken is None and after is not None and after.size < verdict.entries:
        return _broken(after.size, verdict.root, "is behind the end that the head row states")
    return verdict


def stored_rows() -> Iterator[Row]:
    """Yield every entry in order, whatever bytes its columns hold."""
    rows = AuditEntry.objects.order_by("sequence").values_list(*Row._fields)
    with _any_bytes():
        yield from map(Row._make, rows.iterator(chunk_size=_CHUNK))


def _flaw(row: Row | None, *, size: int, root: str) -> str:
    """Return why the row cannot be the entry behind these; empty if it is."""
    if row is None:
        return "is not readable as an entry"
    if row.sequence != size + 1:
        return f"is missing: entry {row.sequence} follows entry {size}"
    if row.previous_hash != root:
        return "does not follow the entry before it"
    return "" if row.hash == _hash(row) else "is not what its hash was made of"


def _hash(row: Row) -> str | None:
    """Return the hash of what the row holds; None where that never was text."""
    try:
        return hash_of(row)
    except (TypeError, UnicodeEncodeError):
        return None


def _broken(size: int, root: str, reason: str) -> Verdict:
    return Verdict(entries=size, root=root, broken=Broken(sequence=size + 1, reason=reason))


def _head() -> End | None:
    head = AuditHead.objects.filter(pk=1).first()
    return End(head.sequence, head.hash, "the head row") if head else None


@contextmanager
def _any_bytes() -> Iterator[None]:
    """Let SQLite hand out text that is no UTF-8, as surrogates, instead of failing on it."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    raw = connection.connection
    usual, raw.text_factory = raw.text_factory, lambda text: text.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        raw.text_factory = usual
