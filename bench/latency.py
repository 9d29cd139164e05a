"""From a tick to a durable trip, to the venue's empty book, to the browser; idle and under load.

The trip counts when another connection reads it, the cancel when the order has left the venue's
book, the browser when the frame is at the other end of the websocket.
"""

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from statistics import median
from time import monotonic, perf_counter_ns, sleep

from websockets.sync.client import connect
from websockets.typing import Origin

from bench.console import OPENING, PORTFOLIOS, ROOT, arm, console, private, session_cookie
from bench.floor import measure_floor
from bench.report import RUNS, Path, Report, median_of, path_of

PHASES = ("idle", "1000_ticks")
WAIT_SECONDS = 30.0
PAUSE_SECONDS = 0.25
POLL_SECONDS = 0.0002
SETTLE_SECONDS = 3.0
_NS_PER_MS = 1_000_000

_TRIPPED = (
    "SELECT 1 FROM breaker_trip t JOIN breaker_breaker b ON b.id = t.breaker_id"
    " JOIN portfolio_portfolio p ON p.id = b.portfolio_id WHERE p.slug = ?"
)
_EMPTY = (
    "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM oms_paperorder o"
    " JOIN oms_paperaccount a ON a.id = o.account_id"
    " JOIN portfolio_venueaccount v ON v.id = a.account_id"
    " JOIN portfolio_portfolio p ON p.id = v.portfolio_id WHERE p.slug = ?)"
)

Samples = Mapping[str, list[float]]


def run() -> Report:
    """Return medians of three runs, each phase on a console of its own."""
    runs = [{phase: _in_own_process(phase) for phase in PHASES} for _ in range(RUNS)]
    paths = {
        f"{name}_{phase}": median_of([_path(name, one[phase]) for one in runs])
        for phase in PHASES
        for name in ("trip", "cancel", "browser")
    }
    for phase in PHASES:
        paths[f"floor_{phase}"] = median_of([path_of(one[phase]["floor"]) for one in runs])
    return Report(paths=paths, floor_ms=paths["floor_idle"].p50_ms)


def _path(name: str, samples: Samples) -> Path:
    return path_of(samples[name], floor_ms=median(samples["floor"]))


def _in_own_process(phase: str) -> Samples:
    """Measure one phase in a process of its own, as settings are read once per process."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.latency", phase],
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
    )
    found: Samples = json.loads(done.stdout)
    return found


def measure(phase: str) -> Samples:
    """Trip each of the books once; return milliseconds per path and of the floor."""
    with console() as address:
        from django.conf import settings

        from riskconsole.redis_client import redis_client

        arm()
        with (
            _load(phase),
            closing(_reader(settings.DATABASES["default"]["NAME"])) as database,
            closing(Browser(address)) as browser,
        ):
            sleep(SETTLE_SECONDS)
            floor = measure_floor(redis=redis_client(), folder=settings.RISKCONSOLE_HOME)
            trips = [_trip(number, database, browser) for number in range(PORTFOLIOS)]
    paths = {name: [trip[name] for trip in trips] for name in trips[0]}
    return {"floor": floor, **paths}


def _trip(number: int, database: sqlite3.Connection, browser: "Browser") -> dict[str, float]:
    from portfolio.marks import NewMark, accept

    sleep(PAUSE_SECONDS)
    slug = f"book-{number}"
    mark = NewMark(instrument=private(number), price=OPENING * 92 / 100)
    began = perf_counter_ns()
    accept(venue="paper", marks=[mark], now=datetime.now(UTC))
    at = {
        "trip": _wait_for(lambda: database.execute(_TRIPPED, [slug]).fetchone() is not None),
        "cancel": _wait_for(lambda: database.execute(_EMPTY, [slug]).fetchone() is not None),
    }
    _wait_for(lambda: slug in browser.tripped_at)
    at["browser"] = browser.tripped_at[slug]
    return {name: (moment - began) / _NS_PER_MS for name, moment in at.items()}


def _wait_for(is_true: Callable[[], bool]) -> int:
    """Return when it became true."""
    deadline = monotonic() + WAIT_SECONDS
    while not is_true():
        if monotonic() > deadline:
            raise TimeoutError("A trip did not get through in 30 s")
        sleep(POLL_SECONDS)
    return perf_counter_ns()


def _reader(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)


@contextmanager
def _load(phase: str) -> Iterator[None]:
    """Feed ticks from another process while the block runs, unless the console shall be idle."""
    if phase == "idle":
        yield
        return
    process = subprocess.Popen([sys.executable, "-m", "bench.ticks"], cwd=ROOT)
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError("The feed ended before the measurement did")
    finally:
        process.terminate()
        process.wait()


class Browser:
    """One signed-in websocket; notes when it heard of each trip."""

    def __init__(self, address: str) -> None:
        self.tripped_at: dict[str, int] = {}
        self._socket = connect(
            address.replace("http://", "ws://") + "ws/live/",
            origin=Origin(address.rstrip("/")),
            additional_headers={"Cookie": session_cookie()},
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _listen(self) -> None:
        for text in self._socket:
            frame = json.loads(text)
            for state in frame.get("portfolios", [frame]):
                if state.get("state") == "TRIGGERED":
                    self.tripped_at.setdefault(state["portfolio"], perf_counter_ns())


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
