from datetime import datetime, timedelta, timezone

import pytest

from riskconsole.kernel.clock import JumpWatch, time_from, time_text
from tests.clock import NOON, after


class Ticks:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_time_is_text_in_utc_and_back() -> None:
    at = datetime(2030, 1, 2, 14, 0, 0, 500, tzinfo=timezone(timedelta(hours=2)))

    assert time_text(at) == "2030-01-02T12:00:00.000500Z"
    assert time_from(time_text(at)) == at


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        time_from("2030-01-02T12:00:00")


@pytest.mark.parametrize(
    ("wall_seconds", "jumped"),
    [(10.0, False), (12.0, False), (12.1, True), (8.0, False), (7.9, True), (3600.0, True)],
)
def test_a_wall_clock_over_two_seconds_off_has_jumped(wall_seconds: float, jumped: bool) -> None:
    ticks = Ticks()
    watch = JumpWatch(monotonic=ticks)
    assert not watch.has_jumped(NOON)

    ticks.seconds += 10

    assert watch.has_jumped(after(wall_seconds)) is jumped


def test_after_a_jump_the_new_time_is_the_time() -> None:
    ticks = Ticks()
    watch = JumpWatch(monotonic=ticks)
    watch.has_jumped(NOON)
    watch.has_jumped(after(3600))

    ticks.seconds += 1

    assert not watch.has_jumped(after(3601))
