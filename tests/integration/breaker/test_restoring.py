from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from breaker.domain.gate import Mode, Reason
from breaker.services import monitoring
from breaker.services.gate import gate_of
from breaker.services.restoring import notice_restore
from portfolio.models import Portfolio
from riskconsole import triggers
from riskconsole.audit import witness
from riskconsole.audit.models import AuditEntry
from riskconsole.audit.triggers import TRIGGERS
from tests.clock import NOON, after
from tests.factories import make_portfolio, push

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path) -> Path:
    settings.RISKCONSOLE_HOME = tmp_path
    return tmp_path


@pytest.fixture
def restored() -> Portfolio:
    """Take the last entry away as an older copy of the database would."""
    portfolio = make_portfolio()
    push(portfolio, {"USDT": "10000"})
    push(portfolio, {"USDT": "9700"}, now=after(1))
    witness.keep_head()
    last = AuditEntry.objects.order_by("sequence").last()
    assert last is not None
    triggers.remove(connection, TRIGGERS)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_auditentry WHERE sequence = %s", [last.sequence])
        cursor.execute(
            "UPDATE audit_audithead SET sequence = %s, hash = %s",
            [last.sequence - 1, last.previous_hash],
        )
    triggers.install(connection, TRIGGERS)
    return portfolio


def test_an_older_copy_pauses_every_portfolio_until_a_person_confirms_it(
    restored: Portfolio,
) -> None:
    assert notice_restore(now=after(2))
    monitoring.evaluate(portfolio_ids=[restored.pk], now=after(3))

    gate = gate_of(portfolio_id=restored.pk, now=after(3))
    assert (gate.mode, gate.reasons) == (Mode.PAUSED, (Reason.RESTORED,))
    entry = AuditEntry.objects.get(action="breaker.restore.noticed")
    assert entry.subject == "audit_head"


def test_the_same_log_is_no_restore() -> None:
    push(make_portfolio(), {"USDT": "10000"})
    witness.keep_head()

    assert not notice_restore(now=NOON)


def test_a_restore_is_told_once(home: Path) -> None:
    push(make_portfolio(), {"USDT": "10000"})
    witness.keep_head()
    (home / witness.FILE_NAME).write_text(f"99:{'a' * 64}\n")

    assert notice_restore(now=NOON)
    assert not notice_restore(now=after(1))
