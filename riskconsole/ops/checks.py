"""A database that lost its refusals stops the start: a migration can drop them silently."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from breaker.triggers import TRIGGERS as BREAKER_TRIGGERS
from riskconsole import triggers
from riskconsole.audit.triggers import TRIGGERS as AUDIT_TRIGGERS


@register(Tags.database)
def triggers_are_installed(
    *,
    databases: Sequence[str] | None,
    **_kwargs: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    missing = {name for alias in databases or () for name in _missing(connections[alias])}
    hint = "Run `migrate --skip-checks`, which installs the triggers anew."
    return [
        Error(f"The database has no trigger {name}", hint=hint, id="ops.E001")
        for name in sorted(missing)
    ]


def _missing(connection: BaseDatabaseWrapper) -> frozenset[str]:
    """Return the missing triggers of the tables that there are: before the first migrate, none."""
    tables = set(connection.introspection.table_names())
    expected = [t for t in (*AUDIT_TRIGGERS, *BREAKER_TRIGGERS) if t.table in tables]
    return triggers.missing(connection, expected)
