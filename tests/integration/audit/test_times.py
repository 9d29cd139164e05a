"""A time is found in the log without missing an entry, however wrong a clock once was."""

import random
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction

from riskconsole import triggers
from riskconsole.audit.models import AuditEntry, AuditHead
from riskconsole.audit.services import record
from riskconsole.audit.times import BEHIND_ALL, first_since, last_until, second_text
from riskconsole.audit.triggers import TRIGGERS
from tests.clock import NOON, after

pytestmark = pytest.mark.django_db


def write(*times: datetime) -> None:
    for now in times:
        with transaction.atomic():
            record(action="ops.thing.happened", subject="thing:1", payload={}, now=now)


def test_the_head_keeps_the_latest_time_and_how_far_any_was_behind_it() -> None:
    write(NOON, after(10), after(8.5), after(20), after(19))
    head = AuditHead.objects.get()
    assert (head.latest_at, head.lag_seconds) == ("2030-01-02T12:00:20Z", 2)


@pytest.mark.parametrize("seed", range(6))
def test_no_entry_of_a_time_is_outside_its_bounds(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - times, not secrets
    write(
        *(
            NOON
            + timedelta(seconds=number + chance.choice([0, 0, -3, 0.25, 40 * (number == 20), -60]))
            for number in range(60)
        )
    )
    times = list(AuditEntry.objects.order_by("sequence").values_list("at", flat=True))
    for second in range(-70, 110, 3):
        bound = second_text(after(second))
        later = [number for number, at in enumerate(times, 1) if at >= bound]
        earlier = [number for number, at in enumerate(times, 1) if at < bound]
        assert first_since(bound) == min(later, default=BEHIND_ALL)
        assert last_until(bound) == max(earlier, default=0)


def test_a_time_that_somebody_changed_to_none_hides_nothing() -> None:
    write(NOON, after(1))
    triggers.remove(connection, TRIGGERS)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditentry SET at = '2030-01-02T12:00:00 or so'")
    assert first_since("2030-01-02T12:00:00") == 1
    assert last_until("2030-01-02T12:00:01") == 2
