from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Event

import pytest

from riskconsole.ops import sweeps
from riskconsole.ops.sweeps import Sweep
from tests.clock import NOON, after


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield pool


def test_a_sweep_that_hangs_holds_up_no_other_and_is_not_started_twice(
    pool: ThreadPoolExecutor,
) -> None:
    released = Event()
    seen: list[datetime] = []

    def hang(now: datetime) -> None:
        seen.append(now)
        released.wait(20)

    hung = Sweep("hung", hang, is_vital=True)
    done = Event()
    other = Sweep("other", lambda _now: done.set(), is_vital=True)
    for second in range(3):
        hung.start(pool, after(second))
        other.start(pool, after(second))
    assert done.wait(20)
    released.set()
    pool.shutdown()
    assert seen == [NOON]


def test_a_vital_sweep_that_hangs_too_long_makes_the_guardian_silent(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = Event()
    vital, other = (
        Sweep("hung", lambda _now: released.wait(20), is_vital=is_vital)
        for is_vital in (True, False)
    )
    for sweep in (vital, other):
        sweep.start(pool, NOON)
    assert not vital.is_stuck()
    monkeypatch.setattr(sweeps, "STUCK_SECONDS", -1)
    assert vital.is_stuck()
    assert not other.is_stuck()
    released.set()
    pool.shutdown()
    assert not vital.is_stuck()


def test_a_sweep_that_fails_is_logged_and_tried_again(
    pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[datetime] = []

    def fail_first(now: datetime) -> None:
        seen.append(now)
        if len(seen) == 1:
            raise ValueError("no luck")

    sweep = Sweep("unlucky", fail_first, is_vital=True)
    for second in range(2):
        sweep.start(pool, after(second))
        pool.submit(lambda: None).result(20)
        while sweep.is_running():
            pass
    assert seen == [NOON, after(1)]
    assert "The sweep unlucky failed" in caplog.text
