"""A caller with any token, and an evaluation desk that remembers no other test."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from redis import Redis

from breaker.services.desk import desks
from riskconsole.people.services import create_token
from tests.clock import NOON

Call = Callable[..., HttpResponse]


class Caller:
    """Calls the API with one token; a body is sent as the text it is."""

    def __init__(self, token: str | None) -> None:
        self._client = Client(raise_request_exception=True)
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, body: str = "") -> Any:  # noqa: ANN401
        return self._client.generic(
            method,
            f"/api/v1/{path}",
            body,
            content_type="application/json",
            headers=self._headers,
        )


@pytest.fixture(autouse=True)
def fresh_desk(db: None, redis: Redis, sent_tasks: list[tuple[str, dict[str, object]]]) -> None:
    desks.forget()


@pytest.fixture
def caller() -> Callable[..., Caller]:
    """Return a maker of callers: caller("read"), caller("feed", only=["main"])."""

    def make(*scopes: str, only: Sequence[str] = ()) -> Caller:
        name = "-".join([*scopes, *only])
        return Caller(create_token(name=name, scopes=scopes, portfolios=only, now=NOON))

    return make


@pytest.fixture
def anonymous() -> Caller:
    return Caller(None)


@pytest.fixture
def bot(caller: Callable[..., Caller]) -> Caller:
    """Return a caller that may do everything an API token may."""
    return caller("read", "feed", "gate", "halt")
