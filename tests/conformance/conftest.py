"""Each case runs once for every venue."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from oms.venues.ccxt import client
from tests.conformance.bench import EMULATED, Bench, Candidate, PaperBench


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a venue that hangs be given up sooner than in earnest."""
    monkeypatch.setattr(client, "TIMEOUT", timedelta(seconds=1))


@pytest.fixture(params=[None, *EMULATED], ids=lambda candidate: str(candidate or "paper"))
def bench(request: pytest.FixtureRequest, db: None) -> Iterator[Bench]:
    candidate: Candidate | None = request.param
    if candidate is None:
        yield PaperBench()
        return
    with candidate.emulator() as emulator:
        yield candidate.bench(emulator)
