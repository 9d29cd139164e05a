"""Sign where the log ends and print it: kept elsewhere, it proves what the log was."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError

from riskconsole.audit import checkpoints
from riskconsole.command import BAD_INPUT, ConsoleCommand


class Command(ConsoleCommand):
    help = "Print a signed checkpoint of the audit log as it ends now: keep it elsewhere."

    def handle(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401
        made = checkpoints.take(now=datetime.now(UTC))
        if made is None:
            raise CommandError("The log is empty: there is nothing to sign", returncode=BAD_INPUT)
        self.stdout.write(checkpoints.text_of(made), ending="")
