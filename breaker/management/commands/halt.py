"""Halt a portfolio, or every one, now; it needs nothing but the database."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from breaker.management.portfolios import COMMAND, add_choice, chosen
from breaker.services.tripping import halt
from portfolio.models import Portfolio
from riskconsole.command import ConsoleCommand

NOT_ALL = 1


class Command(ConsoleCommand):
    help = "Trip the breaker now: the gate shuts and every open order is cancelled."
    # Nothing that is wrong elsewhere may keep a person from halting.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_choice(parser)
        parser.add_argument("--reason", default="", metavar="TEXT")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401
        failed = [p.slug for p in chosen(options) if not self._halt(p, reason=options["reason"])]
        if failed:
            raise CommandError(f"Not halted: {', '.join(failed)}", returncode=NOT_ALL)

    def _halt(self, portfolio: Portfolio, *, reason: str) -> bool:
        """Return whether the halt is durable; whatever stops one portfolio stops no other."""
        now = timezone.now()
        try:
            trip = halt(
                portfolio_id=portfolio.pk, reason=reason, actor=COMMAND, address="", now=now
            )
        except Exception as error:  # noqa: BLE001 - the others must still be halted
            self.stderr.write(f"{portfolio.slug}: {type(error).__name__}: {error}")
            return False
        self.stdout.write(f"{portfolio.slug} is halted, trip {trip.pk}")
        return True
