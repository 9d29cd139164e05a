"""The live mark store: the last marks in Redis, the same in the database for want of it.

Each (venue, instrument) has one MarkState. A writer judges a new mark against the state that it
read and writes only over that state. What changed is in the dirty set, for the monitor to drain,
and in the unsaved set, for the database to be brought up to date once a second.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from redis import RedisError

from portfolio.domain.mark_text import MarkKey, decode, encode, held_from_json, held_to_json
from portfolio.domain.outliers import (
    MarkState,
    Reason,
    Status,
    Verdict,
    judge,
    learned_offset,
)
from portfolio.domain.prices import Mark
from portfolio.models import Mark as MarkRow
from portfolio.models import Venue
from riskconsole.redis_client import redis_client

logger = logging.getLogger(__name__)

MONITOR_WAKE = "breaker:monitor"
MARKS, DIRTY, UNSAVED = "marks", "marks:dirty", "marks:unsaved"
# Fields of MARKS that no mark can have: without the first Redis has lost its memory; behind the
# name of a venue the second keeps the usual lead of its clock in microseconds.
SEEDED, OFFSET = "|", "|"
TRIES = 10
_MICROSECOND = timedelta(microseconds=1)

# Writes all states, if each is still the text that it was judged against, and wakes the monitor.
_STORE = """
for at = 3, #ARGV, 3 do
  if (redis.call('HGET', KEYS[1], ARGV[at]) or '') ~= ARGV[at + 1] then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for at = 3, #ARGV, 3 do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 2])
  redis.call('SADD', KEYS[2], ARGV[at])
  redis.call('SADD', KEYS[3], ARGV[at])
end
if #ARGV > 2 and redis.call('LLEN', KEYS[4]) == 0 then redis.call('RPUSH', KEYS[4], '1') end
return 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMark:
    """A mark price just received; price is finite and positive already."""

    instrument: str
    price: Decimal
    source_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkResult:
    instrument: str
    status: Status
    reason: Reason | None


class View:
    """This process's copy of the store; a refresh decodes only what changed."""

    def __init__(self) -> None:
        self.states: dict[MarkKey, MarkState] = {}
        self._texts: dict[str, str] = {}

    def refresh(self, keys: Collection[MarkKey] | None = None) -> list[MarkKey]:
        """Read these keys, or all; return those whose state changed.

        The database lags behind Redis by up to a second: what it has is taken only if it is newer
        than what this process has seen.
        """
        try:
            texts = _mark_texts(keys)
        except RedisError as error:
            logger.warning("Marks come from the database, Redis is unreachable: %s", error)
            stored = stored_states(keys)
            newer = {key: state for key, state in stored.items() if self._is_newer(key, state)}
            texts = {key.field: encode(state) for key, state in newer.items()}
        changed = [field for field, text in texts.items() if self._texts.get(field) != text]
        for field in changed:
            self._texts[field] = texts[field]
            self.states[MarkKey.of(field)] = decode(MarkKey.of(field), texts[field])
        return [MarkKey.of(field) for field in changed]

    def _is_newer(self, key: MarkKey, state: MarkState) -> bool:
        known = self.states.get(key, MarkState()).last
        return known is None or (
            state.last is not None and state.last.confirmed_at > known.confirmed_at
        )


def accept(*, venue: str, marks: Sequence[NewMark], now: datetime) -> list[MarkResult]:
    """Judge marks of one venue in order, store what came of it and wake the monitor.

    Without Redis the same happens in the database at once, and the sweep finds it.
    """
    received = [
        Mark(
            venue=venue,
            instrument=mark.instrument,
            price=mark.price,
            source_at=mark.source_at,
            received_at=now,
            confirmed_at=now,
        )
        for mark in marks
    ]
    try:
        verdicts = _accept_live(venue=venue, marks=received, now=now)
    except RedisError as error:
        logger.warning("Marks go to the database, Redis is unreachable: %s", error)
        verdicts = _accept_stored(venue=venue, marks=received, now=now)
    return [
        MarkResult(instrument=mark.instrument, status=verdict.status, reason=verdict.reason)
        for mark, verdict in zip(received, verdicts, strict=True)
    ]


def drain() -> set[MarkKey]:
    """Take everything out of the dirty set.

    :raises RedisError: if Redis is unreachable
    """
    pipeline = redis_client().pipeline(transaction=True)
    pipeline.smembers(DIRTY)
    pipeline.delete(DIRTY)
    fields, _ = pipeline.execute()
    return {MarkKey.of(field) for field in fields}


def states(keys: Iterable[MarkKey] | None = None) -> dict[MarkKey, MarkState]:
    """Return the states of these keys that exist, or of all; from the database without Redis."""
    try:
        texts = _mark_texts(keys)
    except RedisError as error:
        logger.warning("Marks come from the database, Redis is unreachable: %s", error)
        return stored_states(keys)
    return {MarkKey.of(field): decode(MarkKey.of(field), text) for field, text in texts.items()}


def stored_states(keys: Iterable[MarkKey] | None = None) -> dict[MarkKey, MarkState]:
    """Return the states as the database knows them."""
    wanted = None if keys is None else set(keys)
    rows = MarkRow.objects.select_related("venue")
    if wanted is not None:
        rows = rows.filter(instrument__in={key.instrument for key in wanted})
    found = {MarkKey(venue=row.venue.slug, instrument=row.instrument): row for row in rows}
    return {key: _of_row(key, row) for key, row in found.items() if wanted is None or key in wanted}


