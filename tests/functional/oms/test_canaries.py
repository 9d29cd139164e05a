"""Keys planted through every road are found nowhere: they exist only under the seal."""

import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.management import CommandError, call_command
from django.db import connection
from django.views.debug import ExceptionReporter
from pytest_django import Settings
from redis import Redis

from oms.domain.credentials import Credentials, KeyPurpose
from oms.models import VenueKey
from oms.services.keys import credentials_of, set_key
from oms.venues.base import KeyPermissions
from portfolio.models import Portfolio, VenueAccount
from riskconsole.kernel.errors import RiskConsoleError
from tests.clock import NOON

ROOT = Path(__file__).parents[3]
# In every key, secret and passphrase; the last four characters of a key may be shown.
CANARY = "canary"
GOOD = '{"key": "canary-key-1111", "secret": "canary-secret", "passphrase": "canary-phrase"}'
BROKEN = '{"key": "canary-key-1111", "secret": "canary-secret", "passphrase": canary-phrase}'
KEY_FILE = """\
[read]
key = "canary-key-2222"
secret = "canary-secret"
[emergency]
key = "canary-key-3333"
secret = "canary-secret"
passphrase = "canary-phrase"
"""
# The lines of a traceback must not show them as words of this very file.
FILES = (KEY_FILE, KEY_FILE + "canary-line", KEY_FILE + "canary_field = 1\n", KEY_FILE[:-20])
TEXTS = (GOOD, BROKEN, KEY_FILE, GOOD.replace('"secret"', '"canary"'), "canary")
BOOK = """\
[[venue]]
slug = "kraken"
exchange = "kraken"
[[portfolio]]
slug = "main"
reference_currency = "USDT"
[[portfolio.account]]
slug = "spot"
venue = "kraken"
kind = "spot"
credentials_file = "keys.toml"
"""


def is_found(shown: object) -> bool:
    return CANARY in (shown if isinstance(shown, str) else repr(shown))


class Desk:
    """Runs commands, and keeps all that came out of them: output, errors and their reports."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.shown: list[str] = []

    def run(self, *arguments: str, given: str = "") -> None:
        out = StringIO()
        self.monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(given.encode())))
        self.keep(lambda: call_command(*arguments, stdout=out, stderr=out))
        self.shown.append(out.getvalue())

    def apply(self, keys: str) -> None:
        (self.folder / "keys.toml").write_text(keys)
        (self.folder / "desk.toml").write_text(BOOK)
        self.run("apply", str(self.folder / "desk.toml"))
        self.run("apply", str(self.folder / "desk.toml"), "--check")

    def keep(self, act: Callable[[], object]) -> None:
        """Act, and keep an error as a terminal and as an error page would show it."""
        try:
            act()
        except Exception as error:
            self.shown += traceback.format_exception(error)
            self.shown.append(ExceptionReporter(None, *sys.exc_info()).get_traceback_html())
            self.shown.append(ExceptionReporter(None, *sys.exc_info()).get_traceback_text())
            if not isinstance(error, CommandError | RiskConsoleError | RuntimeError):
                raise


@pytest.fixture
def desk(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def tables() -> Iterator[tuple[str, list[Any]]]:
    """Yield every row of the database as the engine stores it."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            yield table, cursor.fetchall()


def everything_in(redis: Redis) -> list[bytes | None]:
    return [part for key in redis.scan_iter() for part in (key, redis.dump(key))]


def set_at_once(permissions: KeyPermissions | None = None) -> None:
    set_key(
        account_id=VenueAccount.objects.get().pk,
        purpose=KeyPurpose.READ,
        credentials=Credentials(**json.loads(GOOD)),
        permissions=permissions,
        actor="user:ada",
        address="",
        now=NOON,
    )


