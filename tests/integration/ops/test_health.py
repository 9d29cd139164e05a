import pytest
from django.db import OperationalError

from portfolio.models import Evaluation
from riskconsole.ops import health
from riskconsole.ops.health import unreadiness
from tests.clock import NOON, after
from tests.factories import make_portfolio

pytestmark = pytest.mark.django_db


def test_a_console_without_portfolios_is_ready() -> None:
    assert unreadiness(now=NOON) == []


@pytest.mark.parametrize(("age", "reasons"), [(29.9, 0), (30, 1)])
def test_a_portfolio_must_have_been_evaluated_within_thirty_seconds(
    age: float, reasons: int
) -> None:
    portfolio = make_portfolio("main")
    Evaluation.objects.filter(portfolio=portfolio).update(finished_at=NOON)
    assert len(unreadiness(now=after(age))) == reasons


def test_a_portfolio_that_was_never_evaluated_is_named() -> None:
    make_portfolio("main")
    assert unreadiness(now=NOON) == ["main has no finished evaluation for 30 s"]


def test_a_database_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(health, "_write_nothing", refuse)
    assert unreadiness(now=NOON) == [
        "The database is not writable: attempt to write a readonly database"
    ]
