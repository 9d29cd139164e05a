"""On PostgreSQL the console's role owns nothing and cannot switch the log's refusals off."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection

ROOT = Path(__file__).parents[3]
OWNER, CONSOLE, DATABASE = "rc_test_owner", "rc_test_console", "rc_test_roles"

pytestmark = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="roles are PostgreSQL's: set DATABASE_URL"
)


def connect(database: str, *, user: str | None = None) -> psycopg.Connection:
    settings = connection.settings_dict
    return psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"] or None,
        user=user or settings["USER"],
        password=settings["PASSWORD"] or None,
        dbname=database,
        autocommit=True,
    )


def url(user: str) -> str:
    settings = connection.settings_dict
    return f"postgresql://{user}@{quote(settings['HOST'], safe='')}:{settings['PORT']}/{DATABASE}"


def drop() -> None:
    with connect("postgres") as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        for role in (OWNER, CONSOLE):
            admin.execute(f"DROP ROLE IF EXISTS {role}")


@pytest.fixture
def roles() -> Iterator[None]:
    """Make two roles and a database as docs/operations/running.md says."""
    drop()
    with connect("postgres") as admin:
        for role in (OWNER, CONSOLE):
            admin.execute(f"CREATE ROLE {role} LOGIN")
        admin.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    with connect(DATABASE) as admin:
        granted = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT"
        admin.execute(f"{granted} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {CONSOLE}")
        admin.execute(f"{granted} USAGE ON SEQUENCES TO {CONSOLE}")
    yield
    drop()


def manage(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "DATABASE_URL": url(CONSOLE),
        "DATABASE_MIGRATION_URL": url(OWNER),
        "RISKCONSOLE_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "riskconsole.settings",
    }
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("roles")
def test_the_console_works_as_a_role_that_cannot_disable_a_trigger(tmp_path: Path) -> None:
    migrated = manage(tmp_path, "migrate", "--database", "migration")
    assert migrated.returncode == 0, migrated.stderr

    token = manage(tmp_path, "token", "create", "bot", "--scope", "gate")
    verified = manage(tmp_path, "audit_verify")

    assert token.returncode == 0, token.stderr
    assert verified.returncode == 0, verified.stderr
    with (
        connect(DATABASE, user=CONSOLE) as console,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        console.execute("ALTER TABLE audit_auditentry DISABLE TRIGGER ALL")
