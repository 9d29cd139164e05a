"""Refusals that the database itself speaks, on both engines.

A migration that rebuilds a table drops its triggers, so they are installed after every migrate and
checked at every start.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A refusal of one kind of statement on one table.

    :param event: UPDATE, DELETE, INSERT or TRUNCATE
    :param condition: SQL over OLD and NEW; empty refuses every row
    :param reads_rows: the condition has a query, which PostgreSQL allows in a function only
    :param vendor: the only engine that needs it, or empty
    """

    name: str
    table: str
    event: str
    message: str
    condition: str = ""
    reads_rows: bool = False
    vendor: str = ""


def is_changed(*columns: str) -> str:
    """Return the condition that one of these columns is updated to something else, null or not."""
    return " OR ".join(
        f"OLD.{name} <> NEW.{name} OR (OLD.{name} IS NULL) <> (NEW.{name} IS NULL)"
        for name in columns
    )


def append_only(
    *, prefix: str, table: str, keys: Iterable[tuple[str, ...]], message: str
) -> tuple[Trigger, ...]:
    """Return the triggers that let rows of a table only be added.

    :param keys: every unique key: SQLite's INSERT OR REPLACE passes the other triggers
    """
    same = " OR ".join(
        " AND ".join(f"{column} = NEW.{column}" for column in columns) for columns in keys
    )
    return (
        *(
            Trigger(name=f"{prefix}_no_{event.lower()}", table=table, event=event, message=message)
            for event in ("UPDATE", "DELETE", "TRUNCATE")
        ),
        Trigger(
            name=f"{prefix}_no_replace",
            table=table,
            event="INSERT",
            vendor="sqlite",
            condition=f"EXISTS (SELECT 1 FROM {table} WHERE {same})",  # noqa: S608 - our own names
            message=message,
        ),
    )


def install_where_possible(connection: BaseDatabaseWrapper, triggers: Iterable[Trigger]) -> bool:
    """Install the triggers if their tables are there; return whether they are.

    A migration of another app comes by before this one's tables exist.
    """
    expected = tuple(triggers)
    tables = set(connection.introspection.table_names())
    if not {trigger.table for trigger in expected} <= tables:
        return False
    install(connection, expected)
    return True


def install(connection: BaseDatabaseWrapper, triggers: Iterable[Trigger]) -> None:
    """Create the triggers anew, whatever was there under their names."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION riskconsole_refuse() RETURNS trigger"
                " LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$"
            )
        for trigger in _of_engine(connection, triggers):
            cursor.execute(_drop(connection, trigger))
            if connection.vendor == "postgresql" and trigger.reads_rows:
                cursor.execute(_own_function(trigger))
            cursor.execute(_create(connection, trigger))


def remove(connection: BaseDatabaseWrapper, triggers: Iterable[Trigger]) -> None:
    """Drop the triggers: for a migration, and for tests that flush or forge."""
    with connection.cursor() as cursor:
        for trigger in _of_engine(connection, triggers):
            cursor.execute(_drop(connection, trigger))


def missing(connection: BaseDatabaseWrapper, triggers: Iterable[Trigger]) -> frozenset[str]:
    """Return the names of triggers that should be there and are not, or are disabled."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        found = {row[0] for row in cursor.fetchall()}
    return frozenset(trigger.name for trigger in _of_engine(connection, triggers)) - found


def _of_engine(connection: BaseDatabaseWrapper, triggers: Iterable[Trigger]) -> list[Trigger]:
    return [
        trigger
        for trigger in triggers
        if trigger.vendor in {"", connection.vendor}
        and not (trigger.event == "TRUNCATE" and connection.vendor == "sqlite")
    ]


def _drop(connection: BaseDatabaseWrapper, trigger: Trigger) -> str:
    on_table = "" if connection.vendor == "sqlite" else f" ON {trigger.table}"
    return f"DROP TRIGGER IF EXISTS {trigger.name}{on_table}"


def _create(connection: BaseDatabaseWrapper, trigger: Trigger) -> str:
    head = f"CREATE TRIGGER {trigger.name} BEFORE {trigger.event} ON {trigger.table}"
    if connection.vendor == "sqlite":
        when = f" WHEN {trigger.condition}" if trigger.condition else ""
        return f"{head}{when} BEGIN SELECT RAISE(ABORT, '{trigger.message}'); END"
    if trigger.reads_rows:
        return f"{head} FOR EACH ROW EXECUTE FUNCTION {trigger.name}()"
    each = "STATEMENT" if trigger.event == "TRUNCATE" else "ROW"
    when = f" WHEN ({trigger.condition})" if trigger.condition else ""
    return f"{head} FOR EACH {each}{when} EXECUTE FUNCTION riskconsole_refuse('{trigger.message}')"


def _own_function(trigger: Trigger) -> str:
    # A row that a function does not hand on is left alone, without an error.
    row = "OLD" if trigger.event == "DELETE" else "NEW"
    return (
        f"CREATE OR REPLACE FUNCTION {trigger.name}() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN IF {trigger.condition} THEN RAISE EXCEPTION '{trigger.message}'; END IF;"
        f" RETURN {row}; END $$"
    )
