"""The refusals outlive every migration: they make way for it and come back."""

import os
import subprocess
import sys
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, models
from django.db.backends.sqlite3.schema import DatabaseSchemaEditor

from breaker.apps import install_triggers, make_way
from breaker.models import Breaker
from breaker.triggers import TRIGGERS
from riskconsole import triggers
from tests.clock import NOON
from tests.factories import make_portfolio, push
from tests.integration.breaker.raw_sql import run
from tests.integration.breaker.test_races import database_url

ROOT = Path(__file__).parents[3]
AnyField: TypeAlias = "models.Field[Any, Any]"
TABLES = sorted({trigger.table for trigger in TRIGGERS} | {"people_user", "portfolio_membership"})


def model_of(table: str) -> type[models.Model]:
    (found,) = (model for model in apps.get_models() if model._meta.db_table == table)
    return found


def rebuild(model: type[models.Model]) -> None:
    """Do what a migration of a column does."""
    if connection.vendor == "sqlite":
        with DatabaseSchemaEditor(connection) as editor:
            editor._remake_table(model)  # type: ignore[attr-defined]
        return
    column, other = another_column(model)
    for before, after in ((column, other), (other, column)):
        with connection.schema_editor() as editor:
            editor.alter_field(model, before, after)


def another_column(model: type[models.Model]) -> tuple[AnyField, AnyField]:
    """Return a column of the table, and the same as a migration would leave it."""
    own = [f for f in model._meta.local_fields if not (f.primary_key or f.is_relation)]
    column = next((f for f in own if isinstance(f, models.CharField)), own[0])
    other = copy(column)
    if column.max_length is None:
        other.null = not column.null
    else:
        other.max_length = column.max_length + 1
    return column, other


def refuses() -> bool:
    make_portfolio()
    with pytest.raises(DatabaseError, match="never falls"):
        run("UPDATE breaker_breaker SET version = version - 1")
    with pytest.raises(DatabaseError, match="only by an approved"):
        run("UPDATE breaker_breaker SET state = 'DISABLED', disabled_until = %s", NOON)
    return True


@pytest.mark.django_db
def test_each_refusal_is_there() -> None:
    assert triggers.missing(connection, TRIGGERS) == frozenset()


@pytest.mark.django_db
def test_no_two_refusals_have_one_name() -> None:
    for vendor in ("sqlite", "postgresql"):
        names = [trigger.name for trigger in TRIGGERS if trigger.vendor in {"", vendor}]
        assert len(set(names)) == len(names)


def test_migrating_again_brings_every_one_back(flushable_db: None) -> None:
    triggers.remove(connection, TRIGGERS)
    assert len(triggers.missing(connection, TRIGGERS)) > 30

    call_command("migrate", verbosity=0)

    assert triggers.missing(connection, TRIGGERS) == frozenset()
    assert refuses()


def test_without_a_migration_to_run_none_makes_way(flushable_db: None) -> None:
    make_way(using="default", plan=[])

    assert triggers.missing(connection, TRIGGERS) == frozenset()


@pytest.mark.parametrize("table", TABLES)
def test_a_column_may_change_where_the_refusals_make_way(flushable_db: None, table: str) -> None:
    """SQLite builds the table anew and renames it; PostgreSQL keeps a column that one reads."""
    make_way(using="default", plan=[("a migration", False)])
    rebuild(model_of(table))
    install_triggers(using="default")

    assert triggers.missing(connection, TRIGGERS) == frozenset()
    assert refuses()


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[str]:
    """Return the URL of an empty database beside that of the tests."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path}/scratch.sqlite3"
        return
    url = database_url().rpartition("/")[0]
    with psycopg.connect(f"{url}/postgres", autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS scratch_triggers")
        server.execute("CREATE DATABASE scratch_triggers")
        yield f"{url}/scratch_triggers"
        server.execute("DROP DATABASE scratch_triggers WITH (FORCE)")


def migrate(url: str, home: Path, *target: str) -> None:
    environment = os.environ | {"DATABASE_URL": url, "RISKCONSOLE_HOME": str(home)}
    command = [sys.executable, "manage.py", "migrate", "--skip-checks", "--verbosity", "0", *target]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


CHECK = """
import django; django.setup()
from django.db import connection
from breaker.triggers import TRIGGERS
from riskconsole import triggers
print(len(triggers.missing(connection, TRIGGERS)))
"""


def missing_in(url: str, home: Path) -> int:
    environment = os.environ | {
        "DATABASE_URL": url,
        "RISKCONSOLE_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "riskconsole.settings",
    }
    command = [sys.executable, "-c", CHECK]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_the_app_migrates_to_nothing_and_back(
    django_db_setup: None, scratch: str, tmp_path: Path
) -> None:
    migrate(scratch, tmp_path)
    assert missing_in(scratch, tmp_path) == 0

    migrate(scratch, tmp_path, "breaker", "zero")
    assert missing_in(scratch, tmp_path) > 30
    migrate(scratch, tmp_path)

    assert missing_in(scratch, tmp_path) == 0


@pytest.mark.django_db
def test_a_portfolio_is_not_armed_while_one_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    portfolio = make_portfolio()
    one = next(trigger for trigger in TRIGGERS if trigger.name == "breaker_reset_approved")
    triggers.remove(connection, [one])

    push(portfolio, {"USDT": "10000"})

    assert Breaker.objects.select_related("portfolio").get().portfolio.armed_at is None
    assert "has no trigger breaker_reset_approved" in caplog.text
