"""Write the log to a file, one entry a line."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from riskconsole.audit.export import write_export
from riskconsole.command import ConsoleCommand


class Command(ConsoleCommand):
    help = "Write the audit log to a file: one entry a line, all hashed fields and the hash."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE.ndjson")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401
        count = write_export(Path(options["file"]))
        self.stdout.write(f"Wrote {count} entries to {options['file']}")
