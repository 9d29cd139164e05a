"""The end of the log kept in a file beside the database, so that an older copy is noticed."""

import os
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from riskconsole.audit.models import AuditEntry, AuditHead

FILE_NAME = "audit_head"


class Seen(NamedTuple):
    """The highest end of the log that this home has seen: its size and its root."""

    size: int
    root: str


def keep_head() -> None:
    """Write the log's end to the file if it is further than what is there, durably."""
    head = AuditHead.objects.get(pk=1)
    seen = last_seen()
    if seen is None or head.sequence > seen.size:
        _write(Seen(head.sequence, head.hash))


def replace_head() -> None:
    """Write the log's end to the file, further or not: what was there has been told."""
    head = AuditHead.objects.get(pk=1)
    _write(Seen(head.sequence, head.hash))


def last_seen() -> Seen | None:
    """Return what the file says; None where there is none yet."""
    path = _path()
    if not path.exists():
        return None
    size, _, root = path.read_text().strip().partition(":")
    return Seen(int(size), root)


def is_restored() -> bool:
    """Return whether the log is shorter than it was seen, or another one at that size."""
    seen = last_seen()
    if seen is None or seen.size == 0:
        return False
    return not AuditEntry.objects.filter(sequence=seen.size, hash=seen.root).exists()


def _write(seen: Seen) -> None:
    path = _path()
    written = path.with_suffix(f".{os.getpid()}")
    with written.open("w") as file:
        file.write(f"{seen.size}:{seen.root}\n")
        file.flush()
        os.fsync(file.fileno())
    written.replace(path)


def _path() -> Path:
    return Path(settings.RISKCONSOLE_HOME) / FILE_NAME
