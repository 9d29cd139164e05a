"""Whether the log is what was written: every hash is made again, every known end is met."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db import connection
from django.db.models import QuerySet

from riskconsole.audit import checkpoints, signing, witness
from riskconsole.audit.models import AuditCheckpoint, AuditEntry, AuditHead, AuditWitness
from riskconsole.audit.verify_export import (
    GENESIS,
    Broken,
    End,
    Row,
    Verdict,
    end_of,
    is_signed,
    key_id_of,
    verify,
)

_CHUNK = 2000


def verify_log(outside: Iterable[End] = ()) -> Verdict:
    """Check the log in the database, while others may add to it.

    An end that was read before is passed on the way; an entry behind the end that is read
    afterwards was put there past the head.

    :param outside: ends that were kept elsewhere
    """
    before = _head()
    if before is None:
        broken = Broken(sequence=1, reason="cannot be placed: the row of the log's end is missing")
        return Verdict(entries=0, root=GENESIS, broken=broken)
    signed = list(AuditCheckpoint.objects.all())
    verdict = verify(stored_rows(), ends=[before, *_seen_ends(), *map(_end_of, signed), *outside])
    after = _head()
    if verdict.broken is None and after is not None and after.size < verdict.entries:
        reason = "is behind the end that the head row states"
        return replace(verdict, broken=Broken(sequence=after.size + 1, reason=reason))
    return replace(verdict, broken=verdict.broken or _forged(signed))


def stored_rows(entries: QuerySet[AuditEntry] | None = None) -> Iterator[Row]:
    """Yield the entries, or all of them, in order and whatever bytes their columns hold."""
    chosen = AuditEntry.objects.all() if entries is None else entries
    rows = chosen.order_by("sequence").values_list(*Row._fields)
    with _any_bytes():
        yield from map(Row._make, rows.iterator(chunk_size=_CHUNK))


def _head() -> End | None:
    head = AuditHead.objects.filter(pk=1).first()
    return End(head.sequence, head.hash, "the head row") if head else None


def _seen_ends() -> Iterator[End]:
    """Yield the end in the home's file, and those that somebody outside was told."""
    if seen := witness.last_seen():
        yield End(*seen, f"the file {witness.FILE_NAME}")
    for told in AuditWitness.objects.all():
        yield End(told.size, told.root, f"the witness {told.name}")


def _end_of(row: AuditCheckpoint) -> End:
    return end_of(checkpoints.facts_of(row))


def _forged(rows: list[AuditCheckpoint]) -> Broken | None:
    """Return the first checkpoint that names this home's key and was not signed with it.

    One of a key that this home had before cannot be judged here; its root was met all the same.
    """
    if not rows:
        return None
    key = signing.public_key()
    key_id = key_id_of(key)
    for row in rows:
        if row.key_id == key_id and not is_signed(checkpoints.facts_of(row), key):
            reason = f"has a checkpoint of {row.at} that this console did not sign"
            return Broken(sequence=row.size, reason=reason)
    return None


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
