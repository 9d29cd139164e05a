"""`apply FILE.toml [--check]`: make what the file says, all of it or nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from breaker.services.desired.changes import Change
from breaker.services.desired.document import Document, read_document
from breaker.services.desired.execution import changes_of, make_so, refuse_loosening
from breaker.services.desired.existing import Existing, nothing, read_existing
from breaker.services.desired.key_files import Keys, read_key_files
from breaker.services.desired.places import BadFile, Place
from breaker.services.desired.steps import By
from riskconsole.command import ConsoleCommand, MissingDatabase, refuse_missing_database

Lines = Mapping[Place, int]


class Command(ConsoleCommand):
    help = "Make portfolios, accounts, limits and people what a TOML file says."
    needs_database = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--check", action="store_true", help="print the difference only")

    def handle(self, *, file: Path, check: bool, **_options: Any) -> None:  # noqa: ANN401
        try:
            document, lines = read_document(_text_of(file))
            keys = read_key_files(document, lines, folder=file.parent)
            (self._check if check else self._apply)(document, lines, keys)
        except BadFile as error:
            raise BadFile(
                "\n".join(f"{file}: {line}" for line in str(error).splitlines())
            ) from error

    def _check(self, document: Document, lines: Lines, keys: Keys) -> None:
        changes = changes_of(document, _existing(keys), lines, keys=keys)
        self._print(changes)
        refuse_loosening(changes, lines)

    def _apply(self, document: Document, lines: Lines, keys: Keys) -> None:
        prepare_database()
        self._print(make_so(document, lines, by=By(now=timezone.now()), keys=keys))

    def _print(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self.stdout.write(str(change))
        if not changes:
            self.stdout.write("Nothing to change")


def prepare_database() -> None:
    """Make the database, or bring it up to date; leave alone one that is.

    In production the role of the running console may not migrate.

    :raises MissingDatabase: if it does not answer
    """
    settings.RISKCONSOLE_HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        executor = MigrationExecutor(connection)
    except OperationalError as error:
        raise MissingDatabase(f"The database does not answer: {error}") from error
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command(
            "migrate", database=settings.MIGRATION_DATABASE, verbosity=0, interactive=False
        )


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadFile(f"is not UTF-8: {error.reason} at byte {error.start}") from error


def _existing(keys: Keys) -> Existing:
    """Return what there is; a database that was never made holds nothing, and stays unmade."""
    try:
        refuse_missing_database()
    except MissingDatabase as missing:
        # One that is there but does not answer says nothing about what it holds.
        if missing.__cause__ is not None:
            raise
        return nothing()
    return read_existing(keys_of=keys)
