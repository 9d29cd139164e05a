"""480 random changes of a stored log, past its triggers: each is found, given a checkpoint."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from riskconsole import triggers
from riskconsole.audit import checkpoints
from riskconsole.audit.models import AuditCheckpoint, AuditEntry, AuditHead
from riskconsole.audit.triggers import TRIGGERS
from riskconsole.audit.verification import stored_rows, verify_log
from riskconsole.audit.verify_export import GENESIS, End, end_of, hash_of
from tests.clock import after
from tests.integration.audit.test_append_only import COLUMNS, write

pytestmark = pytest.mark.django_db
ENTRIES, EACH = 10, 60
TEXTS = [column for column in COLUMNS if column != "sequence"]


def execute(statement: str, *values: str | int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))


def flip(chance: random.Random) -> None:
    sequence, column = chance.randint(1, ENTRIES), chance.choice(TEXTS)
    text = getattr(AuditEntry.objects.get(pk=sequence), column)
    place = chance.randrange(len(text)) if text else 0
    other = chr(ord(text[place]) ^ 1 << chance.randrange(3)) if text else "x"
    changed = text[:place] + other + text[place + 1 :]
    statement = f"UPDATE audit_auditentry SET {column} = %s WHERE sequence = %s"  # noqa: S608
    execute(statement, changed, sequence)


def delete(chance: random.Random) -> None:
    execute("DELETE FROM audit_auditentry WHERE sequence = %s", chance.randint(1, ENTRIES))


def insert(chance: random.Random) -> None:
    """Put an entry behind the end, with or without the head's knowledge, or far behind it."""
    head = AuditHead.objects.get()
    write(chance.randint(1, 2))
    if chance.random() < 0.5:
        execute("UPDATE audit_audithead SET sequence = %s, hash = %s", head.sequence, head.hash)
    else:
        execute("UPDATE audit_auditentry SET sequence = 99 WHERE sequence = %s", ENTRIES + 1)


def reorder(chance: random.Random) -> None:
    one, other = chance.sample(range(1, ENTRIES + 1), 2)
    for now, then in ((one, 99), (other, one), (99, other)):
        execute("UPDATE audit_auditentry SET sequence = %s WHERE sequence = %s", then, now)


def truncate(chance: random.Random) -> None:
    """Cut the end off, with the head and perhaps the checkpoints: an older copy."""
    size = chance.randrange(ENTRIES)
    root = AuditEntry.objects.get(pk=size).hash if size else GENESIS
    execute("DELETE FROM audit_auditentry WHERE sequence > %s", size)
    if chance.random() < 0.8:
        execute("UPDATE audit_audithead SET sequence = %s, hash = %s", size, root)
    if chance.random() < 0.8:
        execute("DELETE FROM audit_auditcheckpoint WHERE size > %s", size)


def rechain(chance: random.Random) -> None:
    """Change an entry and make the chain anew from there, with head and without checkpoints."""
    rows = list(stored_rows())
    place = chance.randrange(ENTRIES)
    rows[place] = rows[place]._replace(actor=f"user:{chance.randrange(1000)}")
    for at in range(place, ENTRIES):
        anew = rows[at]._replace(previous_hash=rows[at - 1].hash if at else GENESIS)
        rows[at] = anew._replace(hash=hash_of(anew))
        execute(
            "UPDATE audit_auditentry SET actor = %s, previous_hash = %s, hash = %s"
            " WHERE sequence = %s",
            rows[at].actor,
            rows[at].previous_hash,
            rows[at].hash,
            at + 1,
        )
    execute("UPDATE audit_audithead SET hash = %s", rows[-1].hash)
    if chance.random() < 0.8:
        execute("DELETE FROM audit_auditcheckpoint WHERE size > %s", place)


def forge(chance: random.Random) -> None:
    column = chance.choice(["root", "at", "signature"])
    text = getattr(AuditCheckpoint.objects.order_by("size")[chance.randrange(2)], column)
    place = chance.randrange(len(text))
    changed = text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
    statement = f"UPDATE audit_auditcheckpoint SET {column} = %s WHERE {column} = %s"  # noqa: S608
    execute(statement, changed, text)


def move_head(chance: random.Random) -> None:
    entry = AuditEntry.objects.get(pk=chance.randrange(1, ENTRIES))
    execute(
        "UPDATE audit_audithead SET sequence = %s, hash = %s",
        chance.choice([entry.sequence, ENTRIES]),
        entry.hash,
    )


@pytest.fixture
def outside(settings: Settings, tmp_path: Path) -> list[End]:
    """A log with two checkpoints, the last of which somebody kept elsewhere."""
    settings.RISKCONSOLE_HOME = tmp_path
    write(ENTRIES // 2)
    checkpoints.take(now=after(0))
    write(ENTRIES // 2)
    kept = checkpoints.take(now=after(1))
    assert kept is not None
    triggers.remove(connection, TRIGGERS)
    return [end_of(checkpoints.facts_of(kept))]


def test_without_a_change_it_is_intact(outside: list[End]) -> None:
    assert verify_log(outside).broken is None


@pytest.mark.parametrize(
    "mutation",
    [flip, delete, insert, reorder, truncate, rechain, forge, move_head],
    ids=lambda one: one.__name__,
)
def test_every_change_of_a_stored_log_is_found(
    outside: list[End], mutation: Callable[[random.Random], None]
) -> None:
    chance = random.Random(mutation.__name__)  # noqa: S311 - changes, not secrets
    for number in range(EACH):
        with transaction.atomic():
            mutation(chance)
            assert verify_log(outside).broken, number
            transaction.set_rollback(True)
    assert verify_log(outside).broken is None