def save_unsaved() -> dict[MarkKey, MarkState]:
    """Write the marks that changed since the last time to the database; return them.

    :raises RedisError: if Redis is unreachable; the marks are in the database then already
    """
    taken: Any = redis_client().spop(UNSAVED, 100_000)
    fields: list[str] = taken or []
    changed = states(MarkKey.of(field) for field in fields)
    try:
        _save(changed)
    except Exception:
        redis_client().sadd(UNSAVED, *fields)
        raise
    return changed


def _accept_live(*, venue: str, marks: Sequence[Mark], now: datetime) -> list[Verdict]:
    """Judge and write until no other writer came in between."""
    keys = {mark.instrument: MarkKey(venue=venue, instrument=mark.instrument) for mark in marks}
    offset_field = f"{venue}{OFFSET}"
    for _ in range(TRIES):
        read = _live_texts([*(key.field for key in keys.values()), offset_field])
        known = {
            name: decode(key, read[key.field]) if key.field in read else MarkState()
            for name, key in keys.items()
        }
        offset = int(read.get(offset_field, 0)) * _MICROSECOND
        verdicts, after, offset = _judge_all(known=known, marks=marks, now=now, offset=offset)
        arguments = [offset_field, str(offset // _MICROSECOND)]
        for name, state in after.items():
            field = keys[name].field
            arguments += [field, read.get(field, ""), encode(state)]
        if redis_client().eval(_STORE, 4, MARKS, DIRTY, UNSAVED, MONITOR_WAKE, *arguments):
            return verdicts
    raise RedisError(f"{venue}: other writers came first {TRIES} times")


def _judge_all(
    *, known: Mapping[str, MarkState], marks: Sequence[Mark], now: datetime, offset: timedelta
) -> tuple[list[Verdict], dict[str, MarkState], timedelta]:
    after = dict(known)
    verdicts = []
    for mark in marks:
        verdict = judge(state=after[mark.instrument], mark=mark, now=now, usual_offset=offset)
        after[mark.instrument] = verdict.state
        offset = learned_offset(usual=offset, mark=mark)
        verdicts.append(verdict)
    changed = {name: state for name, state in after.items() if state != known[name]}
    return verdicts, changed, offset


@transaction.atomic
def _accept_stored(*, venue: str, marks: Sequence[Mark], now: datetime) -> list[Verdict]:
    Venue.objects.select_for_update().get(slug=venue)
    keys = [MarkKey(venue=venue, instrument=mark.instrument) for mark in marks]
    stored = stored_states(keys)
    known = {key.instrument: stored.get(key, MarkState()) for key in keys}
    verdicts, after, _ = _judge_all(known=known, marks=marks, now=now, offset=timedelta(0))
    _save({MarkKey(venue=venue, instrument=name): state for name, state in after.items()})
    return verdicts


def _mark_texts(keys: Iterable[MarkKey] | None) -> dict[str, str]:
    """Return the stored states as text, of these keys or of all."""
    texts = _live_texts(None if keys is None else [key.field for key in keys])
    return {field: text for field, text in texts.items() if not field.endswith("|")}


def _live_texts(fields: list[str] | None) -> dict[str, str]:
    """Return what Redis has; one that lost its memory gets the database's first."""
    wanted = None if fields is None else [*fields, SEEDED]
    texts = _texts_of(wanted)
    if SEEDED in texts:
        return texts
    _seed()
    return _texts_of(wanted)


def _texts_of(fields: list[str] | None) -> dict[str, str]:
    if fields is None:
        everything: Any = redis_client().hgetall(MARKS)
        return dict(everything)
    found: Any = redis_client().hmget(MARKS, fields)
    return {field: text for field, text in zip(fields, found, strict=True) if text is not None}


def _seed() -> None:
    pipeline = redis_client().pipeline(transaction=True)
    for key, state in stored_states().items():
        pipeline.hsetnx(MARKS, key.field, encode(state))
    pipeline.hset(MARKS, SEEDED, "1")
    pipeline.execute()


def _save(changed: Mapping[MarkKey, MarkState]) -> None:
    venues = dict(Venue.objects.values_list("slug", "pk"))
    rows = [
        _to_row(venues[key.venue], key, state)
        for key, state in changed.items()
        if key.venue in venues
    ]
    MarkRow.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["venue", "instrument"],
        update_fields=["price", "source_at", "received_at", "confirmed_at", "held"],
    )


def _to_row(venue_id: int, key: MarkKey, state: MarkState) -> MarkRow:
    row = MarkRow(venue_id=venue_id, instrument=key.instrument)
    if state.accepted is not None:
        row.price = state.accepted.price
        row.source_at = state.accepted.source_at
        row.received_at = state.accepted.received_at
        row.confirmed_at = state.accepted.confirmed_at
    row.held = held_to_json(state.held)
    return row


def _of_row(key: MarkKey, row: MarkRow) -> MarkState:
    accepted = None
    if row.price is not None and row.received_at is not None and row.confirmed_at is not None:
        accepted = Mark(
            venue=key.venue,
            instrument=key.instrument,
            price=row.price,
            source_at=row.source_at,
            received_at=row.received_at,
            confirmed_at=row.confirmed_at,
        )
    return MarkState(accepted=accepted, held=held_from_json(key, row.held))
