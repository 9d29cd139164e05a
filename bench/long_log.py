"""A log of a million chained entries, in a database of its own on the configured engine."""

import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from riskconsole.audit.verify_export import Row

ENTRIES = 1_000_000
DATABASE = "rc_bench_audit"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_PART = 50_000
_TOPICS = ("trip", "halt", "warning", "leg", "token", "sign_in", "limits", "process")
_NAMES = [
    f"{app}.{topic}.{verb}"
    for app in ("breaker", "oms", "people", "portfolio", "ops")
    for topic in _TOPICS
    for verb in ("began", "happened")
]


@contextmanager
def long_log() -> Iterator[None]:
    """Write the log, and drop its database at the end."""
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as home:
        os.environ["RISKCONSOLE_HOME"] = home
        os.environ["DJANGO_SETTINGS_MODULE"] = "riskconsole.settings"
        django.setup()
        from django.db import connection

        usual = connection.settings_dict["NAME"]
        folder = f"{home}/" if connection.vendor == "sqlite" else ""
        connection.settings_dict["TEST"]["NAME"] = f"{folder}{DATABASE}"
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            _write()
            yield
        finally:
            connection.creation.destroy_test_db(str(usual), verbosity=0)


def _write() -> None:
    from django.db import connection, transaction

    from riskconsole.audit.models import AuditEntry, AuditHead

    rows = _chain()
    while part := list(islice(rows, _PART)):
        with transaction.atomic():
            AuditEntry.objects.bulk_create(AuditEntry(**row._asdict()) for row in part)
            last = part[-1]
            AuditHead.objects.update(sequence=last.sequence, hash=last.hash, latest_at=last.at)
    with connection.cursor() as cursor:
        # What the engines do by themselves in the course of time.
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def _chain() -> Iterator["Row"]:
    """Yield entries of 20 books and 50 people; one book is silent in the second half of the log,
    and one action is unknown in the first.
    """
    from riskconsole.audit.chain import canonical
    from riskconsole.audit.verify_export import GENESIS, Row, hash_of
    from riskconsole.kernel.clock import time_text

    chance, root = random.Random(1), GENESIS  # noqa: S311 - entries, not secrets
    for sequence in range(1, ENTRIES + 1):
        is_late = sequence > ENTRIES / 2
        row = Row(
            sequence=sequence,
            at=time_text(BEGAN + timedelta(seconds=20 * sequence, milliseconds=sequence % 997)),
            actor=chance.choice(["system", "system", f"user:person-{chance.randrange(50)}"]),
            address="192.0.2.7",
            action=chance.choice(_NAMES if is_late else _NAMES[1:]),
            subject=f"trip:{chance.randrange(20_000)}",
            portfolio=f"book-{chance.randrange(1 if is_late else 0, 20)}",
            payload=canonical({"field": "trip", "before": "5.00 %", "after": f"{sequence} %"}),
            previous_hash=root,
        )
        row = row._replace(hash=hash_of(row))
        root = row.hash
        yield row
