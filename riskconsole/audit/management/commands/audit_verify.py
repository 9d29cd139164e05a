"""Check the log, in the database or in an export: 0 intact, 1 broken, 2 unreadable."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from riskconsole.audit.export import verify_export
from riskconsole.audit.verification import Verdict, verify_log
from riskconsole.command import BAD_INPUT, ConsoleCommand, refuse_missing_database

BROKEN = 1
IN_DATABASE = (
    "Entries cut off together with the head row, or a chain made anew, show only against a root"
    " kept elsewhere."
)
IN_EXPORT = "Entries cut off the end of an export show only against a root kept elsewhere."


class Command(ConsoleCommand):
    help = "Check the hash chain of the audit log."
    needs_database = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--export", metavar="FILE", help="check this file, not the database")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401
        export = options["export"]
        verdict = verify_export(Path(export)) if export else _verify_database()
        if verdict.broken:
            raise CommandError(
                f"Broken: entry {verdict.broken.sequence} {verdict.broken.reason}",
                returncode=BROKEN,
            )
        self.stdout.write(f"Intact: {verdict.entries} entries, root {verdict.root}")
        self.stdout.write(IN_EXPORT if export else IN_DATABASE)


def _verify_database() -> Verdict:
    refuse_missing_database()
    try:
        return verify_log()
    except DatabaseError as error:
        raise CommandError(f"The log cannot be read: {error}", returncode=BAD_INPUT) from error
