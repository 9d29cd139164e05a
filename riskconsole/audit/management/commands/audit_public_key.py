"""Print the key by which anyone can check the checkpoints."""

from typing import Any

from riskconsole.audit.signing import public_key_text
from riskconsole.command import ConsoleCommand


class Command(ConsoleCommand):
    help = "Print the public key of the audit log's checkpoints as PEM."

    def handle(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401
        self.stdout.write(public_key_text(), ending="")
