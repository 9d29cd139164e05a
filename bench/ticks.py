"""A feed under load: 1,000 ticks a second over 50 instruments until the process is ended."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from time import monotonic, sleep

import django

from bench.console import OPENING, SHARED

TICKS_PER_SECOND = 1_000
BATCH = 10
_STEP = Decimal("0.001")


def feed() -> None:
    """Hand marks over in batches of ten, as a websocket that carries many instruments does."""
    from portfolio.marks import NewMark, accept

    began = monotonic()
    for batch in count():
        first = batch * BATCH
        marks = [
            NewMark(
                instrument=SHARED[tick % len(SHARED)],
                price=OPENING + _STEP * (tick // len(SHARED) % 100),
            )
            for tick in range(first, first + BATCH)
        ]
        accept(venue="paper", marks=marks, now=datetime.now(UTC))
        sleep(max(0.0, began + first / TICKS_PER_SECOND - monotonic()))


if __name__ == "__main__":
    django.setup()
    feed()
