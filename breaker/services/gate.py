"""The gate: what it answers now, and the operator's pause."""

from datetime import datetime

from django.db import transaction

from breaker.domain.gate import Gate, GateFacts, Reason, answer
from breaker.domain.machine import BreakerState, Severity
from breaker.models import Breaker
from breaker.services.locks import lock_breakers
from portfolio.domain.quality import LONG_AGO, Health, health_at
from portfolio.models import Evaluation
from riskconsole.audit.services import record
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.live.publish import publish_on_commit


class MayNotResume(RiskConsoleError):
    """The pause stays: health is not OK, the loss is at the trip limit, or positions are closed."""


def gate_of(*, portfolio_id: int, now: datetime) -> Gate:
    """Answer from the database only; anything unknown means no."""
    breaker = Breaker.objects.select_related("portfolio__evaluation").get(portfolio_id=portfolio_id)
    return answer(facts_of(breaker, now=now))


def facts_of(breaker: Breaker, *, now: datetime) -> GateFacts:
    """Return what the gate reads of a breaker with its portfolio and evaluation loaded."""
    portfolio = breaker.portfolio
    evaluation = portfolio.evaluation
    reasons = [Reason(reason) for reason in evaluation.reasons]
    if evaluation.is_clock_jumped:
        reasons.append(Reason.CLOCK_JUMP)
    return GateFacts(
        state=BreakerState(breaker.state),
        version=breaker.version,
        is_protected=breaker.is_protected,
        is_paused=breaker.is_paused,
        is_restored=breaker.is_restored,
        is_closing=portfolio.is_closing,
        health=health_at(
            now=now,
            armed_at=portfolio.armed_at,
            finished_at=evaluation.finished_at,
            fresh_until=evaluation.fresh_until or LONG_AGO,
            blind_from=evaluation.blind_from or LONG_AGO,
        ),
        evaluated_version=evaluation.breaker_version,
        evaluation_reasons=tuple(reasons),
    )


@transaction.atomic
def pause(*, portfolio_id: int, actor: str, address: str, now: datetime) -> Gate:
    """Shut the gate to what increases exposure; nothing is cancelled. Twice is once."""
    changed = Breaker.objects.filter(portfolio_id=portfolio_id, is_paused=False).update(
        is_paused=True
    )
    if changed:
        _tell(portfolio_id, action="breaker.pause.began", actor=actor, address=address, now=now)
    return gate_of(portfolio_id=portfolio_id, now=now)


@transaction.atomic
def resume(*, portfolio_id: int, actor: str, address: str, now: datetime) -> Gate:
    """End the operator's pause, with health OK, the loss under the trip limit and no close open.

    :raises MayNotResume: otherwise
    """
    breaker = (
        Breaker.objects.select_for_update(of=("self",))
        .select_related("portfolio__evaluation")
        .get(portfolio_id=portfolio_id)
    )
    facts = facts_of(breaker, now=now)
    evaluation = breaker.portfolio.evaluation
    if facts.health is not Health.OK:
        raise MayNotResume(f"The pause stays: health is {facts.health}, not OK")
    if facts.is_closing:
        raise MayNotResume("The pause stays: positions are being closed")
    if evaluation.equity is None or any(
        limit.judge(evaluation.equity) is Severity.TRIP for limit in breaker.limits
    ):
        raise MayNotResume("The pause stays: the loss is at the trip limit")
    if Breaker.objects.filter(pk=breaker.pk, is_paused=True).update(is_paused=False):
        _tell(portfolio_id, action="breaker.pause.ended", actor=actor, address=address, now=now)
    return gate_of(portfolio_id=portfolio_id, now=now)


def note_clock_jump(*, now: datetime) -> None:
    """Shut every gate until the next evaluation: the wall clock was moved."""
    with transaction.atomic():
        lock_breakers()
        Evaluation.objects.update(is_clock_jumped=True)
        record(action="ops.clock.jumped", subject="clock", payload={}, now=now)


def _tell(portfolio_id: int, *, action: str, actor: str, address: str, now: datetime) -> None:
    breaker = Breaker.objects.select_related("portfolio").get(portfolio_id=portfolio_id)
    slug = breaker.portfolio.slug
    publish_on_commit(
        {
            "type": "breaker.changed",
            "portfolio": slug,
            "version": breaker.version,
            "state": breaker.state,
            "at": time_text(now),
        }
    )
    record(
        action=action,
        subject=f"portfolio:{slug}",
        portfolio=slug,
        actor=actor,
        address=address,
        payload={"version": breaker.version, "state": breaker.state},
        now=now,
    )
