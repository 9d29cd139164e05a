"""Every test of the portfolio starts with an empty Redis and no desk."""

import pytest
from redis import Redis

from breaker.services.desk import desks


@pytest.fixture(autouse=True)
def _fresh(redis: Redis, sent_tasks: list[tuple[str, dict[str, object]]]) -> None:
    desks.forget()
