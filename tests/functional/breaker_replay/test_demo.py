"""The command `demo` halts through the real services and leaves nothing behind."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone
from redis import Redis

from breaker.models import Breaker
from breaker.services.desk import desks
from riskconsole.ops import demo_loss


def test_a_loss_of_5_5_percent_halts_with_status_1_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    temporary.mkdir()
    environment = os.environ | {
        "RISKCONSOLE_HOME": str(home),
        "TMPDIR": str(temporary),
        "DJANGO_SETTINGS_MODULE": "riskconsole.settings",
        "DATABASE_URL": f"sqlite:///{home}/real.sqlite3",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "RISKCONSOLE_ALERT_URLS": "json://127.0.0.1:1",
    }

    done = subprocess.run(
        [sys.executable, str(project.BASE_DIR / "manage.py"), "demo", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.returncode == 1
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        step("9800.00", "0.02", "ACTIVE"),
        step("9650.00", "0.035", "WARNING"),
        step("9580.00", "0.042", "WARNING"),
        step("9450.00", "0.055", "TRIGGERED"),
        leg("kraken-perp", 2),
        leg("kraken-spot", 2),
        leg("mexc-perp", 3),
        leg("mexc-spot", 1),
        {
            "event": "halted",
            "state": "TRIGGERED",
            "final_equity": "9450.00",
            "loss": "550.00",
            "exit_status": 1,
        },
    ]
    assert not list(temporary.iterdir())
    assert not list(home.glob("*.sqlite3"))


def step(equity: str, ratio: str, state: str) -> dict[str, Any]:
    return {"event": "step", "equity": equity, "loss_ratio": ratio, "state": state}


def leg(account: str, cancelled: int) -> dict[str, Any]:
    return {"event": "leg", "account": account, "cancelled": cancelled, "status": "EMPTY"}


@pytest.mark.parametrize(("stage", "status"), [("0", 1), ("1", 2), ("2", 2), ("-9", 2)])
def test_only_a_stage_that_halted_ends_with_status_1(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    stage: str,
    status: int,
) -> None:
    ending = "os.kill(os.getpid(), 9)" if stage == "-9" else f"sys.exit({stage})"
    (tmp_path / "manage.py").write_text(f"import os, sys\nprint('a line', flush=True)\n{ending}\n")

    with override_settings(BASE_DIR=tmp_path), pytest.raises(SystemExit) as end:
        call_command("demo")

    assert end.value.code == status
    assert capsys.readouterr().out == "a line\n"


@pytest.fixture
def _console(
    flushable_db: None, redis: Redis, sent_tasks: list[tuple[str, dict[str, object]]]
) -> Iterator[None]:
    desks.forget()
    yield
    desks.forget()


@pytest.mark.usefixtures("_console")
def test_a_loss_below_the_limit_is_no_halt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_loss, "PRICES", (Decimal(58000),))
    with pytest.raises(demo_loss.DemoFailed, match="did not trip"):
        list(demo_loss.play(clock=timezone.now))
    assert Breaker.objects.get().state == "ACTIVE"
