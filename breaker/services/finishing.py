"""Commit what an evaluation found: the row that the gate reads, the move, the point."""

from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import F

from breaker.domain.machine import BreakerState
from breaker.models import Breaker
from breaker.services.locks import Standing, lock_breakers
from breaker.services.reading import Reading
from breaker.triggers import TRIGGERS as BREAKER_TRIGGERS
from portfolio.models import EquityPoint, Evaluation, Portfolio
from portfolio.services import history
from riskconsole import triggers
from riskconsole.alerts.models import Level
from riskconsole.alerts.services import raise_alert
from riskconsole.audit.services import record
from riskconsole.audit.triggers import TRIGGERS as AUDIT_TRIGGERS
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import (
    known_money_text,
    known_ratio_text,
    loss_text,
    money_text,
)
from riskconsole.live.publish import publish_on_commit


class Overtaken(RiskConsoleError):
    """What a portfolio holds changed since it was valued: read again."""


class NotGuarded(RiskConsoleError):
    """The database lost refusals of its own: a portfolio is not armed without them."""


@transaction.atomic(savepoint=False)
def finish(readings: Sequence[Reading]) -> list[Reading]:
    """Write each evaluation over the one it was read after, with its move and its point.

    Return those that were written. One that another evaluation overtook since, or a person who
    changed the breaker, leaves nothing behind: read again.
    """
    found = lock_breakers(reading.portfolio_id for reading in readings)
    written = [
        reading
        for reading in readings
        if found[reading.portfolio_id] == _standing(reading) and _write_row(reading)
    ]
    history.note_equities([point for reading in written if (point := _point(reading))])
    for reading in written:
        if reading.decision.is_transition:
            _move(reading)
            _tell_move(reading)
    return written


@transaction.atomic
def arm(reading: Reading) -> bool:
    """Arm at the first complete valuation; return whether this call did it.

    :raises NotGuarded: if a trigger of the log or of the breakers is missing
    :raises Overtaken: if the holdings changed since they were valued; nothing is written then
    """
    if missing := triggers.missing(connection, (*AUDIT_TRIGGERS, *BREAKER_TRIGGERS)):
        raise NotGuarded(f"The database has no trigger {min(missing)}: nothing is armed")
    portfolio, version = reading.breaker.portfolio, reading.breaker.version
    breakers = Breaker.objects.filter(
        pk=reading.breaker.pk, version=version, portfolio__armed_at=None
    )
    if not breakers.update(version=F("version") + 1):
        return False
    valued = Portfolio.objects.filter(
        pk=portfolio.pk, holdings_version=reading.book.holdings.version
    )
    if not valued.update(armed_at=reading.at):
        raise Overtaken(f"Portfolio {portfolio.pk} holds something else by now")
    # From here on every line of these holdings has a price, whoever looks next.
    Evaluation.objects.filter(pk=reading.row.pk).update(
        holdings_version=reading.book.holdings.version, missing=[]
    )
    record(
        action="breaker.arming.completed",
        subject=f"portfolio:{portfolio.slug}",
        portfolio=portfolio.slug,
        payload={"version": version + 1},
        now=reading.at,
    )
    return True


def _standing(reading: Reading) -> Standing:
    return reading.breaker.version, reading.decision.before


def _move(reading: Reading) -> None:
    """Move between ACTIVE and WARNING; the breaker is locked as it was read."""
    Breaker.objects.filter(pk=reading.breaker.pk).update(
        state=reading.decision.after, state_since=reading.at
    )


def _write_row(reading: Reading) -> bool:
    quality, book, blindness = reading.quality, reading.book, reading.blindness
    written = Evaluation.objects.filter(pk=reading.row.pk, number=reading.row.number)
    return (
        written.update(
            number=reading.row.number + 1,
            breaker_version=reading.breaker.version,
            holdings_version=book.holdings.version,
            finished_at=reading.at,
            equity=reading.equity,
            unrealized_pnl=book.unrealized_pnl,
            conservative_equity=quality.conservative_equity,
            loss_ratio=reading.loss_ratio,
            gross_exposure=book.gross_exposure,
            net_exposure=book.net_exposures(),
            fresh_until=quality.fresh_until,
            blind_from=quality.blind_from,
            blind_since=blindness.blind_since,
            not_blind_since=blindness.not_blind_since,
            blind_moved_at=blindness.blind_moved_at,
            quantity_breach_since=reading.quantity_breach_since,
            warning_clear_since=reading.decision.warning_clear_since,
            is_clock_jumped=False,
            reasons=list(reading.reasons),
            stale=list(quality.stale),
            missing=list(quality.missing),
        )
        == 1
    )


def _point(reading: Reading) -> EquityPoint | None:
    """Return the point of this second, with all that was decided on since the last one."""
    desk, equity = reading.desk, reading.equity
    if equity is None:
        return None
    point = history.point_of(
        portfolio_id=reading.portfolio_id,
        at=reading.at,
        equity=equity,
        low=min(equity, desk.low or equity),
        high=max(equity, desk.high or equity),
    )
    desk.low = desk.high = None
    return point


def _tell_move(reading: Reading) -> None:
    """Audit the move and publish it; a warning is told to people as well."""
    portfolio, after = reading.breaker.portfolio, reading.decision.after
    is_warning = after is BreakerState.WARNING
    if is_warning:
        raise_alert(
            portfolio=portfolio.slug,
            cause=f"warning:{portfolio.slug}:{reading.row.number + 1}",
            level=Level.WARNING,
            subject=f"{portfolio.name} passed its warning limit: {_told_loss(reading)}",
            body=(
                f"Equity {known_money_text(reading.equity)} {portfolio.reference_currency} at"
                f" {time_text(reading.at)}. It trips at {_trip_text(reading)}."
            ),
            now=reading.at,
        )
    publish_on_commit(
        {
            "type": "breaker.changed",
            "portfolio": portfolio.slug,
            "version": reading.breaker.version,
            "state": after,
            "at": time_text(reading.at),
        }
    )
    record(
        action="breaker.warning.began" if is_warning else "breaker.warning.ended",
        subject=f"portfolio:{portfolio.slug}",
        portfolio=portfolio.slug,
        payload={
            "before": reading.decision.before,
            "after": after,
            "equity": known_money_text(reading.equity),
            "loss_ratio": known_ratio_text(reading.loss_ratio),
        },
        now=reading.at,
    )


def _told_loss(reading: Reading) -> str:
    return "" if reading.loss_ratio is None else f"a loss of {loss_text(reading.loss_ratio)}"


def _trip_text(reading: Reading) -> str:
    return money_text(max(limit.trip_equity for limit in reading.breaker.limits))
