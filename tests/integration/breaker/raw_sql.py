"""Statements as somebody with a shell on the database types them."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction

SqlValue = str | int | Decimal | datetime | timedelta | None


def run(statement: str, *values: SqlValue) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        parameters: list[SqlValue] = [*values]
        cursor.execute(statement, parameters)  # type: ignore[arg-type]


def replacing(table: str, changes: str) -> str:
    """Return the statement that puts the rows of a table in place of themselves, changed."""
    rows = f"INTO {table} SELECT * FROM {table} WHERE TRUE"  # noqa: S608 - our own tables
    if connection.vendor == "sqlite":
        return f"INSERT OR REPLACE {rows}"
    return f"INSERT {rows} ON CONFLICT (id) DO UPDATE SET {changes}"