def plant(desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring keys in by every road, rightly and wrongly, and let the machinery fail under them."""
    for keys in FILES:
        desk.apply(keys)
    for given in TEXTS:
        desk.run("key", "set", "main/spot", "--read", "--stdin", given=given)
    able = KeyPermissions(
        may_withdraw=True, may_trade=True, account_id="A1", has_address_list=None, expires_at=None
    )
    desk.keep(set_at_once)
    desk.keep(lambda: set_at_once(able))
    with monkeypatch.context() as broken:
        broken.setattr(AESGCM, "encrypt", fail)
        desk.keep(set_at_once)
        desk.run("key", "set", "main/spot", "--read", "--stdin", given=GOOD)
        desk.apply(KEY_FILE.replace("2222", "4444"))
    right, settings.MASTER_KEY = settings.MASTER_KEY, "another one"
    desk.keep(read_back)
    desk.apply(KEY_FILE.replace("2222", "4444"))
    settings.MASTER_KEY = right
    Portfolio.objects.update(armed_at=NOON)
    desk.keep(set_at_once)
    desk.apply(KEY_FILE.replace("2222", "4444"))
    desk.run("key", "set", "main/spot", "--read", "--stdin", given=GOOD)
    desk.run("key", "remove", "main/spot", "--read")
    desk.run("key", "list")
    settings.OLD_MASTER_KEY, settings.MASTER_KEY = settings.MASTER_KEY, "the new master key"
    desk.run("key", "rotate")


def fail(*_arguments: object) -> bytes:
    raise RuntimeError("the cipher fails")


def read_back() -> Credentials | None:
    account = VenueAccount.objects.get()
    return credentials_of(account_id=account.pk, purpose=KeyPurpose.READ)


def test_planted_keys_are_found_nowhere(
    desk: Desk,
    redis: Redis,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    sent_tasks: list[tuple[str, dict[str, object]]],
) -> None:
    caplog.set_level(logging.DEBUG)

    plant(desk, settings, monkeypatch)
    desk.run("audit_export", str(desk.folder / "log.ndjson"))

    found = read_back()
    assert found is not None
    assert is_found(found.secret)
    assert not is_found(found)
    assert VenueKey.objects.count() == 2
    assert len(desk.shown) > 50
    assert [text for text in desk.shown if is_found(text)] == []
    assert [table for table, rows in tables() if is_found(rows)] == []
    assert [record for record in caplog.records if is_found(vars(record))] == []
    assert not is_found((desk.folder / "log.ndjson").read_text())
    assert not is_found(everything_in(redis))
    assert not is_found(sent_tasks)


def manage(home: Path, name: str, *arguments: str, given: str = "", **values: str) -> str:
    """Run a command of its own process; return its exit status, output and error output."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), name, "--traceback", *arguments],
        env=kept | {"RISKCONSOLE_HOME": str(home), "RISKCONSOLE_LOG_LEVEL": "DEBUG"} | values,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{done.returncode}\n{done.stdout}\n{done.stderr}"


def test_a_home_and_its_processes_show_no_key(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "desk.toml").write_text(BOOK)
    (tmp_path / "keys.toml").write_text(KEY_FILE)
    (tmp_path / "new").write_text("the new master key")
    both = {
        "RISKCONSOLE_MASTER_KEY_FILE": str(tmp_path / "new"),
        "RISKCONSOLE_OLD_MASTER_KEY_FILE": str(home / "master_key"),
    }
    setting = ("key", "set", "main/spot", "--read", "--stdin")

    shown = [
        manage(home, "apply", str(tmp_path / "desk.toml")),
        manage(home, *setting, given=GOOD),
        manage(home, *setting, given=BROKEN),
        manage(home, "key", "rotate", **both),
        manage(home, "key", "list"),
    ]

    assert [text[0] for text in shown] == ["0", "0", "1", "0", "0"]
    assert "Sealed anew: 2 venue keys" in shown[3]
    assert shown[4].count("CANNOT BE OPENED with this master key") == 2
    assert not is_found(shown)
    files = [file for file in home.rglob("*") if file.is_file()]
    assert any(file.name == "console.sqlite3" for file in files)
    assert [file for file in files if CANARY.encode() in file.read_bytes()] == []
