"""What becomes of the console's own processes: deaths are audited, silence raises an alarm."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from riskconsole.alerts.models import Level
from riskconsole.alerts.services import raise_alert
from riskconsole.audit.services import record
from riskconsole.live.heartbeats import Heartbeat, heartbeats


def record_restarts(*, now: datetime) -> None:
    """Write the notes that the supervisor left to the audit log, oldest first."""
    for note in sorted((Path(settings.RISKCONSOLE_HOME) / "events").glob("*.json")):
        event = json.loads(note.read_text())
        with transaction.atomic():
            record(
                action="ops.process.restarted",
                subject=event["name"],
                payload={"ended": event["ended"], "deaths": event["deaths"]},
                now=now,
            )
        note.unlink()


class SilenceWatch:
    """Raises one alarm when a process that was alive falls silent, until it is alive again."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._alive: set[str] = set()

    def look(self, *, now: datetime) -> None:
        for heartbeat in heartbeats():
            if heartbeat.name in self._names:
                self._judge(heartbeat, now)

    def _judge(self, heartbeat: Heartbeat, now: datetime) -> None:
        if heartbeat.is_alive:
            self._alive.add(heartbeat.name)
        elif heartbeat.name in self._alive:
            _raise_alarm(heartbeat, now)
            self._alive.discard(heartbeat.name)


def _raise_alarm(heartbeat: Heartbeat, now: datetime) -> None:
    with transaction.atomic():
        raise_alert(
            portfolio="",
            cause=f"process:{heartbeat.name}",
            level=Level.WARNING,
            subject=f"{heartbeat.name} is silent",
            body=(
                f"The process {heartbeat.name} gave no sign of life for"
                f" {heartbeat.age_seconds:.0f} s. The others carry on."
            ),
            now=now,
        )
        record(action="ops.process.silent", subject=heartbeat.name, payload={}, now=now)
