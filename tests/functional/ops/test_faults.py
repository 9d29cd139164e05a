"""A whole console from outside: what is killed or stopped, and what still happens."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.functional.ops.supervised import is_gone, wait_until
from tests.functional.ops.test_up import Console, run, stop

DESK = """
[[portfolio]]
slug = "main"
name = "Main book"
reference_currency = "USDT"
initial_capital = "10000"

[[portfolio.account]]
slug = "cash"
venue = "manual"
kind = "spot"

[[portfolio]]
slug = "perps"
name = "Perps"
reference_currency = "USDT"
initial_capital = "20000"

[[portfolio.account]]
slug = "one"
venue = "paper"
kind = "margin"
[portfolio.account.paper]
balances = { USDT = "10000" }
orders = [
  { instrument = "BTC/USDT:USDT", side = "BUY", type = "LIMIT", quantity = "0.1", price = "40000" },
  { instrument = "BTC/USDT:USDT", side = "BUY", type = "LIMIT", quantity = "0.1", price = "41000" },
]

[[portfolio.account]]
slug = "two"
venue = "paper"
kind = "margin"
[portfolio.account.paper]
balances = { USDT = "10000" }
orders = [
  { instrument = "ETH/USDT:USDT", side = "BUY", type = "LIMIT", quantity = "1", price = "2000" },
]
"""
SLOW_VENUE = "from oms.models import PaperAccount; PaperAccount.objects.update(latency_ms=1500)"
CHECK_HISTORY = "from tests.history import check_history; check_history()"
FULL_STOP_SECONDS = 15


class Desk:
    """A running console with two portfolios and the calls that a test makes of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.console = Console(home, "--port", "0")
        assert self.console.url
        file = home / "desk.toml"
        file.write_text(DESK)
        self.command("apply", str(file))
        scopes = ["--scope", "read", "feed", "gate", "halt"]
        self.token = self.command("token", "create", "test", *scopes).strip()

    def command(self, *arguments: str) -> str:
        done = run(self.home, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        return httpx.request(
            method,
            f"{self.console.url}api/v1/{path}",
            headers={"Authorization": f"Bearer {self.token}"},
            json=body,
            timeout=20,
        )

    def push(self, usdt: str) -> httpx.Response:
        body = {"balances": {"USDT": usdt}}
        return self.call("PUT", "portfolios/main/accounts/cash/snapshot", body)

    def mode(self, slug: str) -> str:
        return str(self.call("GET", f"portfolios/{slug}/gate").json()["mode"])

    def wait_for_mode(self, slug: str, mode: str) -> None:
        wait_until(lambda: self.mode(slug) == mode, f"the mode {mode} of {slug}")

    def process(self, words: str) -> psutil.Process:
        return next(one for one in self.console.children() if words in " ".join(one.cmdline()))

    def leg_statuses(self) -> list[str]:
        legs = json.loads(run(self.home, "status", "perps", "--json").stdout)
        return [leg["status"] for leg in legs["portfolios"][0]["legs"]]

    def wait_until_empty(self, *, seconds: float = FULL_STOP_SECONDS) -> None:
        wait_until(
            lambda: self.leg_statuses() == ["EMPTY", "EMPTY"], "EMPTY on both", seconds=seconds
        )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "home")
    yield desk
    stop(desk.console)


def test_a_trip_is_still_there_after_everything_was_killed_and_started_again(desk: Desk) -> None:
    assert desk.push("10000").json()["mode"] == "FULL"
    assert desk.push("9500.01").json()["state"] == "WARNING"
    assert desk.push("9500.00").json()["state"] == "TRIGGERED"

    family = [psutil.Process(desk.console.process.pid), *desk.console.children()]
    for process in family:
        process.kill()
    desk.console.process.wait()
    wait_until(lambda: all(is_gone(process) for process in family), "the end of all")
    desk.console = Console(desk.home, "--port", "0")

    answer = desk.call("GET", "portfolios/main/gate").json()
    assert (answer["state"], answer["mode"]) == ("TRIGGERED", "HALTED")
    actions = [entry["action"] for entry in desk.call("GET", "audit?after=0").json()["items"]]
    assert actions.count("breaker.trip.happened") == 1
    desk.command("shell", "-c", CHECK_HISTORY)
    assert "Intact" in desk.command("audit_verify")


def test_a_cancel_run_ends_empty_though_its_worker_was_killed_in_the_middle(desk: Desk) -> None:
    desk.wait_for_mode("perps", "FULL")
    desk.command("shell", "-c", SLOW_VENUE)
    worker = desk.process("worker-emergency@")

    trip = desk.call("POST", "portfolios/perps/trip", {"reason": "kill -9"})
    worker.kill()

    assert [leg["status"] for leg in trip.json()["legs"]] == ["PENDING", "PENDING"]
    desk.wait_until_empty(seconds=60)
    legs = desk.call("GET", f"trips/{trip.json()['id']}").json()["legs"]
    assert {leg["account"]: leg["cancelled"] for leg in legs} == {"one": 2, "two": 1}
    desk.command("shell", "-c", CHECK_HISTORY)


def test_a_halt_ends_empty_within_fifteen_seconds_though_redis_is_stopped(desk: Desk) -> None:
    desk.wait_for_mode("perps", "FULL")
    redis = desk.process("redis")
    redis.send_signal(signal.SIGSTOP)
    try:
        desk.command("halt", "perps", "--reason", "Redis hangs")

        desk.wait_until_empty()
        assert desk.mode("perps") == "HALTED"
    finally:
        redis.send_signal(signal.SIGCONT)
