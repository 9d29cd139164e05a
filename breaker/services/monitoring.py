"""From marks to a decision: value, decide, and commit what follows."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from redis import RedisError

from breaker.domain.machine import Decision
from breaker.models import Breaker
from breaker.services import finishing, telling, tripping
from breaker.services.desk import desks
from breaker.services.reading import Reading, read
from portfolio import marks
from portfolio.services import history

logger = logging.getLogger(__name__)

TRIES = 4
AT_ONCE = 5
LATE_AFTER = timedelta(milliseconds=900)


def evaluate(*, portfolio_ids: Iterable[int], now: datetime) -> dict[int, Decision]:
    """Value these portfolios at the live marks and let their breakers decide.

    An evaluation that found another version, or that another one overtook, reads and decides
    again; what is still unfinished after four looks is found by the next sweep. A portfolio that
    was armed or tripped is looked at once more, for its new version.
    """
    waiting = list(portfolio_ids)
    decisions: dict[int, Decision] = {}
    for _ in range(TRIES):
        if not waiting:
            break
        readings = _look(portfolio_ids=waiting, now=now)
        unfinished = _commit(readings)
        for reading in readings:
            if reading.decision.is_trip or reading.portfolio_id not in decisions:
                decisions[reading.portfolio_id] = reading.decision
        waiting = unfinished
    return decisions


def drain(*, now: datetime) -> None:
    """Take the dirty set and evaluate every portfolio whose equity its marks moved."""
    try:
        keys = marks.drain()
    except RedisError as error:
        logger.warning("The dirty set waits for Redis, the sweep goes on: %s", error)
        return
    with desks.lock:
        moved = desks.drain(keys)
    evaluate(portfolio_ids=moved, now=now)


def sweep(*, now: datetime, late_after: timedelta = LATE_AFTER) -> None:
    """Save the marks and evaluate every portfolio whose last finished evaluation is late."""
    save_marks(now=now)
    for portfolio_ids in late(now=now, late_after=late_after):
        evaluate(portfolio_ids=portfolio_ids, now=now)


def save_marks(*, now: datetime) -> None:
    """Bring the database up to date with the live marks; without Redis it is already."""
    try:
        history.note_marks(states=marks.save_unsaved(), at=now)
    except RedisError as error:
        logger.warning("Marks are not saved, Redis is unreachable: %s", error)


def late(*, now: datetime, late_after: timedelta = LATE_AFTER) -> list[list[int]]:
    """Return the portfolios whose last finished evaluation is late, a few at a time.

    A trip of another portfolio, or a cancel, waits for no more than a few.
    """
    is_late = Q(portfolio__evaluation__finished_at=None) | ~Q(
        portfolio__evaluation__finished_at__range=(now - late_after, now)
    )
    rows = Breaker.objects.filter(is_late).order_by("portfolio_id")
    found = list(rows.values_list("portfolio_id", flat=True))
    return [found[at : at + AT_ONCE] for at in range(0, len(found), AT_ONCE)]


def _look(*, portfolio_ids: Sequence[int], now: datetime) -> list[Reading]:
    """Read the versions, then the marks: what is decided is never older than its version."""
    rows = Breaker.objects.filter(portfolio__in=portfolio_ids).order_by("portfolio_id")
    with desks.lock:
        breakers = list(rows.select_related("portfolio__evaluation"))
        versions = {b.portfolio_id: b.portfolio.holdings_version for b in breakers}
        found = desks.refresh(versions, now=now)
        readings = []
        for breaker in breakers:
            desk = found[breaker.portfolio_id]
            readings.append(
                read(breaker=breaker, desk=desk, outliers=desks.outliers(desk), now=now)
            )
            is_whole = breaker.portfolio.armed_at is not None
            desk.note(desk.book.equity, is_whole=is_whole)
        return readings


def _commit(readings: Sequence[Reading]) -> list[int]:
    """Commit the trips of this pass together and first, then the rest; return the unfinished."""
    unsound = [reading for reading in readings if reading.lost_prices]
    for reading in unsound:
        logger.error(
            "Portfolio %s is not judged: the price of %s is gone, and prices never go",
            reading.portfolio_id,
            ", ".join(sorted(reading.lost_prices)),
        )
    readings = [reading for reading in readings if not reading.lost_prices]
    trips = [reading for reading in readings if reading.decision.is_trip]
    if trips:
        _trip(trips)
    others = [reading for reading in readings if not reading.decision.is_trip]
    unfinished = [reading.portfolio_id for reading in (*unsound, *trips)]
    unfinished += [r.portfolio_id for r in others if r.arms and _arm(r)]
    written = [r for r in others if r.must_be_written and not r.arms]
    if written:
        unfinished += _finish(written)
    for reading in others:
        telling.publish(reading)
    return unfinished


def _trip(readings: Sequence[Reading]) -> None:
    breached = [(reading.breaker, telling.trip_facts(reading)) for reading in readings]
    won = {row.breaker_id for row in tripping.trip(breached=breached, now=readings[0].at)}
    for reading in readings:
        if reading.breaker.pk in won:
            told, version = reading.decision.breaches, reading.breaker.version + 1
            reading.desk.note_told(told, version=version)


def _arm(reading: Reading) -> bool:
    """Return whether the portfolio is to be looked at again, armed by this call or another."""
    try:
        finishing.arm(reading)
    except finishing.NotGuarded as error:
        logger.error("Portfolio %s stays ARMING. %s", reading.portfolio_id, error)  # noqa: TRY400
        return False
    except finishing.Overtaken:
        logger.info("Portfolio %s is valued again before it is armed", reading.portfolio_id)
    return True


def _finish(readings: Sequence[Reading]) -> list[int]:
    """Write them down together, with each breach that is news to an open trip; return the rest."""
    with transaction.atomic():
        written = finishing.finish(readings)
        news = [reading for reading in written if reading.has_news_for_its_trip]
        for reading in news:
            tripping.append_breaches(
                portfolio_id=reading.portfolio_id, causes=reading.breaches, now=reading.at
            )
    for reading in news:
        reading.desk.note_told(reading.breaches, version=reading.breaker.version)
    finished = {reading.portfolio_id for reading in written}
    return [r.portfolio_id for r in readings if r.portfolio_id not in finished]
