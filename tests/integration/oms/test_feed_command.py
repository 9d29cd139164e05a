import os
import signal
from collections.abc import Iterator
from datetime import datetime
from threading import Thread

import pytest
from django.core.management import call_command
from django.db import DatabaseError
from redis import ConnectionError as RedisIsDown

from oms.management.commands import feed
from riskconsole.live.heartbeats import heartbeats
from tests.integration.oms.desk import NOON


@pytest.fixture(autouse=True)
def _signals_restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_feed_polls_until_it_is_told_to_stop(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    polls: list[bool] = []

    def poll(*, now: datetime, takes_snapshots: bool) -> list[Thread]:
        polls.append(takes_snapshots)
        if len(polls) == 3:
            os.kill(os.getpid(), number)
        return []

    monkeypatch.setattr(feed, "poll", poll)
    monkeypatch.setattr(feed, "POLL_SECONDS", 0)
    call_command("feed")

    assert polls == [True, False, True]


@pytest.mark.parametrize("outage", [DatabaseError("gone"), RedisIsDown("gone")])
def test_an_outage_is_logged_and_the_feed_lives(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, outage: Exception
) -> None:
    def fail(**_: object) -> None:
        raise outage

    monkeypatch.setattr(feed, "poll_venues", fail)

    assert feed.poll(now=NOON, takes_snapshots=True) == []
    assert "The feed waits for the next second: gone" in caplog.text


@pytest.mark.django_db
def test_a_poll_leaves_a_heartbeat() -> None:
    feed.poll(now=NOON, takes_snapshots=False)

    assert [heart.is_alive for heart in heartbeats() if heart.name == "feed"] == [True]
