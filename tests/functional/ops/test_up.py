import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest

from tests.functional.ops.supervised import is_gone, wait_until

ROOT = Path(__file__).parents[3]
READY_SECONDS = 60


class Console:
    """`up` on a home of its own, with nothing on PATH: its Redis comes from the wheel."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.output = home / "output"
        home.mkdir(exist_ok=True)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=clean_environment(home) | {"PATH": ""},
            )

    def text(self) -> str:
        return self.output.read_text()

    @property
    def url(self) -> str:
        """Return the announced address, once it is ready."""
        wait_until(
            lambda: "ready http" in self.text() or self.process.poll() is not None,
            "the line that it is ready",
            seconds=READY_SECONDS,
        )
        found = re.search(r"^ready (http://localhost:\d+/)$", self.text(), re.MULTILINE)
        assert found, self.text()
        return found[1]

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def clean_environment(home: Path) -> dict[str, str]:
    """Return the environment without what the tests themselves set for Django."""
    ours = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
    kept = {key: value for key, value in os.environ.items() if key not in ours}
    return kept | {"RISKCONSOLE_HOME": str(home)}


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=READY_SECONDS,
        env=clean_environment(home),
    )


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Return one running console, shared by the tests that leave it as it is."""
    # A blank, a percent sign and more than a unix socket's address can hold.
    home = tmp_path_factory.mktemp("a home 100% new " + "x" * 60)
    console = Console(home, "--port", "0")
    yield console
    stop(console)


def stop(console: Console) -> None:
    if console.process.poll() is None:
        console.process.terminate()
        console.process.wait(30)


def fetch(url: str) -> tuple[int, str]:
    response = httpx.get(url, timeout=10, follow_redirects=True)
    return response.status_code, response.text


def home_of(console: Console) -> Path:
    return console.output.parent


def test_it_announces_its_address_and_the_first_admins_link(console: Console) -> None:
    assert fetch(f"{console.url}healthz") == (200, "ok\n")
    link = re.findall(r"^first admin: (http://\S+)$", console.text(), re.MULTILINE)[0]
    status, page = fetch(link)
    assert status == 200
    assert "<form" in page


def test_it_is_ready_with_no_portfolio_at_all(console: Console) -> None:
    assert fetch(f"{console.url}readyz") == (200, '{"ready": true, "reasons": []}')


def test_a_visitor_is_asked_to_sign_in(console: Console) -> None:
    status, page = fetch(console.url)
    assert status == 200
    assert "password" in page


def test_all_its_processes_live(console: Console) -> None:
    assert console.url
    found = run(home_of(console), "status")
    assert found.returncode == 0, found.stdout
    assert "worker-emergency: alive" in found.stdout
    assert "beat: alive" in found.stdout


def test_a_second_up_on_the_same_home_is_refused(console: Console) -> None:
    assert console.url
    second = run(home_of(console), "up", "--port", "0")
    assert second.returncode == 1
    assert "another `up` already runs from" in second.stderr


def test_a_taken_port_is_refused(console: Console, tmp_path: Path) -> None:
    port = console.url.rstrip("/").rsplit(":", 1)[1]
    second = run(tmp_path, "up", "--port", port)
    assert second.returncode == 1
    assert f"port {port} cannot be used" in second.stderr


def test_a_worker_that_dies_comes_back_and_is_audited(console: Console) -> None:
    assert console.url
    victim = next(one for one in console.children() if "worker-monitor@" in " ".join(one.cmdline()))
    victim.kill()
    wait_until(lambda: "worker-monitor died (signal 9)" in console.text(), "the line that tells it")
    wait_until(
        lambda: "ops.process.restarted" in audit_actions(home_of(console)), "the audit entry"
    )
    assert "worker-monitor: alive" in run(home_of(console), "status").stdout


def test_a_stop_is_clean_and_leaves_no_process(tmp_path: Path) -> None:
    console = Console(tmp_path / "home", "--port", "0")
    assert console.url
    left = console.children()
    stop(console)
    assert console.process.returncode == 0
    assert all(is_gone(process) for process in left)


def test_a_killed_up_leaves_no_process(tmp_path: Path) -> None:
    console = Console(tmp_path / "home", "--port", "0")
    assert console.url
    left = console.children()
    console.process.kill()
    console.process.wait()
    wait_until(lambda: all(is_gone(process) for process in left), "the end of every process")


def test_the_demo_has_a_home_of_its_own_and_tells_who_gets_in(tmp_path: Path) -> None:
    console = Console(tmp_path / "home", "--demo", "--port", "0")
    assert console.url
    people = re.findall(r"^user (\w+) password \S+ totp [A-Z2-7]+$", console.text(), re.MULTILINE)
    assert people == ["operator", "approver", "auditor", "admin"]
    assert "first admin" not in console.text()
    assert "main: " in run(tmp_path / "home" / "demo", "status").stdout
    assert not (tmp_path / "home" / "console.sqlite3").exists()
    stop(console)
    assert console.process.returncode == 0


def test_the_demo_is_refused_in_production(tmp_path: Path) -> None:
    production = {
        "RISKCONSOLE_ENV": "production",
        "RISKCONSOLE_SECRET_KEY": "a secret of the tests only, long enough for the checks",
    }
    refused = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "up", "--demo", "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(tmp_path) | production,
    )
    assert refused.returncode == 1
    assert "refused where RISKCONSOLE_ENV is production" in refused.stderr


def audit_actions(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "console.sqlite3")) as database:
        return [row[0] for row in database.execute("SELECT action FROM audit_auditentry")]
