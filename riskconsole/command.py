"""The base of the console's commands: a missing database and a bad input end in one sentence."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder

from riskconsole.kernel.errors import RiskConsoleError

BAD_INPUT = 2


class MissingDatabase(RiskConsoleError):
    """There is no database yet, or nobody answers where it should be; `up` makes one."""


class ConsoleCommand(BaseCommand):
    """A command that refuses a missing database and ends with status 2 on an anticipated error.

    A command that works without the console's database, or makes it, sets needs_database False.
    """

    needs_database = True

    def execute(self, *args: Any, **options: Any) -> str | None:  # noqa: ANN401
        try:
            if self.needs_database:
                refuse_missing_database()
            return super().execute(*args, **options)
        except RiskConsoleError as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error


def refuse_missing_database() -> None:
    """Return if the console's tables are there; never make a database.

    :raises MissingDatabase: naming what was looked for
    """
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not Path(name).exists():
        raise MissingDatabase(f"There is no database at {name}: start the console with `up` first")
    try:
        is_migrated = MigrationRecorder(connection).has_table()
    except DatabaseError as error:
        raise MissingDatabase(f"The database {name} does not answer: {error}") from error
    if not is_migrated:
        raise MissingDatabase(f"The database {name} is empty: start the console with `up` first")
