"""The log is checked each hour and when somebody asks, once, and a break is told to people."""

from datetime import timedelta

import pytest
from django.db import connection

from riskconsole import triggers
from riskconsole.alerts.models import Alert
from riskconsole.audit import checks
from riskconsole.audit.models import AuditCheck, AuditEntry
from riskconsole.audit.triggers import TRIGGERS
from riskconsole.audit.verification import verify_log
from riskconsole.ops.log_checks import check_log
from tests.clock import NOON, after
from tests.integration.audit.test_append_only import run, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent_tasks")]
HOUR = 3600


@pytest.mark.parametrize(("seconds", "count"), [(HOUR - 1, 1), (HOUR, 2)])
def test_a_check_is_due_each_hour(seconds: float, count: int) -> None:
    write(3)
    checks.run_due(now=NOON)
    checks.run_due(now=after(seconds))
    assert AuditCheck.objects.exclude(finished_at=None).count() == count


def test_what_was_found_is_kept() -> None:
    write(3)
    checks.run_due(now=NOON)
    check = AuditCheck.objects.get()
    assert (check.asked_by, check.began_at, check.entries) == ("system", NOON, 3)
    assert check.finished_at is not None
    assert NOON <= check.finished_at < after(60)


def test_a_check_is_run_by_one_of_two_and_again_if_that_one_died() -> None:
    asked = checks.ask(actor="user:audrey", now=NOON)
    AuditCheck.objects.update(began_at=NOON)
    late = after(checks.LONGEST.total_seconds())
    assert not checks.run(check_id=asked.pk, now=late - timedelta(seconds=1))
    assert checks.run(check_id=asked.pk, now=late)
    assert not checks.run(check_id=asked.pk, now=late)


def test_a_break_is_told_once() -> None:
    write(3)
    triggers.remove(connection, TRIGGERS)
    run("UPDATE audit_auditentry SET actor = 'me' WHERE sequence = 2")
    for seconds in (0, HOUR, 2 * HOUR):
        check_log(now=after(seconds))
    alert = Alert.objects.get()
    assert alert.subject == "The audit log is broken: entry 2 does not match"
    assert alert.level == "NEEDS_HUMAN"
    assert AuditEntry.objects.filter(action="audit.break.found").count() == 1
    broken = verify_log().broken
    assert broken is not None
    assert broken.sequence == 2


def test_an_intact_log_tells_nobody() -> None:
    write(3)
    check_log(now=NOON)
    assert not Alert.objects.exists()
