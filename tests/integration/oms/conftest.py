from functools import partial

import pytest

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
