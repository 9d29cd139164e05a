import os
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from riskconsole.live.heartbeats import ALIVE_SECONDS, PROCESSES, Heartbeat, beat, heartbeats


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Settings) -> Path:
    settings.RISKCONSOLE_HOME = tmp_path
    return tmp_path


def of(name: str) -> Heartbeat:
    return next(one for one in heartbeats() if one.name == name)


def test_every_process_is_listed_also_one_that_never_ran() -> None:
    assert [one.name for one in heartbeats()] == list(PROCESSES)
    assert of("feed") == Heartbeat("feed", None, is_alive=False)


def test_a_process_that_just_beat_is_alive() -> None:
    beat("feed")
    found = of("feed")
    assert found.is_alive
    assert found.age_seconds is not None
    assert found.age_seconds < ALIVE_SECONDS


def test_a_process_that_fell_silent_is_not_alive(home: Path) -> None:
    beat("feed")
    long_ago = time.time() - ALIVE_SECONDS - 1
    os.utime(home / "heartbeats" / "feed", (long_ago, long_ago))
    assert not of("feed").is_alive


def test_a_clock_that_was_set_back_makes_no_negative_age(home: Path) -> None:
    beat("feed")
    later = time.time() + 3600
    os.utime(home / "heartbeats" / "feed", (later, later))
    assert of("feed").age_seconds == 0
