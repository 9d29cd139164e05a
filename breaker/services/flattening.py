"""A person closes positions by hand, while the portfolio is halted or paused."""

from datetime import datetime

from django.db import transaction

from breaker.domain.gate import answer, may_flatten
from breaker.models import Breaker
from breaker.selectors.flattening import flatten_preview
from breaker.services.gate import facts_of
from breaker.services.locks import lock_breakers
from oms.models import CloseRun
from oms.services.closing import open_close_run
from riskconsole.audit.services import record
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import money_text
from riskconsole.live.publish import publish_on_commit


class MayNotFlatten(RiskConsoleError):
    """Bots may trade: closing beside them would be undone, or done twice."""


@transaction.atomic
def flatten(
    *,
    portfolio_id: int,
    actor: str,
    address: str,
    now: datetime,
    account: str = "",
    instrument: str = "",
) -> CloseRun:
    """Begin to close what the portfolio holds, all or one account or instrument.

    :raises MayNotFlatten: unless it is halted, or paused by an operator
    :raises NothingThere: for an account or instrument that is not there
    :raises AlreadyClosing: if its trip closes it already
    """
    lock_breakers([portfolio_id])
    breaker = Breaker.objects.select_related("portfolio__evaluation").get(portfolio_id=portfolio_id)
    portfolio = breaker.portfolio
    if not may_flatten(answer(facts_of(breaker, now=now))):
        raise MayNotFlatten(
            f"{portfolio.slug} is neither halted nor paused: pause or halt it first"
        )
    preview = flatten_preview(portfolio, account=account, instrument=instrument)
    run = open_close_run(
        portfolio_id=portfolio_id,
        cause=f"flatten:{portfolio.slug}:{time_text(now)}",
        max_mark_age=breaker.max_mark_age,
        is_held=False,
        now=now,
        account=account,
        instrument=instrument,
    )
    _publish(breaker, now=now)
    record(
        action="breaker.flatten.began",
        subject=run.cause,
        portfolio=portfolio.slug,
        actor=actor,
        address=address,
        payload={
            "account": account,
            "instrument": instrument,
            "lines": len(preview.rows),
            "notional": money_text(preview.notional),
        },
        now=now,
    )
    return run


def _publish(breaker: Breaker, *, now: datetime) -> None:
    """Let every page fetch again: the gate's answer is another one."""
    publish_on_commit(
        {
            "type": "breaker.changed",
            "portfolio": breaker.portfolio.slug,
            "version": breaker.version,
            "state": breaker.state,
            "at": time_text(now),
        }
    )
