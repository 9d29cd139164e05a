"""The end of the log is signed in time, and whoever is told it outside is remembered."""

import json
import stat
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from pytest_django import Settings

from riskconsole import triggers
from riskconsole.alerts import routes
from riskconsole.alerts.models import Level
from riskconsole.alerts.services import deliver_due, raise_alert
from riskconsole.audit import checkpoints, signing
from riskconsole.audit.models import (
    AuditCheckpoint,
    AuditEntry,
    AuditHead,
    AuditIsAppendOnly,
    AuditWitness,
)
from riskconsole.audit.services import record
from riskconsole.audit.triggers import TRIGGERS
from riskconsole.audit.verification import verify_log
from riskconsole.audit.verify_export import is_signed
from riskconsole.ops.sweeps import LogWatch, Pinger
from tests.clock import NOON, after

pytestmark = pytest.mark.django_db
REFUSAL = "checkpoints are append-only"


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path) -> Path:
    settings.RISKCONSOLE_HOME = tmp_path
    return tmp_path


def note(action: str, *, now: datetime = NOON) -> AuditEntry:
    with transaction.atomic():
        return record(action=action, subject="thing:1", payload={}, now=now)


def run(statement: str, *values: str | int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, list(values))


def sizes() -> list[int]:
    return list(AuditCheckpoint.objects.order_by("size").values_list("size", flat=True))


def test_an_empty_log_is_not_signed() -> None:
    assert checkpoints.take_due(now=NOON) is None
    assert checkpoints.take(now=NOON) is None


def test_the_first_entries_are_signed_at_once() -> None:
    note("people.sign_in.happened")
    checkpoints.take_due(now=NOON)
    assert sizes() == [1]


@pytest.mark.parametrize(
    "action",
    [
        "breaker.trip.happened",
        "breaker.halt.repeated",
        "breaker.reset.executed",
        "breaker.limits.changed",
        "breaker.something.new",
        "portfolio.account.added",
    ],
)
def test_a_trip_a_reset_and_a_policy_are_signed_at_once(action: str) -> None:
    note("ops.thing.happened")
    checkpoints.take_due(now=NOON)
    note(action)
    checkpoints.take_due(now=after(1))
    assert sizes() == [1, 2]


@pytest.mark.parametrize("action", ["people.sign_in.happened", "breaker.warning.began"])
@pytest.mark.parametrize(("seconds", "signed"), [(299.9, [1]), (300, [1, 2]), (-1, [1, 2])])
def test_all_else_is_signed_after_five_minutes(
    action: str, seconds: float, signed: list[int]
) -> None:
    note("ops.thing.happened")
    checkpoints.take_due(now=NOON)
    note(action)
    checkpoints.take_due(now=after(seconds))
    assert sizes() == signed


def test_a_log_that_stands_still_is_signed_once() -> None:
    note("breaker.trip.happened")
    for seconds in (0, 1, 600):
        checkpoints.take_due(now=after(seconds))
        checkpoints.take(now=after(seconds))
    assert sizes() == [1]


def test_a_checkpoint_states_the_entry_and_is_signed_by_the_key_of_the_home(home: Path) -> None:
    entry = note("breaker.trip.happened")
    made = checkpoints.take(now=NOON)
    assert made is not None
    facts = checkpoints.facts_of(made)
    assert (facts.size, facts.root, facts.at) == (1, entry.hash, "2030-01-02T12:00:00Z")
    key = signing.public_key()
    assert is_signed(facts, key)
    for forged in (
        facts._replace(size=2),
        facts._replace(root="0" * 64),
        facts._replace(at="2030-01-02T12:00:01Z"),
        facts._replace(signature="00" * 64),
        facts._replace(signature="no hex"),
        facts._replace(key_id="0" * 32),
    ):
        assert not is_signed(forged, key)


def test_the_key_is_a_file_that_only_its_owner_reads_and_stays_the_same(home: Path) -> None:
    first = signing.public_key_text()
    path = home / signing.FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signing.public_key_text() == first
    assert sorted(file.name for file in home.iterdir()) == [signing.FILE_NAME]


@pytest.mark.parametrize("column", ["size", "root", "at", "key_id", "signature"])
def test_an_update_of_a_checkpoint_is_refused(column: str) -> None:
    note("breaker.trip.happened")
    checkpoints.take(now=NOON)
    with pytest.raises(DatabaseError, match=REFUSAL):
        run(f"UPDATE audit_auditcheckpoint SET {column} = {column}")  # noqa: S608 - our own column


