"""What it costs to replay 14 days of minutes of two symbols, with and without the program's start.

The floor is the start alone: an interpreter that loads Django and this project's apps.
"""

import gzip
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path as File
from tempfile import TemporaryDirectory
from time import perf_counter_ns

from bench.report import RUNS, Path, Report, median_of, path_of
from breaker.domain.candles import COLUMNS, Tape, join
from breaker.domain.replay import Outcome, Terms, replay
from breaker.domain.stakes import stakes_from
from breaker.management.candle_files import read_candle_file

FOLDER = File(__file__).resolve().parent.parent
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = 14 * 24 * 60
PRICES = {"BTCUSDT": 23_000, "ETHUSDT": 1_585}
CASH = "30000"
PERPS = ("BTCUSDT=1@23000", "ETHUSDT=5@1585")
SAMPLES = 3
_NS_PER_MS = 1_000_000


def run() -> Report:
    """Return medians of three runs over the same bars, made from one seed."""
    with TemporaryDirectory() as folder:
        file = File(folder) / "bars.csv.gz"
        with gzip.open(file, "wt") as text:
            text.writelines(_rows(random.Random(1)))  # noqa: S311 - bars, not secrets
        runs = [_measure(file, home=folder) for _ in range(RUNS)]
    floors, paths = zip(*runs, strict=True)
    return Report(
        floor_ms=median_of(floors).p50_ms,
        paths={name: median_of([found[name] for found in paths]) for name in paths[0]},
    )


def _measure(file: File, *, home: str) -> tuple[Path, dict[str, Path]]:
    tape = join([read_candle_file(file)])
    start = path_of(_times(partial(_run, "-c", "import django; django.setup()", home=home)))
    stakes = ["--cash", CASH, *(option for perp in PERPS for option in ("--perp", perp))]
    command = partial(_run, "manage.py", "replay", str(file), *stakes, home=home)
    return start, {
        "read": path_of(_times(lambda: join([read_candle_file(file)]))),
        "replay": path_of(_times(partial(_replay, tape))),
        "command": path_of(_times(command), floor_ms=start.p50_ms),
    }


def _replay(tape: Tape) -> Outcome:
    return replay(
        tape=tape,
        stakes=stakes_from(currency="USDT", cash=CASH, spot=(), perps=PERPS),
        terms=Terms(capital=None, warning_ratio=Decimal("0.03"), trip_ratio=Decimal("0.05")),
        steps=tape.steps,
    )


def _run(*arguments: str, home: str) -> None:
    environment = os.environ | {
        "RISKCONSOLE_HOME": home,
        "DJANGO_SETTINGS_MODULE": "riskconsole.settings",
    }
    subprocess.run(
        [sys.executable, *arguments],
        cwd=FOLDER,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _times(work: Callable[[], object]) -> list[float]:
    return [_milliseconds(work) for _ in range(SAMPLES)]


def _milliseconds(work: Callable[[], object]) -> float:
    start = perf_counter_ns()
    work()
    return (perf_counter_ns() - start) / _NS_PER_MS


def _rows(chance: random.Random) -> Iterator[str]:
    """Yield bars of a random walk, as exchanges write them."""
    yield ",".join(COLUMNS) + "\n"
    prices = {symbol: price * 100 for symbol, price in PRICES.items()}
    for minute in range(MINUTES):
        at = f"{BEGIN + minute * timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
        for symbol, opened in prices.items():
            close = opened + chance.randint(-opened // 2000, opened // 2000)
            high, low = max(opened, close) + chance.randint(0, 50), min(opened, close) - 10
            numbers = ",".join(f"{cents / 100:.2f}" for cents in (opened, high, low, close))
            yield f"{at},{symbol},{numbers},{chance.randint(1, 10**6) / 1000}\n"
            prices[symbol] = close
