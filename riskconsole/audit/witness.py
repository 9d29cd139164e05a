"""The end of the log kept where a change of the database does not reach: in a file beside it, and
with whoever is told it outside.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from riskconsole.audit.models import AuditEntry, AuditHead, AuditWitness

FILE_NAME = "audit_head"


class Seen(NamedTuple):
    """Where the log ends, or ended when it was seen: its size and its root."""

    size: int
    root: str

    @property
    def text(self) -> str:
        """Return size:root, as a file, an alert and the outbound heartbeat carry it."""
        return f"{self.size}:{self.root}"


def seen_now() -> Seen:
    head = AuditHead.objects.get(pk=1)
    return Seen(head.sequence, head.hash)


def note_told(seen: Seen, *, name: str, now: datetime) -> None:
    """Keep that somebody outside took notice of this end of the log."""
    facts = {"size": seen.size, "root": seen.root, "told_at": now}
    AuditWitness.objects.update_or_create(name=name, defaults=facts)


def keep_head() -> None:
    """Write the log's end to the file if it is further than what is there, durably."""
    head, seen = seen_now(), last_seen()
    if seen is None or head.size > seen.size:
        _write(head)


def replace_head() -> None:
    """Write the log's end to the file, further or not: what was there has been told."""
    _write(seen_now())


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
        file.write(f"{seen.text}\n")
        file.flush()
        os.fsync(file.fileno())
    written.replace(path)


def _path() -> Path:
    return Path(settings.RISKCONSOLE_HOME) / FILE_NAME
