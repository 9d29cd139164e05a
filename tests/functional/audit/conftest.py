"""Readers of the log, and what there is to read."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.http import StreamingHttpResponse
from django.test import Client
from pytest_django import Settings

from portfolio.models import Portfolio, Role
from riskconsole import triggers
from riskconsole.audit.chain import Payload, Value
from riskconsole.audit.services import record
from riskconsole.audit.triggers import TRIGGERS
from riskconsole.people.models import User
from tests.clock import NOON
from tests.factories import make_portfolio, make_user


@pytest.fixture(autouse=True)
def _home(settings: Settings, tmp_path: Path) -> None:
    settings.RISKCONSOLE_HOME = tmp_path


@pytest.fixture
def main(db: None) -> Portfolio:
    """A portfolio with people around it: audrey and adam read everything, charlie nothing."""
    portfolio = make_portfolio("main")
    make_portfolio("other")
    make_user("olga", portfolio=portfolio, role=Role.OPERATOR)
    make_user("paul", portfolio=portfolio, role=Role.APPROVER)
    make_user("bob", portfolio=portfolio, role=Role.VIEWER)
    make_user("charlie")
    make_user("audrey", site="AUDITOR")
    make_user("adam", site="ADMIN")
    return portfolio


def signed_in(username: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=username))
    return client


def note(
    action: str = "breaker.trip.happened",
    *,
    portfolio: str = "",
    times: int = 1,
    actor: str = "system",
    payload: Payload | None = None,
    **facts: Value,
) -> None:
    with transaction.atomic():
        for number in range(times):
            record(
                action=action,
                subject=f"about {portfolio or 'site'}",
                portfolio=portfolio,
                actor=actor,
                payload=payload or facts or {"number": number},
                now=NOON,
            )


def tamper(statement: str, *values: str | int) -> None:
    """Change the log past its triggers."""
    triggers.remove(connection, TRIGGERS)
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))


def content_of(response: StreamingHttpResponse) -> bytes:
    """Return what is streamed, as an ASGI server would read it."""

    async def read() -> bytes:
        parts: Iterable[bytes] = [part async for part in response.streaming_content]  # type: ignore[union-attr]
        return b"".join(parts)

    return async_to_sync(read)()
