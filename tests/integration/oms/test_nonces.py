"""A key is one caller's at a time, whoever calls: nonces reach the venue in their order."""

from datetime import UTC, datetime, timedelta

import pytest

from oms.models import NonceTurn
from oms.venues.base import Retryable
from oms.venues.nonces import HELD_FOR, turn_of

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEY = "a key"

pytestmark = pytest.mark.django_db


class Clock:
    """A wall and a stopwatch that move only when somebody waits."""

    def __init__(self) -> None:
        self.waited = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.waited)

    def ticks(self) -> float:
        return self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds


def take(clock: Clock, *, seconds: float = 1, key: str = KEY) -> int:
    with turn_of(key, seconds, clock=clock.now, ticks=clock.ticks, sleep=clock.sleep) as nonce:
        return nonce


def test_a_nonce_is_the_time_in_milliseconds() -> None:
    assert take(Clock()) == int(NOON.timestamp() * 1000)


def test_nonces_rise_though_the_clock_stands_or_goes_back() -> None:
    first = take(Clock())

    assert take(Clock()) == first + 1
    earlier = Clock()
    earlier.sleep(-3600)
    assert take(earlier) == first + 2


def test_a_key_in_use_is_waited_for_and_then_refused() -> None:
    clock = Clock()
    with (
        turn_of(KEY, 1, clock=clock.now, ticks=clock.ticks, sleep=clock.sleep),
        pytest.raises(Retryable),
    ):
        take(clock)

    assert 1 <= clock.waited < 1.1


def test_another_key_is_free_meanwhile() -> None:
    clock = Clock()
    with turn_of(KEY, 1, clock=clock.now, ticks=clock.ticks, sleep=clock.sleep):
        assert take(clock, key="another key")

    assert clock.waited == 0


def test_a_key_whose_owner_died_is_free_after_its_time() -> None:
    clock = Clock()
    first = take(clock)
    NonceTurn.objects.update(held_until=NOON + HELD_FOR)

    assert take(clock, seconds=HELD_FOR.total_seconds() + 1) > first
    assert clock.waited == pytest.approx(HELD_FOR.total_seconds(), abs=0.1)


def test_an_owner_that_comes_late_does_not_free_the_next_ones_turn() -> None:
    early, clock = Clock(), Clock()
    clock.sleep(HELD_FOR.total_seconds())
    late = turn_of(KEY, 1, clock=early.now, ticks=early.ticks, sleep=early.sleep)
    late.__enter__()
    with turn_of(KEY, 1, clock=clock.now, ticks=clock.ticks, sleep=clock.sleep):
        late.__exit__(None, None, None)

        assert NonceTurn.objects.get().held_until is not None


def test_a_turn_ends_though_the_call_fails() -> None:
    clock = Clock()
    with (
        pytest.raises(ZeroDivisionError),
        turn_of(KEY, 1, clock=clock.now, ticks=clock.ticks, sleep=clock.sleep),
    ):
        raise ZeroDivisionError

    assert NonceTurn.objects.get().held_until is None


def test_the_row_names_no_key() -> None:
    take(Clock())

    assert KEY not in str(NonceTurn.objects.values().get())
