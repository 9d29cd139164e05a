"""What the pages show of entries, also of entries that somebody changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from riskconsole.audit.verify_export import Row, encode, is_hash_right
from riskconsole.kernel.clock import time_from

DETAIL_LENGTH = 110
CHANGED = frozenset({"before", "after"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """One entry; at is None where its text is no time, detail is its payload in a line."""

    sequence: int
    at: datetime | None
    at_text: str
    actor: str
    address: str
    action: str
    tone: str
    subject: str
    portfolio: str
    detail: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact of a payload; where it has one before and one after, both are there."""

    name: str
    value: str = ""
    before: str = ""
    after: str = ""
    is_change: bool = False

    @property
    def is_changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """One entry, with its neighbours among those that the reader may see.

    :param is_linked: whether it holds the hash of the entry before it; None where that is not shown
    :param is_followed: the same of the entry behind it
    """

    row: EntryRow
    facts: tuple[Fact, ...]
    previous_hash: str
    is_hash_right: bool
    previous: EntryRow | None
    next: EntryRow | None
    is_linked: bool | None
    is_followed: bool | None

    @property
    def is_right(self) -> bool:
        return self.is_hash_right and self.is_linked is not False and self.is_followed is not False


def entry_row(row: Row) -> EntryRow:
    return EntryRow(
        sequence=row.sequence,
        at=_time(row.at),
        at_text=readable(row.at),
        actor=readable(row.actor).removeprefix("user:"),
        address=readable(row.address),
        action=readable(row.action),
        tone=_tone(readable(row.action)),
        subject=readable(row.subject),
        portfolio=readable(row.portfolio),
        detail=_detail(facts_of(row)),
        hash=readable(row.hash),
    )


def entry_page(row: Row, *, previous: Row | None, following: Row | None) -> EntryPage:
    """Return an entry beside its neighbours, with its hash made again."""
    return EntryPage(
        row=entry_row(row),
        facts=facts_of(row),
        previous_hash=readable(row.previous_hash),
        is_hash_right=is_hash_right(row),
        previous=entry_row(previous) if previous else None,
        next=entry_row(following) if following else None,
        is_linked=_links(previous, row),
        is_followed=_links(row, following),
    )


def facts_of(row: Row) -> tuple[Fact, ...]:
    """Return the payload fact by fact; one that is no JSON object is a single fact."""
    try:
        payload = json.loads(row.payload)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        return (Fact(name="payload", value=readable(row.payload)),)
    return (*_changes(payload), *(_fact(name, value) for name, value in _plain(payload).items()))


def readable(stored: object) -> str:
    """Return what a column holds as text that can be shown, bytes that are none as escapes."""
    if isinstance(stored, bytes):
        return stored.decode("utf-8", "backslashreplace")
    return str(stored).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _plain(payload: Mapping[str, Any]) -> dict[str, Any]:
    hidden = CHANGED | {"field"} if payload.keys() >= CHANGED else frozenset[str]()
    return {name: value for name, value in payload.items() if name not in hidden}


def _changes(payload: Mapping[str, Any]) -> list[Fact]:
    """Return what was before and what is after, value by value where both are objects."""
    if not payload.keys() >= CHANGED:
        return []
    before, after = payload["before"], payload["after"]
    if not isinstance(before, dict) or not isinstance(after, dict):
        return [_change(_text(payload.get("field", "value")), before, after)]
    return [_change(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]


def _change(name: str, before: object, after: object) -> Fact:
    return Fact(name=readable(name), before=_text(before), after=_text(after), is_change=True)


def _fact(name: str, value: object) -> Fact:
    return Fact(name=readable(name), value=_text(value))


def _text(value: object) -> str:
    if value is None:
        return "\N{EN DASH}"
    return readable(value if isinstance(value, str) else encode(value))


def _detail(facts: tuple[Fact, ...]) -> str:
    told = [
        f"{fact.name} {fact.before} → {fact.after}"
        if fact.is_change
        else f"{fact.name} {fact.value}"
        for fact in facts
        if fact.value or fact.is_changed
    ]
    text = ", ".join(told)
    return text if len(text) <= DETAIL_LENGTH else f"{text[:DETAIL_LENGTH]}…"


def _links(before: Row | None, row: Row | None) -> bool | None:
    if before is None or row is None or before.sequence + 1 != row.sequence:
        return None
    return before.hash == row.previous_hash


def _time(text: str) -> datetime | None:
    try:
        return time_from(text)
    except (TypeError, ValueError):
        return None


def _tone(action: str) -> str:
    if action.startswith(("breaker.trip", "breaker.halt", "audit.break")):
        return "trip"
    return "warn" if action.startswith(("breaker.warning", "people.access.refused")) else ""
