"""Replay recorded prices through the breaker: what would have happened?"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from breaker.domain.candles import Step, Tape, join
from breaker.domain.replay import Outcome, Terms, replay
from breaker.domain.stakes import stakes_from
from breaker.management.candle_files import read_candle_file
from breaker.management.replay_chart import write_chart
from riskconsole.command import ConsoleCommand
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import (
    EXACT,
    NotANumber,
    money_text,
    positive_from,
    ratio_text,
)

_PERCENT = Decimal("0.01")


class BadOption(RiskConsoleError):
    """An option does not hold the number that it should."""


class Command(ConsoleCommand):
    help = "Replay recorded prices through the breaker with a simulated clock."
    needs_database = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("files", nargs="+", metavar="FILE", help="CSV or CSV.gz of bars")
        add("--cash", default="0", help="in the currency; the margin balance too: 10000")
        add("--spot", action="append", default=[], metavar="ASSET=QUANTITY", help="BTC=0.5")
        add(
            "--perp",
            action="append",
            default=[],
            metavar="SYMBOL=QUANTITY@ENTRY",
            help="linear, below zero is short: BTCUSDT=-0.2@61000",
        )
        add("--capital", help="what a loss is measured from; default: the first equity")
        add("--warning", default="3", help="percent of loss; default 3")
        add("--trip", default="5", help="percent of loss; default 5")
        add("--currency", default="USDT", help="that symbols end in; default USDT")
        add("--data-quality", action="store_true", help="let marks age and hold outliers")
        add("--json", action="store_true", help="print one JSON object")
        add("--chart", metavar="FILE.svg", help="draw the equity with its limits")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401
        stakes = stakes_from(
            currency=options["currency"],
            cash=options["cash"],
            spot=options["spot"],
            perps=options["perp"],
        )
        terms = _terms(options)
        tape = join([read_candle_file(Path(name)) for name in options["files"]])
        outcome = replay(tape=tape, stakes=stakes, terms=terms, steps=_shown(tape))
        if options["chart"]:
            write_chart(outcome, path=Path(options["chart"]), currency=stakes.currency)
        facts = _facts(outcome)
        self.stdout.write(json.dumps(facts) if options["json"] else _text(facts, stakes.currency))


def _terms(options: Mapping[str, Any]) -> Terms:
    capital = options["capital"]
    return Terms(
        capital=None if capital is None else _positive(capital, of="--capital"),
        warning_ratio=EXACT.multiply(_positive(options["warning"], of="--warning"), _PERCENT),
        trip_ratio=EXACT.multiply(_positive(options["trip"], of="--trip"), _PERCENT),
        is_data_judged=options["data_quality"],
    )


def _positive(text: str, *, of: str) -> Decimal:
    try:
        return positive_from(text)
    except NotANumber as error:
        raise BadOption(f"{of}: {error}") from error


def _shown(tape: Tape) -> Iterable[Step]:
    """Return the steps, behind a progress bar if a person is watching."""
    if not sys.stderr.isatty():
        return tape.steps
    from tqdm import tqdm

    return tqdm(tape.steps, unit="bar", leave=False)


def _facts(outcome: Outcome) -> dict[str, object]:
    """Return the outcome in the shape that is promised to scripts."""
    trip, quality, warning_at = outcome.trip, outcome.data_quality, outcome.warning_at
    return {
        "bars": outcome.bars,
        "first_at": time_text(outcome.first_at),
        "last_at": time_text(outcome.last_at),
        "initial_equity": money_text(outcome.curve[0].equity),
        "warning_at": warning_at and time_text(warning_at),
        "trip": trip
        and {
            "at": time_text(trip.at),
            "equity": money_text(trip.equity),
            "loss_ratio": ratio_text(trip.loss_ratio),
            "cause": trip.cause,
        },
        "lowest_equity": money_text(outcome.lowest.equity),
        "lowest_at": time_text(outcome.lowest.at),
        "final_equity": money_text(outcome.curve[-1].equity),
        "loss_avoided": None if outcome.loss_avoided is None else money_text(outcome.loss_avoided),
        "data_quality": quality and {"held": quality.held, "blind": quality.blind},
    }


def _text(facts: Mapping[str, Any], currency: str) -> str:
    trip, quality = facts["trip"], facts["data_quality"]
    tripped = trip and f"{trip['at']} at {trip['equity']} {currency}, loss {trip['loss_ratio']}"
    lines = {
        "Bars": f"{facts['bars']} known from {facts['first_at']} to {facts['last_at']}",
        "Initial equity": f"{facts['initial_equity']} {currency}",
        "Warning": facts["warning_at"] or "never",
        "Trip": f"{tripped} ({trip['cause']})" if trip else "never",
        "Lowest equity": f"{facts['lowest_equity']} {currency} at {facts['lowest_at']}",
        "Final equity": f"{facts['final_equity']} {currency}",
    }
    if trip:
        lines["Loss avoided"] = f"{facts['loss_avoided']} {currency}"
    if quality:
        lines["Data quality"] = f"{quality['held']} marks held, {quality['blind']} bars blind"
    return "\n".join(f"{name:15}{line}" for name, line in lines.items())
