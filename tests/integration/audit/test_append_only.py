"""Nobody changes, replaces, removes or empties the log, through the ORM or with raw SQL."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.backends.sqlite3.schema import DatabaseSchemaEditor

from riskconsole import triggers
from riskconsole.audit.models import AuditEntry, AuditHead, AuditIsAppendOnly
from riskconsole.audit.services import NoTransaction, record
from riskconsole.audit.triggers import TRIGGERS
from riskconsole.audit.verification import verify_log
from tests.clock import NOON

REFUSAL = "the audit log is append-only"
COLUMNS = [field.name for field in AuditEntry._meta.concrete_fields]


def write(count: int = 1) -> None:
    for number in range(count):
        with transaction.atomic():
            record(
                action="ops.thing.happened",
                subject=f"thing:{number}",
                payload={"number": number},
                now=NOON + timedelta(seconds=number),
            )


def run(statement: str, *values: str | int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, list(values))


@pytest.mark.django_db
@pytest.mark.parametrize("column", COLUMNS)
def test_an_update_of_any_column_is_refused(column: str) -> None:
    write()
    with pytest.raises(DatabaseError, match=REFUSAL):
        run(f"UPDATE audit_auditentry SET {column} = {column}")  # noqa: S608 - our own column


@pytest.mark.django_db
def test_a_delete_is_refused() -> None:
    write()
    with pytest.raises(DatabaseError, match=REFUSAL):
        run("DELETE FROM audit_auditentry")
    assert AuditEntry.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["sequence", "hash", "previous_hash"])
def test_an_insert_that_replaces_is_refused(key: str) -> None:
    write()
    names = ", ".join(COLUMNS)
    kept = {"sequence": "sequence + 7", "hash": "'h'", "previous_hash": "'p'"}
    del kept[key]
    values = ", ".join(kept.get(name, name) for name in COLUMNS)
    select = f"SELECT {values} FROM audit_auditentry WHERE TRUE"  # noqa: S608 - our own columns
    source = f"INTO audit_auditentry ({names}) {select}"
    replacing = {
        "sqlite": f"INSERT OR REPLACE {source}",
        "postgresql": f"INSERT {source} ON CONFLICT ({key}) DO UPDATE SET actor = 'me'",
    }
    with pytest.raises(DatabaseError, match=REFUSAL):
        run(replacing[connection.vendor])
    assert AuditEntry.objects.get().actor == "system"


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no TRUNCATE")
def test_a_truncate_is_refused() -> None:
    write()
    with pytest.raises(DatabaseError, match=REFUSAL):
        run("TRUNCATE audit_auditentry")


@pytest.mark.django_db
def test_the_orm_refuses_before_the_database_has_to() -> None:
    write()
    entry = AuditEntry.objects.get()
    for change in (
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(actor="me"),
    ):
        with pytest.raises(AuditIsAppendOnly):
            change()
    with pytest.raises(AuditIsAppendOnly), transaction.atomic():
        AuditEntry.objects.bulk_update([entry], ["actor"])
    with pytest.raises(DatabaseError, match=REFUSAL), transaction.atomic():
        entry.save()


@pytest.mark.django_db
def test_there_is_one_head() -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditHead.objects.create(pk=2)


@pytest.mark.django_db
def test_every_refusal_is_installed() -> None:
    assert triggers.missing(connection, TRIGGERS) == frozenset()


def test_an_entry_without_the_transaction_of_its_change_is_refused(flushable_db: None) -> None:
    with pytest.raises(NoTransaction):
        record(action="ops.thing.happened", subject="thing:1", payload={}, now=NOON)
    assert not AuditEntry.objects.exists()


def test_an_entry_is_gone_with_its_change(flushable_db: None) -> None:
    write()
    with transaction.atomic():
        record(action="ops.thing.happened", subject="thing:2", payload={}, now=NOON)
        transaction.set_rollback(True)
    write()
    assert list(AuditEntry.objects.values_list("sequence", flat=True)) == [1, 2]
    assert verify_log().broken is None


def test_migrate_installs_the_refusals_that_a_rebuilt_table_lost(flushable_db: None) -> None:
    if connection.vendor == "sqlite":
        with DatabaseSchemaEditor(connection) as editor:
            editor._remake_table(AuditEntry)  # type: ignore[attr-defined]
    else:
        # PostgreSQL keeps triggers when a table changes; somebody may still have dropped them.
        triggers.remove(connection, TRIGGERS)
    assert triggers.missing(connection, TRIGGERS)

    call_command("migrate", verbosity=0)

    assert triggers.missing(connection, TRIGGERS) == frozenset()
    write()
    with pytest.raises(DatabaseError, match=REFUSAL):
        run("DELETE FROM audit_auditentry")


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite cannot disable a trigger")
def test_a_disabled_trigger_counts_as_missing() -> None:
    run("ALTER TABLE audit_auditentry DISABLE TRIGGER audit_no_update")
    assert triggers.missing(connection, TRIGGERS) == {"audit_no_update"}
