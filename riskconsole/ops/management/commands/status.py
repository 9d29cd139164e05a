"""`status [SLUG] [--json]`: ends with 0 only if everything is in order."""

import json
import sys
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from riskconsole.command import ConsoleCommand
from riskconsole.live.heartbeats import Heartbeat
from riskconsole.ops.standing import PortfolioStanding, Standing, standing, standing_facts

NOT_CALM = 1


class Command(ConsoleCommand):
    help = "Show state, health, gate, equity, loss and legs of portfolios, and the processes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", nargs="?", help="one portfolio; without it all")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *, slug: str | None, as_json: bool, **_options: Any) -> None:  # noqa: ANN401
        found = standing(slug=slug, now=timezone.now())
        self.stdout.write(json.dumps(standing_facts(found)) if as_json else _text(found))
        if not found.is_calm:
            sys.exit(NOT_CALM)


def _text(found: Standing) -> str:
    lines = [line for one in found.portfolios for line in _portfolio_lines(one)]
    return "\n".join([*lines, *(_process_line(one) for one in found.processes)])


def _portfolio_lines(one: PortfolioStanding) -> list[str]:
    gate, facts = one.gate, one.facts
    why = f" ({', '.join(gate.reasons)})" if gate.reasons else ""
    money = f"equity {facts['equity']} {facts['reference_currency']}, loss {facts['loss_ratio']}"
    return [
        f"{facts['slug']}: {gate.state}, health {gate.health}, gate {gate.mode}{why}, "
        f"{money if facts['equity'] else 'no equity yet'}",
        *(f"  {leg.account}: {leg.status}, {leg.cancelled} cancelled" for leg in one.legs),
        *(["  needs a human"] if one.needs_human else []),
    ]


def _process_line(process: Heartbeat) -> str:
    if process.age_seconds is None:
        return f"{process.name}: not running"
    state = "alive" if process.is_alive else "SILENT"
    return f"{process.name}: {state}, last heartbeat {process.age_seconds:.1f} s ago"
