"""Each case runs once for every venue."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from oms.venues.ccxt import client
from tests.conformance.bench import CANDIDATES, Bench, Candidate


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a venue that hangs be given up sooner than in earnest."""
    monkeypatch.setattr(client, "TIMEOUT", timedelta(seconds=1))


@pytest.fixture(params=CANDIDATES, ids=str)
def bench(request: pytest.FixtureRequest, db: None) -> Iterator[Bench]:
    candidate: Candidate = request.param
    if candidate.emulator is None:
        yield candidate.bench()
        return
    with candidate.emulator() as emulator:
        yield candidate.bench(emulator)
