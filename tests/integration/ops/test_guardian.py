import urllib.request
from datetime import timedelta

import pytest
from django.db import connection

from breaker.services import gate
from portfolio.models import Evaluation
from riskconsole import triggers
from riskconsole.audit.models import AuditEntry
from riskconsole.audit.triggers import TRIGGERS
from riskconsole.ops import sweeps
from riskconsole.ops.checks import triggers_are_installed
from riskconsole.ops.sweeps import ClockGuard, Pinger
from tests.clock import NOON, after
from tests.factories import make_portfolio

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("moved", "is_jump"), [(2.0, False), (2.1, True), (-2.1, True)])
def test_a_jump_of_the_wall_clock_over_two_seconds_shuts_the_gates(
    moved: float, *, is_jump: bool
) -> None:
    make_portfolio("main")
    guard = guard_at(0, 1)
    guard.look(NOON)
    guard.look(after(1 + moved))
    assert Evaluation.objects.get().is_clock_jumped is is_jump
    assert AuditEntry.objects.filter(action="ops.clock.jumped").exists() is is_jump


def test_a_jump_is_noted_again_until_it_is_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = []

    def note(*, now: object) -> None:
        noted.append(now)
        if len(noted) == 1:
            raise ConnectionError("the database is away")

    monkeypatch.setattr(gate, "note_clock_jump", note)
    guard = guard_at(0, 1, 2, 3)
    guard.look(NOON)
    with pytest.raises(ConnectionError):
        guard.look(after(3600))
    guard.look(after(3601))
    guard.look(after(3602))
    assert noted == [after(3600), after(3601)]


def test_the_outbound_heartbeat_is_withheld_while_the_console_is_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("nobody may be told that all is well")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    make_portfolio("main")
    Pinger("http://localhost/ping").ping(NOON)


def test_a_missing_trigger_is_an_error_that_names_it() -> None:
    triggers.remove(connection, TRIGGERS[:1])
    assert [str(error.msg) for error in triggers_are_installed(databases=["default"])] == [
        f"The database has no trigger {TRIGGERS[0].name}"
    ]


def test_a_database_with_its_triggers_passes() -> None:
    assert triggers_are_installed(databases=["default"]) == []


def test_the_guardian_lets_the_monitor_worker_go_first() -> None:
    assert timedelta(seconds=1) < sweeps.LATE_AFTER < timedelta(seconds=10)


def guard_at(*readings: float) -> ClockGuard:
    """Return a guard whose monotonic clock will read these seconds."""
    return ClockGuard(monotonic=iter(readings).__next__)
