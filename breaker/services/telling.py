"""What an evaluation tells: the evidence of a trip, and the frame for the browser."""

from datetime import timedelta

from breaker.domain.gate import answer
from breaker.domain.machine import Cause
from breaker.services.gate import facts_of
from breaker.services.reading import Reading
from breaker.services.tripping import TripFacts
from portfolio.selectors import line_facts
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import (
    known_money_text,
    known_ratio_text,
    loss_text,
    money_text,
    percent_text,
    ratio_text,
)
from riskconsole.live.publish import publish as publish_frame

PUBLISH_EVERY = timedelta(milliseconds=250)


def trip_facts(reading: Reading) -> TripFacts:
    """Return why it trips, with every holding, price, source and age that it was decided on."""
    causes = reading.decision.breaches
    return TripFacts(
        cause=causes[0],
        reason=_reason(reading, causes[0]),
        equity=reading.equity,
        reference_equity=reading.breaker.portfolio.reference_equity,
        loss_ratio=reading.loss_ratio,
        evidence={
            "breaches": [str(cause) for cause in causes],
            "limits": {
                "warning_ratio": ratio_text(reading.breaker.warning_ratio),
                "trip_ratio": ratio_text(reading.breaker.trip_ratio),
                "trip_equity": [money_text(limit.trip_equity) for limit in reading.breaker.limits],
            },
            "health": reading.quality.health,
            "conservative_equity": money_text(reading.quality.conservative_equity),
            "gross_exposure": money_text(reading.book.gross_exposure),
            "stale": list(reading.quality.stale),
            "missing": list(reading.quality.missing),
            "holdings_version": reading.book.holdings.version,
            "lines": [line_facts(line, now=reading.at) for line in reading.book.lines()],
        },
    )


def publish(reading: Reading) -> None:
    """Publish the state to the browsers, at most four times a second for a portfolio."""
    desk = reading.desk
    is_due = desk.published_at is None or not (
        timedelta(0) <= reading.at - desk.published_at < PUBLISH_EVERY
    )
    if not (is_due or reading.decision.is_transition):
        return
    desk.published_at = reading.at
    gate = answer(facts_of(reading.breaker, now=reading.at))
    publish_frame(
        {
            "type": "portfolio.state",
            "portfolio": reading.breaker.portfolio.slug,
            "version": reading.breaker.version,
            "number": reading.row.number,
            "equity": known_money_text(reading.equity),
            "loss_ratio": known_ratio_text(reading.loss_ratio),
            "state": reading.decision.after,
            "health": gate.health,
            "mode": gate.mode,
            "at": time_text(reading.at),
        }
    )


def _reason(reading: Reading, cause: Cause) -> str:
    breaker = reading.breaker
    if cause is Cause.BLIND:
        return f"Blind for {breaker.blind_trip_after.total_seconds():.0f} s"
    if cause is Cause.FLOOR:
        return f"The lifetime floor of {percent_text(breaker.floor_ratio)} is reached"
    loss = "" if reading.loss_ratio is None else loss_text(reading.loss_ratio)
    return f"A loss of {loss} reached the limit of {percent_text(breaker.trip_ratio)}"
