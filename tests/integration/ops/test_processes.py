import json
import os
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from riskconsole.alerts.models import Alert
from riskconsole.audit.models import AuditEntry
from riskconsole.live.heartbeats import beat
from riskconsole.ops.processes import SilenceWatch, record_restarts
from tests.clock import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Settings) -> Path:
    settings.RISKCONSOLE_HOME = tmp_path
    return tmp_path


def silence(home: Path, name: str) -> None:
    long_ago = time.time() - 3600
    os.utime(home / "heartbeats" / name, (long_ago, long_ago))


def actions() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("sequence").values_list("action", "subject"))


def test_each_note_of_the_supervisor_becomes_one_entry_oldest_first(home: Path) -> None:
    (home / "events").mkdir()
    for number, name in ((2, "feed"), (1, "web")):
        note = {"name": name, "ended": "signal 9", "deaths": number}
        (home / "events" / f"{number}.json").write_text(json.dumps(note))
    record_restarts(now=NOON)
    record_restarts(now=NOON)
    assert actions() == [("ops.process.restarted", "web"), ("ops.process.restarted", "feed")]
    assert json.loads(AuditEntry.objects.get(subject="web").payload) == {
        "ended": "signal 9",
        "deaths": 1,
    }


def test_an_unfinished_note_is_left_alone(home: Path) -> None:
    (home / "events").mkdir()
    (home / "events" / "1.part").write_text('{"name": "w')
    record_restarts(now=NOON)
    assert actions() == []


def test_a_process_that_falls_silent_raises_one_alarm_until_it_is_back(home: Path) -> None:
    watch = SilenceWatch({"feed"})
    for _ in range(2):
        beat("feed")
        watch.look(now=NOON)
        silence(home, "feed")
        watch.look(now=NOON)
        watch.look(now=NOON)
    assert [alert.subject for alert in Alert.objects.all()] == ["feed is silent"] * 2
    assert actions() == [("ops.process.silent", "feed")] * 2


def test_a_process_that_never_ran_raises_no_alarm() -> None:
    SilenceWatch({"feed"}).look(now=NOON)
    assert not Alert.objects.exists()


def test_each_watch_looks_at_its_own_processes_only(home: Path) -> None:
    watch = SilenceWatch({"guardian"})
    beat("feed")
    watch.look(now=NOON)
    silence(home, "feed")
    watch.look(now=NOON)
    assert not Alert.objects.exists()
