"""Check the log, in the database or in an export: 0 intact, 1 broken, 2 unreadable."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from riskconsole.audit.verification import verify_log
from riskconsole.audit.verify_export import (
    BROKEN,
    End,
    Unreadable,
    Verdict,
    add_witness_arguments,
    broken_text,
    told,
    verify_file,
    witnesses,
)
from riskconsole.command import BAD_INPUT, ConsoleCommand, refuse_missing_database


class Command(ConsoleCommand):
    help = "Check the hash chain of the audit log."
    needs_database = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--export", metavar="FILE", help="check this file, not the database")
        add_witness_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401
        try:
            ends, forged = witnesses(
                checkpoints=options["checkpoint"],
                public_key=options["public_key"],
                roots=options["root"],
            )
            verdict = _verdict(options["export"], ends)
        except Unreadable as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        if broken := verdict.broken or forged:
            raise CommandError(broken_text(broken), returncode=BROKEN)
        self.stdout.write(told(verdict, ends))


def _verdict(export: str | None, ends: Sequence[End]) -> Verdict:
    if export is not None:
        return verify_file(Path(export), ends=ends)
    refuse_missing_database()
    try:
        return verify_log(ends)
    except DatabaseError as error:
        raise CommandError(f"The log cannot be read: {error}", returncode=BAD_INPUT) from error