def test_a_checkpoint_is_neither_removed_nor_replaced() -> None:
    note("breaker.trip.happened")
    checkpoints.take(now=NOON)
    columns = "size, root, at, key_id, signature"
    select = f"SELECT {columns} FROM audit_auditcheckpoint WHERE TRUE"  # noqa: S608 - our own
    source = f"INTO audit_auditcheckpoint ({columns}) {select}"
    replacing = {
        "sqlite": f"INSERT OR REPLACE {source}",
        "postgresql": f"INSERT {source} ON CONFLICT (size) DO UPDATE SET root = 'x'",
    }
    statements = ["DELETE FROM audit_auditcheckpoint", replacing[connection.vendor]]
    if connection.vendor == "postgresql":
        statements.append("TRUNCATE audit_auditcheckpoint")
    for statement in statements:
        with pytest.raises(DatabaseError, match=REFUSAL):
            run(statement)
    row = AuditCheckpoint.objects.get()
    for change in (row.delete, AuditCheckpoint.objects.all().delete):
        with pytest.raises(AuditIsAppendOnly):
            change()


def test_a_chain_made_anew_with_head_and_all_is_found_by_the_checkpoint() -> None:
    note("breaker.trip.happened")
    checkpoints.take(now=NOON)
    triggers.remove(connection, TRIGGERS)
    run("DELETE FROM audit_auditentry")
    AuditHead.objects.update(sequence=0, hash="0" * 64)
    note("ops.nothing.happened")
    broken = verify_log().broken
    assert broken is not None
    assert (broken.sequence, broken.reason) == (
        1,
        "is not the one that the checkpoint of 2030-01-02T12:00:00Z states",
    )


@pytest.mark.parametrize("column", ["root", "at", "signature"])
def test_a_forged_checkpoint_is_found(column: str) -> None:
    note("breaker.trip.happened")
    checkpoints.take(now=NOON)
    triggers.remove(connection, TRIGGERS)
    run(f"UPDATE audit_auditcheckpoint SET {column} = 'x'")  # noqa: S608 - our own column
    broken = verify_log().broken
    assert broken is not None
    assert broken.sequence == 1
    assert "checkpoint of " in broken.reason


def test_a_checkpoint_of_the_key_before_counts_by_its_root(home: Path) -> None:
    note("breaker.trip.happened")
    checkpoints.take(now=NOON)
    (home / signing.FILE_NAME).unlink()
    assert verify_log().broken is None


def test_the_guardian_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskconsole.ops.sweeps.publish", lambda _frame: None)
    watch = LogWatch()
    note("breaker.trip.happened")
    watch.look(NOON)
    note("breaker.reset.executed")
    watch.look(after(1))
    assert sizes() == [1, 2]


def test_the_commands_print_a_checkpoint_and_its_key(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="The log is empty"):
        call_command("audit_checkpoint")
    note("people.sign_in.happened")
    call_command("audit_checkpoint")
    printed = json.loads(capsys.readouterr().out)
    assert printed == checkpoints.facts_of(AuditCheckpoint.objects.get())._asdict()
    call_command("audit_public_key")
    assert capsys.readouterr().out == signing.public_key_text()


@pytest.mark.usefixtures("sent_tasks")
def test_every_alert_ends_with_the_end_of_the_log_and_its_route_is_a_witness(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    bodies: list[str] = []
    takes = [False, True]

    def send(*, body: str, **_message: object) -> bool:
        bodies.append(body)
        return takes.pop(0)

    monkeypatch.setattr(routes, "send", send)
    settings.ALERT_URLS = ["mailto://example.com"]
    entry = note("breaker.trip.happened")
    raise_alert(
        portfolio="main", cause="trip:1", level=Level.TRIP, subject="Main", body="Look.", now=NOON
    )
    deliver_due(now=NOON)
    assert not AuditWitness.objects.exists()
    deliver_due(now=after(60))
    assert bodies == [f"Look.\n\nAudit log at 1:{entry.hash}"] * 2
    told = AuditWitness.objects.get()
    assert (told.name, told.size, told.root, told.told_at) == ("1:mailto", 1, entry.hash, after(60))


class Watcher(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), WatcherHandler)
        self.heard: list[str] = []


class WatcherHandler(BaseHTTPRequestHandler):
    server: Watcher

    def do_POST(self) -> None:
        self.server.heard.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the test reads what was received."""


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    server = Watcher()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_outbound_heartbeat_carries_the_end_of_the_log(watcher: Watcher) -> None:
    entry = note("breaker.trip.happened")
    Pinger(f"http://127.0.0.1:{watcher.server_port}/").ping(NOON)
    assert watcher.heard == [f"1:{entry.hash}"]
    assert AuditWitness.objects.get().name == "heartbeat"
    triggers.remove(connection, TRIGGERS)
    run("UPDATE audit_auditwitness SET root = 'x'")
    broken = verify_log().broken
    assert broken is not None
    assert broken.reason == "is not the one that the witness heartbeat states"
