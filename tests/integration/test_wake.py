"""A lingering worker is woken by a word, and not by the absence of Redis."""

import time

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from riskconsole import wake

KEY = "tests:wake"


def test_who_waits_is_woken_once_for_many_words(redis: Redis) -> None:
    for _ in range(5):
        wake.wake(KEY)

    assert wake.wait(KEY, seconds=1)
    assert not wake.wait(KEY, seconds=0.01)


def test_lingering_works_once_per_word_and_ends_in_time(redis: Redis) -> None:
    worked: list[float] = []

    def work() -> None:
        worked.append(time.monotonic())
        if len(worked) < 3:
            wake.wake(KEY)

    wake.wake(KEY)
    until = time.monotonic() + 0.2
    wake.linger(KEY, work, until=until)

    assert len(worked) == 3
    assert time.monotonic() >= until


def test_without_redis_nobody_is_woken_and_nobody_spins(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []

    def refuse(*_anything: object, **_options: object) -> None:
        tried.append(_anything)
        raise RedisConnectionError("gone")

    monkeypatch.setattr(Redis, "blpop", refuse)

    wake.linger(KEY, pytest.fail, until=time.monotonic() + 0.05)

    assert len(tried) == 1
