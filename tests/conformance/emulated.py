"""Open one emulated venue by its name, for what only that venue does."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.conformance.bench import EMULATED, EmulatedBench


@contextmanager
def bench_of(name: str) -> Iterator[EmulatedBench]:
    """Give a bench of a fresh emulator."""
    candidate = next(row for row in EMULATED if row.name == name)
    with candidate.emulator() as emulator:
        yield candidate.bench(emulator)
