"""Publishing never stands in the way of who publishes."""

import logging

import pytest
from redis import Redis, RedisError

from riskconsole.live.events import Frame
from riskconsole.live.publish import Publisher

FRAME: Frame = {"type": "audit.count", "portfolio": "", "version": 7}


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class BrokenRedis(Redis):
    """A port that fails as long as it is told to, and counts what it was asked."""

    def __init__(self) -> None:
        self.is_down = True
        self.asked: list[str] = []

    def publish(self, channel: str, message: str, **_: object) -> int:  # type: ignore[override]
        self.asked.append(f"{channel} {message}")
        if self.is_down:
            raise RedisError("connection refused")
        return 0

    def __del__(self) -> None:
        """Close nothing: no connection was ever made."""


def test_a_frame_is_one_line_of_json_on_the_live_channel() -> None:
    redis = BrokenRedis()
    redis.is_down = False

    Publisher(redis=redis).send(FRAME)

    assert redis.asked == ['riskconsole.live {"type":"audit.count","portfolio":"","version":7}']


def test_an_outage_is_logged_once_and_never_raised(caplog: pytest.LogCaptureFixture) -> None:
    clock, redis = Clock(), BrokenRedis()
    publisher = Publisher(redis=redis, monotonic=clock)

    with caplog.at_level(logging.WARNING):
        for second in range(5):
            clock.seconds = float(second)
            publisher.send(FRAME)

    assert [record.getMessage() for record in caplog.records] == [
        "Live frames are not published: connection refused"
    ]


def test_a_redis_that_failed_is_left_alone_for_a_second() -> None:
    clock, redis = Clock(), BrokenRedis()
    publisher = Publisher(redis=redis, monotonic=clock)

    for clock.seconds in (0.0, 0.5, 0.99, 1.0):
        publisher.send(FRAME)

    assert len(redis.asked) == 2


def test_a_second_outage_is_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, redis = Clock(), BrokenRedis()
    publisher = Publisher(redis=redis, monotonic=clock)

    with caplog.at_level(logging.WARNING):
        for second, is_down in enumerate((True, False, True)):
            clock.seconds, redis.is_down = float(2 * second), is_down
            publisher.send(FRAME)

    assert len(caplog.records) == 2
