"""Pause a portfolio, or every one: the gate lets bots reduce only, nothing is cancelled."""

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from breaker.management.portfolios import COMMAND, add_choice, chosen
from breaker.services.gate import pause
from riskconsole.command import ConsoleCommand


class Command(ConsoleCommand):
    help = "Shut the gate to what increases exposure; it is ended in the browser."
    # Nothing that is wrong elsewhere may keep a person from pausing.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_choice(parser)

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401
        for portfolio in chosen(options):
            now = timezone.now()
            gate = pause(portfolio_id=portfolio.pk, actor=COMMAND, address="", now=now)
            self.stdout.write(f"{portfolio.slug} is paused, gate {gate.mode}")
