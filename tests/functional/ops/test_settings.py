"""A bad value stops the start with one sentence that names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PRODUCTION = {"RISKCONSOLE_ENV": "production"}


def start(home: Path, **values: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check"],
        env=kept | {"RISKCONSOLE_HOME": str(home)} | values,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"RISKCONSOLE_ENV": "prod"}, "RISKCONSOLE_ENV must be one of development, production"),
        (PRODUCTION, "Set the environment variable RISKCONSOLE_SECRET_KEY"),
        ({"DATABASE_URL": "mysql://localhost/x"}, "DATABASE_URL must begin with sqlite://"),
        ({"DATABASE_URL": "postgresql://localhost/"}, "DATABASE_URL names no database"),
        ({"DATABASE_MIGRATION_URL": "oracle://x/y"}, "DATABASE_MIGRATION_URL must begin with"),
        ({"REDIS_URL": "http://localhost"}, "REDIS_URL must begin with redis://"),
        ({"RISKCONSOLE_PUBLIC_URL": "console"}, "RISKCONSOLE_PUBLIC_URL must begin with http://"),
        ({"RISKCONSOLE_HEARTBEAT_URL": "ftp://x"}, "RISKCONSOLE_HEARTBEAT_URL must begin with"),
        ({"RISKCONSOLE_TRUSTED_PROXIES": "10.0.0.0/33"}, "RISKCONSOLE_TRUSTED_PROXIES names no"),
        ({"RISKCONSOLE_ALERT_URLS": "mailto://a,secret"}, "RISKCONSOLE_ALERT_URLS holds no addr"),
        ({"RISKCONSOLE_LOG_LEVEL": "LOUD"}, "RISKCONSOLE_LOG_LEVEL must be one of"),
        ({"RISKCONSOLE_DEMO": "yes"}, "RISKCONSOLE_DEMO must be 'true' or 'false'"),
        ({"RISKCONSOLE_SOLO": "1"}, "RISKCONSOLE_SOLO must be 'true' or 'false'"),
        ({"RISKCONSOLE_REQUIRE_MFA": "no"}, "RISKCONSOLE_REQUIRE_MFA must be 'true' or 'false'"),
        ({"RISKCONSOLE_MASTER_KEY_FILE": "/nowhere"}, "RISKCONSOLE_MASTER_KEY_FILE cannot be read"),
        ({"RISKCONSOLE_MASTER_KEY_FILE": "/dev/null"}, "RISKCONSOLE_MASTER_KEY_FILE is an empty"),
        ({"RISKCONSOLE_OLD_MASTER_KEY_FILE": "/nowhere"}, "RISKCONSOLE_OLD_MASTER_KEY_FILE cannot"),
    ],
)
def test_a_bad_setting_is_named_in_one_line(
    tmp_path: Path, values: dict[str, str], sentence: str
) -> None:
    done = start(tmp_path, **values)

    assert done.returncode == 2
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_without_any_setting_it_starts(tmp_path: Path) -> None:
    done = start(tmp_path)

    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
    for name in ("secret_key", "master_key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
