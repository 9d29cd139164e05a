"""The evidence of a trip as a table, and whether it still is what the log says."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from breaker.domain.evidence import evidence_hash
from breaker.models import Trip
from breaker.selectors.entry_words import payload_of
from riskconsole.audit.verify_export import Row, is_hash_right
from riskconsole.kernel.clock import time_from


class Proof(StrEnum):
    """Whether the stored evidence is what the log's entry of the trip was made from."""

    MATCHES = "MATCHES"
    DIFFERS = "DIFFERS"
    NO_ENTRY = "NO_ENTRY"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """One line of the valuation at the trip."""

    account: str
    name: str
    side: str
    quantity: Decimal
    price: Decimal | None
    path: str
    source: str
    source_at: datetime | None
    confirmed_at: datetime | None
    age: timedelta | None
    value: Decimal | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the trip was decided on.

    :param limits: the equity at which it trips, for each limit
    """

    rows: tuple[EvidenceRow, ...]
    proof: Proof
    hash: str
    health: str
    gross: Decimal | None
    conservative_equity: Decimal | None
    stale: tuple[str, ...]
    missing: tuple[str, ...]
    limits: tuple[Decimal, ...]


def evidence_of(trip: Trip, *, entry: Row | None) -> Evidence:
    """Return the evidence of a trip, checked against the entry that it was written down with."""
    facts: dict[str, Any] = trip.evidence
    made = evidence_hash(facts)
    return Evidence(
        rows=rows_of(trip),
        proof=_proof(made, entry=entry),
        hash=made,
        health=facts.get("health", ""),
        gross=_decimal(facts.get("gross_exposure")),
        conservative_equity=_decimal(facts.get("conservative_equity")),
        stale=tuple(facts.get("stale", ())),
        missing=tuple(facts.get("missing", ())),
        limits=_decimals(facts.get("limits", {}).get("trip_equity", ())),
    )


def rows_of(trip: Trip) -> tuple[EvidenceRow, ...]:
    return tuple(_row(line) for line in trip.evidence.get("lines", ()))


def _proof(made: str, *, entry: Row | None) -> Proof:
    if entry is None:
        return Proof.NO_ENTRY
    is_same = is_hash_right(entry) and payload_of(entry)["evidence_hash"] == made
    return Proof.MATCHES if is_same else Proof.DIFFERS


def _row(line: dict[str, Any]) -> EvidenceRow:
    age = line["age_seconds"]
    return EvidenceRow(
        account=line["account"],
        name=line["name"],
        side=line["side"] or "",
        quantity=Decimal(line["quantity"]),
        price=_decimal(line["price"]),
        path=" → ".join(line["path"]),
        source=line["source"],
        source_at=_time(line.get("source_at")),
        confirmed_at=_time(line["confirmed_at"]),
        age=None if age is None else timedelta(seconds=age),
        value=_decimal(line["value"]),
        flags=tuple(line["flags"]),
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _decimals(texts: Iterable[str]) -> tuple[Decimal, ...]:
    return tuple(Decimal(text) for text in texts)


def _time(text: str | None) -> datetime | None:
    return None if text is None else time_from(text)
