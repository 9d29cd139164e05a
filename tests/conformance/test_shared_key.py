"""The feed, a worker and the guardian share a Kraken key and lose no call to nonces."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from oms.venues.base import VenueError
from oms.venues.ccxt import client
from tests.clock import NOON
from tests.conformance.bench import EmulatedBench
from tests.conformance.emulated import bench_of

CALLERS = 3
CALLS = 15


@pytest.mark.usefixtures("flushable_db")
def test_callers_that_share_a_key_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT", timedelta(seconds=20))
    errors: list[VenueError] = []
    with bench_of("kraken") as bench:
        callers = [threading.Thread(target=call, args=(bench, errors)) for _ in range(CALLERS)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()

        # A snapshot is two private calls.
        assert len(bench.emulator.calls) == CALLERS * CALLS * 2
    assert errors == []


def call(bench: EmulatedBench, errors: list[VenueError]) -> None:
    """Call as another process would: with an adapter and a database connection of its own."""
    try:
        for _ in range(CALLS):
            bench.adapter().snapshot(now=NOON)
    except VenueError as error:
        errors.append(error)
    finally:
        connections.close_all()
