"""A MarkState as JSON text and back: the form in which stores keep it."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from portfolio.domain.outliers import Held, HeldSide, MarkState
from portfolio.domain.prices import Mark
from riskconsole.kernel.clock import time_from, time_text


class MarkKey(NamedTuple):
    """Which instrument on which venue."""

    venue: str
    instrument: str

    @property
    def field(self) -> str:
        return f"{self.venue}|{self.instrument}"

    @classmethod
    def of(cls, field: str) -> "MarkKey":
        venue, _, instrument = field.partition("|")
        return cls(venue=venue, instrument=instrument)


def encode(state: MarkState) -> str:
    """Return a state as JSON text; venue and instrument are in its key."""
    accepted = None if state.accepted is None else _mark_to_json(state.accepted)
    return json.dumps(
        {"accepted": accepted, "held": held_to_json(state.held)}, separators=(",", ":")
    )


def decode(key: MarkKey, text: str) -> MarkState:
    """Return the state that encode() wrote."""
    value = json.loads(text)
    accepted = value["accepted"]
    return MarkState(
        accepted=None if accepted is None else _mark_from_json(key, accepted),
        held=held_from_json(key, value["held"]),
    )


def held_to_json(held: Held | None) -> dict[str, str | None] | None:
    """Return a waiting mark as a JSON object."""
    return None if held is None else {"side": held.side, **_mark_to_json(held.mark)}


def held_from_json(key: MarkKey, value: Mapping[str, str | None] | None) -> Held | None:
    """Return the waiting mark that held_to_json() wrote."""
    if value is None:
        return None
    return Held(mark=_mark_from_json(key, value), side=HeldSide(str(value["side"])))


def _mark_to_json(mark: Mark) -> dict[str, str | None]:
    return {
        "price": str(mark.price),
        "source_at": None if mark.source_at is None else time_text(mark.source_at),
        "received_at": time_text(mark.received_at),
        "confirmed_at": time_text(mark.confirmed_at),
    }


def _mark_from_json(key: MarkKey, value: Mapping[str, str | None]) -> Mark:
    source_at = value["source_at"]
    return Mark(
        venue=key.venue,
        instrument=key.instrument,
        price=Decimal(str(value["price"])),
        source_at=time_from(source_at) if source_at else None,
        received_at=time_from(str(value["received_at"])),
        confirmed_at=time_from(str(value["confirmed_at"])),
    )
