"""`apply` makes a database that is not there; what only looks never does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

BOOK = '[[portfolio]]\nslug = "main"\nreference_currency = "USDT"\ninitial_capital = 10000\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "desk.toml").write_text(BOOK)
    return tmp_path / "home"


def run(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, on a SQLite database in this home."""
    environment = os.environ | {
        "RISKCONSOLE_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "riskconsole.settings",
    }
    environment.pop("DATABASE_URL", None)
    environment |= more
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_apply_makes_the_database(home: Path) -> None:
    done = run(home, "apply", str(home.parent / "desk.toml"))

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "+ portfolio main 10000.00 USDT\n"
    again = run(home, "apply", str(home.parent / "desk.toml"), "--check")
    assert again.stdout == "Nothing to change\n"


def test_check_tells_the_difference_to_nothing_and_makes_nothing(home: Path) -> None:
    done = run(home, "apply", str(home.parent / "desk.toml"), "--check")

    assert done.stdout == "+ portfolio main 10000.00 USDT\n"
    assert done.returncode == 0
    assert not list(home.glob("*.sqlite3*"))


def test_a_bad_file_makes_no_database(home: Path) -> None:
    (home.parent / "desk.toml").write_text("nonsense = 1\n")

    done = run(home, "apply", str(home.parent / "desk.toml"))

    assert done.returncode == 2
    assert "line 1: nonsense: is not known" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(home.glob("*.sqlite3*"))


def test_token_refuses_a_missing_database(home: Path) -> None:
    done = run(home, "token", "list")

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not list(home.glob("*.sqlite3*"))


@pytest.mark.parametrize("options", [[], ["--check"]])
def test_a_database_that_does_not_answer_is_said_in_a_sentence(
    home: Path, options: list[str]
) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"

    done = run(home, "apply", str(home.parent / "desk.toml"), *options, DATABASE_URL=nowhere)

    assert done.returncode == 2
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
