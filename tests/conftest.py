"""Fixtures that every test may use: a real Redis, and a database that can be flushed."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker
from redis import ConnectionError as RedisConnectionError
from redis import Redis

from breaker.triggers import TRIGGERS as BREAKER_TRIGGERS
from riskconsole import triggers
from riskconsole.audit.triggers import TRIGGERS as AUDIT_TRIGGERS
from riskconsole.redis_client import redis_client

START_SECONDS = 10


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the journeys last: the loop of Playwright runs on until the session ends."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def missing_part(what: str) -> None:
    """Skip where a part is not installed; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def redis_binary() -> str:
    from riskconsole.ops.redis_server import find_redis_server

    return str(find_redis_server())


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """End the sessions that threads of an event loop keep, so that the database can be dropped."""
    yield
    if connection.vendor != "postgresql":
        return
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """Run a real Redis on the settings' unix socket for the session; return its URL."""
    socket = settings.REDIS_URL.removeprefix("unix://")
    server = subprocess.Popen(
        [
            redis_binary(),
            "--port",
            "0",
            "--unixsocket",
            socket,
            "--save",
            "",
            "--dir",
            str(Path(socket).parent),
        ],
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + START_SECONDS
    client = Redis.from_url(settings.REDIS_URL)
    while not _answers(client):
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            pytest.fail("redis-server did not start")
    client.close()
    yield settings.REDIS_URL
    server.terminate()
    server.wait()


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisConnectionError:
        return False


@pytest.fixture
def redis(redis_server: str) -> Iterator[Redis]:
    """Return the console's own client on an empty Redis."""
    client = redis_client()
    client.flushall()
    yield client
    client.flushall()


@pytest.fixture
def sent_tasks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """Return the tasks handed to the broker, by name and arguments, without a broker."""
    from riskconsole.celery import app

    sent: list[tuple[str, dict[str, object]]] = []

    def note(name: str, kwargs: dict[str, object] | None = None, **_options: object) -> None:
        sent.append((name, kwargs or {}))

    monkeypatch.setattr(app, "send_task", note)
    return sent


@pytest.fixture
def flushable_db(transactional_db: None) -> Iterator[None]:
    """Real transactions; the append-only triggers give way to the flush at the end."""
    yield
    triggers.remove(connection, (*AUDIT_TRIGGERS, *BREAKER_TRIGGERS))
