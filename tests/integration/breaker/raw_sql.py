"""Statements as somebody with a shell on the database types them."""

from datetime import datetime

from django.db import connection, transaction


def run(statement: str, *values: str | int | datetime) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, list(values))


def replacing(table: str, changes: str) -> str:
    """Return the statement that puts the rows of a table in place of themselves, changed."""
    rows = f"INTO {table} SELECT * FROM {table} WHERE TRUE"  # noqa: S608 - our own tables
    if connection.vendor == "sqlite":
        return f"INSERT OR REPLACE {rows}"
    return f"INSERT {rows} ON CONFLICT (id) DO UPDATE SET {changes}"
