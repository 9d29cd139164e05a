"""The trip: state, trip row, cancel legs, alerts and audit entry commit together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F, QuerySet

from breaker.domain.evidence import evidence_hash
from breaker.domain.machine import WATCHED, BreakerState, Cause, loss_ratio
from breaker.models import Breaker, Trip, TripEvent, TripEventKind
from breaker.services.locks import lock_breakers
from breaker.services.requests import void_outdated
from oms.services.cancelling import open_cancel_run
from oms.services.closing import open_close_run
from portfolio.models import Portfolio
from portfolio.selectors import line_facts, stored_book_of
from portfolio.services import history
from riskconsole.alerts.models import Level
from riskconsole.alerts.services import raise_alert
from riskconsole.audit.chain import Value
from riskconsole.audit.services import SYSTEM, record
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import known_money_text, known_ratio_text, loss_text
from riskconsole.live.publish import publish_on_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class TripFacts:
    """Why and at what a breaker trips; equity and ratios are unknown to a halt before arming."""

    cause: Cause
    reason: str
    evidence: Mapping[str, Value]
    equity: Decimal | None = None
    reference_equity: Decimal | None = None
    loss_ratio: Decimal | None = None
    actor: str = SYSTEM
    address: str = ""


@transaction.atomic(savepoint=False)
def trip(*, breaker: Breaker, facts: TripFacts, now: datetime) -> Trip | None:
    """Trip the breaker if it still is as it was read; return None if somebody was first.

    The conditional update is the first statement: on SQLite and PostgreSQL alike it decides the
    race, and the version keeps an evaluation that began before a reset from tripping after it.
    With the version unchanged, the limits are as they were read too.

    :param breaker: as the evaluation read it, with its portfolio
    """
    watched = Breaker.objects.filter(pk=breaker.pk, state__in=WATCHED, version=breaker.version)
    if not _trigger(watched, now=now):
        return None
    return _write_down(breaker=breaker, version=breaker.version, facts=facts, now=now)


@transaction.atomic
def halt(*, portfolio_id: int, reason: str, actor: str, address: str, now: datetime) -> Trip:
    """Trip by a person, whatever the version; on a triggered breaker append to its trip.

    Every halt changes the version, so that a reset asked for before it is void. It waits for a
    reset that is being carried out: an update alone would pass by a row that is TRIGGERED still.
    """
    lock_breakers([portfolio_id])
    watched = Breaker.objects.filter(portfolio_id=portfolio_id).exclude(
        state=BreakerState.TRIGGERED
    )
    if not _trigger(watched, now=now):
        return _append_halt(
            portfolio_id=portfolio_id, reason=reason, actor=actor, address=address, now=now
        )
    void_outdated(portfolio_id=portfolio_id, now=now)
    facts = _halt_facts(
        portfolio_id=portfolio_id, reason=reason, actor=actor, address=address, now=now
    )
    breaker = Breaker.objects.select_related("portfolio").get(portfolio_id=portfolio_id)
    return _write_down(breaker=breaker, version=breaker.version - 1, facts=facts, now=now)


@transaction.atomic
def append_breaches(*, portfolio_id: int, causes: Iterable[Cause], now: datetime) -> None:
    """Add later breaches to the open trip, each cause once; its first cause stays as it was."""
    row = Trip.objects.select_related("breaker__portfolio").get(
        breaker__portfolio_id=portfolio_id, reset_at=None
    )
    appended = row.events.filter(kind=TripEventKind.BREACH).values_list("reason", flat=True)
    known = {row.cause, *row.evidence.get("breaches", ()), *appended}
    for cause in [cause for cause in causes if cause not in known]:
        TripEvent.objects.create(trip=row, at=now, kind=TripEventKind.BREACH, reason=cause)
        record(
            action="breaker.breach.appended",
            subject=f"trip:{row.pk}",
            portfolio=row.breaker.portfolio.slug,
            payload={"cause": cause},
            now=now,
        )


def _trigger(breakers: QuerySet[Breaker], *, now: datetime) -> bool:
    return (
        breakers.update(
            state=BreakerState.TRIGGERED,
            state_since=now,
            disabled_until=None,
            version=F("version") + 1,
        )
        == 1
    )


def _write_down(*, breaker: Breaker, version: int, facts: TripFacts, now: datetime) -> Trip:
    """Write everything that follows a trip of this version; the state has changed already."""
    row = Trip.objects.create(
        breaker=breaker,
        version=version,
        at=now,
        cause=facts.cause,
        reason=facts.reason,
        actor=facts.actor,
        equity=facts.equity,
        reference_equity=facts.reference_equity,
        loss_ratio=facts.loss_ratio,
        evidence=facts.evidence,
    )
    open_cancel_run(
        portfolio_id=breaker.portfolio_id,
        cause=f"trip:{row.pk}",
        keep_reduce_only=breaker.keep_reduce_only,
        now=now,
    )
    if _closes(breaker, facts):
        open_close_run(
            portfolio_id=breaker.portfolio_id,
            cause=f"trip:{row.pk}",
            max_mark_age=breaker.max_mark_age,
            is_held=True,
            now=now,
        )
    history.keep_around(portfolio_id=breaker.portfolio_id, at=now)
    _tell(breaker=breaker, trip_id=row.pk, version=version + 1, facts=facts, now=now)
    return row


def _closes(breaker: Breaker, facts: TripFacts) -> bool:
    """Return whether the console closes the positions: never where it trips for being blind."""
    return breaker.close_positions and facts.cause is not Cause.BLIND


def _tell(*, breaker: Breaker, trip_id: int, version: int, facts: TripFacts, now: datetime) -> None:
    """Tell people, browsers and the log; the log last, for its lock."""
    slug, cause = breaker.portfolio.slug, f"trip:{trip_id}"
    raise_alert(
        portfolio=slug,
        cause=cause,
        level=Level.TRIP,
        subject=f"{breaker.portfolio.name} is triggered: {facts.reason or facts.cause}",
        body=_alert_body(breaker, facts, now=now),
        now=now,
    )
    publish_on_commit(
        {
            "type": "breaker.changed",
            "portfolio": slug,
            "version": version,
            "state": BreakerState.TRIGGERED,
            "at": time_text(now),
        }
    )
    record(
        action="breaker.trip.happened",
        subject=cause,
        portfolio=slug,
        actor=facts.actor,
        address=facts.address,
        payload={
            "cause": facts.cause,
            "reason": facts.reason,
            "version": version,
            "equity": known_money_text(facts.equity),
            "reference_equity": known_money_text(facts.reference_equity),
            "loss_ratio": known_ratio_text(facts.loss_ratio),
            "evidence_hash": evidence_hash(facts.evidence),
            "closing": "yes" if _closes(breaker, facts) else "no",
        },
        now=now,
    )


def _append_halt(
    *, portfolio_id: int, reason: str, actor: str, address: str, now: datetime
) -> Trip:
    """Append a halt to the open trip, whose legs go on; an open request to reset it is void."""
    Breaker.objects.filter(portfolio_id=portfolio_id).update(version=F("version") + 1)
    void_outdated(portfolio_id=portfolio_id, now=now)
    row = Trip.objects.select_related("breaker__portfolio").get(
        breaker__portfolio_id=portfolio_id, reset_at=None
    )
    TripEvent.objects.create(trip=row, at=now, kind=TripEventKind.HALT, reason=reason, actor=actor)
    record(
        action="breaker.halt.repeated",
        subject=f"trip:{row.pk}",
        portfolio=row.breaker.portfolio.slug,
        actor=actor,
        address=address,
        payload={"reason": reason, "version": row.breaker.version},
        now=now,
    )
    return row


def _halt_facts(
    *, portfolio_id: int, reason: str, actor: str, address: str, now: datetime
) -> TripFacts:
    """Return the facts of a halt at the stored marks: a halt must not wait for Redis."""
    portfolio = Portfolio.objects.get(pk=portfolio_id)
    book = stored_book_of(portfolio_id)
    reference = portfolio.reference_equity
    equity = book.equity if portfolio.armed_at else None
    return TripFacts(
        cause=Cause.HALT,
        reason=reason,
        actor=actor,
        address=address,
        equity=equity,
        reference_equity=reference,
        loss_ratio=None
        if equity is None or reference is None
        else loss_ratio(reference_equity=reference, equity=equity),
        evidence={"breaches": [], "lines": [line_facts(line, now=now) for line in book.lines()]},
    )


def _alert_body(breaker: Breaker, facts: TripFacts, *, now: datetime) -> str:
    equity = known_money_text(facts.equity) or "unknown"
    currency = breaker.portfolio.reference_currency
    lines = [
        f"{breaker.portfolio.name} tripped at {time_text(now)}: {facts.cause}",
        f"Equity {equity} {currency}",
        "The gate is shut. Every open order is being cancelled.",
        "Then the positions are closed."
        if _closes(breaker, facts)
        else "The positions stay: the console does not close them.",
        "Only an approved reset in the browser resumes trading.",
    ]
    if facts.loss_ratio is not None:
        lines.insert(2, f"Loss {loss_text(facts.loss_ratio)}")
    return "\n".join(lines)
