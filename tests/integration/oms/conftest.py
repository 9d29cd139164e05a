from collections.abc import Iterator
from functools import partial

import pytest

from oms.services.jobs import crew
from oms.venues import registry
from oms.venues.paper import PaperAdapter
from tests.integration.oms.desk import Desk


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue that hangs is a matter of its time-out, not of the test's time."""
    monkeypatch.setattr(registry, "PaperAdapter", partial(PaperAdapter, sleep=lambda _: None))


@pytest.fixture(autouse=True)
def _nobody_left() -> Iterator[None]:
    """A thread that waits for its next job holds a connection to the database of the tests."""
    yield
    crew.dismiss()
