"""Show in ten seconds that a loss halts the system: real services, a database that goes away."""

import json
import logging
import os
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from riskconsole.command import ConsoleCommand
from riskconsole.ops.demo_loss import Event, play

HALTED = 1
FAILED = 2
# The second stage runs only in a home that the first one made for it.
MARKER = "temporary-demo"
SETTINGS = "riskconsole.settings"
# Nothing of the real console may be reached: not its database, not its people.
KEPT_AWAY = frozenset(
    {
        "DATABASE_URL",
        "DATABASE_MIGRATION_URL",
        "REDIS_URL",
        "RISKCONSOLE_ENV",
        "RISKCONSOLE_ALERT_URLS",
        "RISKCONSOLE_HEARTBEAT_URL",
    }
)


class Command(ConsoleCommand):
    help = "Play a loss of 5.5 % through the real services; ends with 1, as the halted system."
    needs_database = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one object a line")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401
        if (Path(settings.RISKCONSOLE_HOME) / MARKER).exists():
            self._play(as_json=options["json"])
            return
        with TemporaryDirectory(prefix="riskconsole-demo-") as home:
            (Path(home) / MARKER).touch()
            status = self._run_in(home, as_json=options["json"])
        sys.exit(FAILED if status else HALTED)

    def _play(self, *, as_json: bool) -> None:
        # There is no Redis here, on purpose; each service would say that it goes on without.
        logging.disable(logging.WARNING)
        call_command(
            "migrate", database=settings.MIGRATION_DATABASE, verbosity=0, interactive=False
        )
        for event in play(clock=timezone.now):
            self.stdout.write(json.dumps(event) if as_json else _sentence(event))
            self.stdout.flush()

    def _run_in(self, home: str, *, as_json: bool) -> int:
        """Run the second stage with settings of its own; return its exit status."""
        kept = {name: value for name, value in os.environ.items() if name not in KEPT_AWAY}
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo"]
        stage = subprocess.Popen(  # noqa: S603 - this very program
            [*command, "--json"] if as_json else command,
            env=kept | {"RISKCONSOLE_HOME": home, "DJANGO_SETTINGS_MODULE": SETTINGS},
            stdout=subprocess.PIPE,
            text=True,
        )
        with stage:
            for line in stage.stdout or ():
                self.stdout.write(line, ending="")
                self.stdout.flush()
        return stage.returncode


def _sentence(event: Event) -> str:
    return _SENTENCES[str(event["event"])].format(**event)


_SENTENCES = {
    "step": "Equity {equity:>9} USDT, loss ratio {loss_ratio:<6} {state}",
    "leg": "{account}: {cancelled} orders cancelled, {status}",
    "halted": "{state} at {final_equity} USDT, a loss of {loss} USDT: the system is halted",
}
