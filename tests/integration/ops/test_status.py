import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from breaker.services.desk import desks
from breaker.services.tripping import halt
from riskconsole.live.heartbeats import PROCESSES, beat
from tests.clock import NOON
from tests.factories import make_portfolio, push

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent_tasks", "redis")]


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, settings: Settings) -> None:
    settings.RISKCONSOLE_HOME = tmp_path
    desks.forget()


def status(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("status", *arguments, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def all_alive() -> None:
    for name in PROCESSES:
        beat(name)


def test_it_is_calm_only_while_every_process_lives() -> None:
    assert status()[0] == 1
    all_alive()
    assert status()[0] == 0


def test_a_halted_portfolio_shows_its_legs_and_is_not_calm() -> None:
    all_alive()
    portfolio = make_portfolio("main")
    push(portfolio, {"USDT": "10000"})
    halt(portfolio_id=portfolio.pk, reason="", actor="command", address="", now=NOON)
    code, text = status("main", "--json")
    found = json.loads(text)
    assert code == 1
    assert found["portfolios"][0]["slug"] == "main"
    assert found["portfolios"][0]["mode"] == "HALTED"
    assert found["portfolios"][0]["legs"] == [
        {"account": "cash", "status": "NOT_CONNECTED", "cancelled": 0}
    ]
    assert found["portfolios"][0]["needs_human"] is False


def test_it_lists_portfolios_and_processes_for_people() -> None:
    all_alive()
    portfolio = make_portfolio("main")
    push(portfolio, {"USDT": "9650"})
    _, text = status()
    assert text.startswith("main: WARNING, health ")
    assert "equity 9650.00 USDT, loss 0.035" in text
    assert "guardian: alive" in text


def test_a_slug_narrows_the_portfolios_not_the_processes() -> None:
    make_portfolio("one")
    make_portfolio("two")
    found = json.loads(status("one", "--json")[1])
    assert [one["slug"] for one in found["portfolios"]] == ["one"]
    assert [one["name"] for one in found["processes"]] == list(PROCESSES)


def test_an_unknown_slug_is_refused_with_two() -> None:
    with pytest.raises(CommandError, match="There is no portfolio 'nope'") as refused:
        call_command("status", "nope")
    assert refused.value.returncode == 2
