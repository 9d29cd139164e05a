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
from oms.services.exchanges import Exchanges
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
    polls: list[int] = []

    def poll(*, exchanges: Exchanges, number: int, now: datetime) -> list[Thread]:
        polls.append(number)
        if len(polls) == 3:
            os.kill(os.getpid(), number)
        return []

    monkeypatch.setattr(feed, "poll", poll)
    monkeypatch.setattr(feed, "POLL_SECONDS", 0)
    call_command("feed")

    assert polls == [0, 1, 2]


@pytest.mark.parametrize("outage", [DatabaseError("gone"), RedisIsDown("gone")])
def test_an_outage_is_logged_and_the_feed_lives(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, outage: Exception
) -> None:
    def fail(**_: object) -> None:
        raise outage

    monkeypatch.setattr(feed, "poll_venues", fail)

    assert feed.poll(exchanges=Exchanges(), number=0, now=NOON) == []
    assert "The feed waits for the next second: gone" in caplog.text


@pytest.mark.django_db
def test_a_poll_leaves_a_heartbeat() -> None:
    feed.poll(exchanges=Exchanges(), number=1, now=NOON)

    assert [heart.is_alive for heart in heartbeats() if heart.name == "feed"] == [True]
