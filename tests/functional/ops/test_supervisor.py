import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from riskconsole.ops.supervisor.plan import ChildPlan
from tests.functional.ops.supervised import Supervised, child, is_gone, wait_until


class Supervise(Protocol):
    def __call__(
        self, *children: ChildPlan, has_kernel_help: bool = True, **limits: float
    ) -> Supervised: ...


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    """Return a way to start one supervisor, which ends with the test."""
    started: list[Supervised] = []

    def start(*children: ChildPlan, has_kernel_help: bool = True, **limits: float) -> Supervised:
        started.append(Supervised(tmp_path, *children, has_kernel_help=has_kernel_help, **limits))
        return started[-1]

    yield start
    for supervised in started:
        if supervised.process.poll() is None:
            supervised.process.kill()
            supervised.process.wait()


def test_it_says_ready_once_every_child_beats(supervise: Supervise, tmp_path: Path) -> None:
    supervised = supervise(child(tmp_path, "one"), child(tmp_path, "two"))
    supervised.wait_for_line("ready http://x/")
    assert set(supervised.descendants()) == {"one", "two"}
    assert [line.split()[0] for line in supervised.text().splitlines()[:2]] == ["one", "two"]


def test_a_child_that_dies_is_started_again_told_and_noted(
    supervise: Supervise, tmp_path: Path
) -> None:
    supervised = supervise(child(tmp_path, "one"), child(tmp_path, "two"))
    supervised.wait_for_line("ready http://x/")
    victim = supervised.descendants()["two"]
    victim.kill()
    wait_until(
        lambda: supervised.descendants().get("two", victim).pid != victim.pid, "a new process"
    )
    assert "two died (signal 9), restarting it" in supervised.text()
    assert supervised.notes() == [{"name": "two", "ended": "signal 9", "deaths": 1}]


def test_the_stages_stop_from_the_last_to_the_first(supervise: Supervise, tmp_path: Path) -> None:
    supervised = supervise(
        *(
            child(tmp_path, name, stage=stage)
            for stage, name in enumerate(("ground", "work", "top"))
        )
    )
    supervised.wait_for_line("ready http://x/")
    assert supervised.stop() == 0
    assert (tmp_path / "stopped").read_text().split() == ["top", "work", "ground"]


@pytest.mark.parametrize("has_kernel_help", [True, False])
def test_no_child_outlives_a_supervisor_that_is_killed(
    supervise: Supervise, tmp_path: Path, *, has_kernel_help: bool
) -> None:
    supervised = supervise(
        child(tmp_path, "one", habit="stubborn"),
        child(tmp_path, "two"),
        has_kernel_help=has_kernel_help,
    )
    supervised.wait_for_line("ready http://x/")
    left = list(supervised.descendants().values())
    assert left
    supervised.process.kill()
    for process in left:
        wait_until(lambda process=process: is_gone(process), "its end")  # type: ignore[misc]


def test_a_child_that_ignores_the_request_to_stop_is_killed(
    supervise: Supervise, tmp_path: Path
) -> None:
    supervised = supervise(child(tmp_path, "one", habit="stubborn"), stop_seconds=0.2)
    supervised.wait_for_line("ready http://x/")
    stubborn = supervised.descendants()["one"]
    assert supervised.stop() == 0
    assert is_gone(stubborn)


def test_a_second_request_to_stop_ends_its_patience(supervise: Supervise, tmp_path: Path) -> None:
    supervised = supervise(child(tmp_path, "one", habit="stubborn"), stop_seconds=600)
    supervised.wait_for_line("ready http://x/")
    supervised.process.send_signal(signal.SIGINT)
    stubborn = supervised.descendants()["one"]
    wait_until(lambda: _asks_again(supervised) or is_gone(stubborn), "the end of its patience")
    assert supervised.process.wait(5) == 0


def test_a_child_that_never_beats_is_named_with_its_last_lines(
    supervise: Supervise, tmp_path: Path
) -> None:
    supervised = supervise(
        child(tmp_path, "one"), child(tmp_path, "mute", habit="silent"), start_seconds=1
    )
    assert supervised.process.wait(20) == 1
    assert "not ready: mute was not up in 1 s\n    mute says hello\n" in supervised.text()


def test_a_child_that_keeps_dying_is_named_with_its_last_lines(
    supervise: Supervise, tmp_path: Path
) -> None:
    supervised = supervise(child(tmp_path, "one"), child(tmp_path, "ill", habit="dies"))
    assert supervised.process.wait(20) == 1
    assert "not ready: ill ended 3 times" in supervised.text()
    assert "    the reason of its death" in supervised.text()


def test_a_stop_while_starting_is_a_clean_stop(supervise: Supervise, tmp_path: Path) -> None:
    supervised = supervise(child(tmp_path, "one"), child(tmp_path, "mute", habit="silent"))
    wait_until(lambda: "one " in supervised.text(), "the first child")
    assert supervised.stop() == 0
    assert "ready" not in supervised.text()


def _asks_again(supervised: Supervised) -> bool:
    """Repeat the request: the first may have been taken while the loop was still on."""
    supervised.process.send_signal(signal.SIGINT)
    return False
