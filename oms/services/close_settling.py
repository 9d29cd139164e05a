"""Write down each order before it is sent and what became of it, if the leg is still ours."""

import logging
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from oms.domain.close_plan import Close
from oms.domain.closing import (
    STILL_OPEN,
    UNSETTLED,
    CloseStatus,
    IntentState,
    Outcome,
    Standing,
    client_id_of,
    next_standing,
)
from oms.models import CloseIntent, CloseLeg, CloseRun
from oms.services import close_reporting
from oms.services.close_attempts import CloseAttempt, Sent
from oms.services.leases import LEASE, is_ours
from portfolio.domain.holdings import Side
from portfolio.models import Portfolio
from riskconsole.kernel.numbers import plain_text

logger = logging.getLogger(__name__)


def unsettled_of(leg: CloseLeg) -> list[Sent]:
    """Return every order of the leg's account whose outcome is not known, of whatever run."""
    intents = CloseIntent.objects.filter(account=leg.account_id, state__in=UNSETTLED)
    return [_sent(intent) for intent in intents.order_by("pk")]


@transaction.atomic
def commit_intent(
    *, leg_id: int, fence: int, close: Close, held: Decimal, now: datetime
) -> Sent | None:
    """Write an order down before it is sent; return None if the claimed leg is no longer ours.

    It renews the lease. An order that the venue never came to know is sent again under its own
    client id: should both arrive after all, the venue refuses the second.
    """
    leg = _locked(leg_id=leg_id, fence=fence, now=now)
    if leg is None:
        return None
    intent = _next_intent(leg, close)
    intent.side, intent.quantity, intent.limit_price = close.side, close.quantity, close.limit_price
    intent.state, intent.held, intent.sent_at = IntentState.SENT, held, now
    intent.settled_at, intent.error = None, ""
    intent.save()
    close_reporting.report_sent(leg=leg, intent=intent, now=now)
    return _sent(intent)


@transaction.atomic
def settle_intent(
    *, leg_id: int, fence: int, client_id: str, outcome: Outcome, error: str, now: datetime
) -> bool:
    """Write down what became of an order; return False if the claimed leg is no longer ours."""
    leg = _locked(leg_id=leg_id, fence=fence, now=now)
    if leg is None:
        return False
    intent = CloseIntent.objects.select_for_update().get(client_id=client_id)
    if intent.state == outcome.state == IntentState.UNKNOWN:
        return True
    intent.state, intent.filled = outcome.state, outcome.filled
    intent.is_used_up, intent.error = outcome.is_used_up, error[:200]
    intent.settled_at = None if outcome.state in UNSETTLED else now
    intent.save()
    close_reporting.report_outcome(leg=leg, intent=intent, now=now)
    return True


@transaction.atomic
def settle_leg(*, leg_id: int, fence: int, attempt: CloseAttempt) -> CloseStatus:
    """Write down where the leg stands after an attempt; tell people what changed."""
    now = attempt.watch.now()
    lock_portfolio(CloseRun.objects.values_list("portfolio", flat=True).get(legs=leg_id))
    leg = _locked(leg_id=leg_id, fence=fence, now=now)
    if leg is None:
        logger.warning("Close leg %s was taken over; this attempt is dropped", leg_id)
        return CloseStatus(CloseLeg.objects.values_list("status", flat=True).get(pk=leg_id))
    before, was_left = CloseStatus(leg.status), leg.residuals
    _advance(leg, attempt)
    leg.save()
    _end_if_done(leg, now=now)
    note_closing(portfolio_id=leg.run.portfolio_id)
    if before not in STILL_OPEN and (attempt.has_sent or leg.status in STILL_OPEN):
        close_reporting.report_back(leg=leg, now=now)
    close_reporting.report_settled(leg=leg, before=before, was_left=was_left, now=now)
    return CloseStatus(leg.status)


def lock_portfolio(portfolio_id: int) -> None:
    """Let nobody else settle, open or end a leg of the portfolio: first of all its rows.

    A reset has locked it already when it ends the legs, so nobody may wait for it with a leg.
    """
    Portfolio.objects.select_for_update(no_key=True).get(pk=portfolio_id)


def note_closing(*, portfolio_id: int) -> None:
    """Keep with the locked portfolio whether the console is closing there; the gate reads it."""
    going_on = CloseLeg.objects.filter(is_ended=False, status__in=STILL_OPEN)
    is_closing = going_on.filter(run__portfolio=portfolio_id).exists()
    Portfolio.objects.filter(pk=portfolio_id).exclude(is_closing=is_closing).update(
        is_closing=is_closing
    )


def _locked(*, leg_id: int, fence: int, now: datetime) -> CloseLeg | None:
    """Lock the leg if it is still ours, and renew its lease."""
    ours = CloseLeg.objects.filter(is_ours(leg_id=leg_id, fence=fence))
    legs = ours.select_for_update(of=("self",))
    leg = legs.select_related("run", "account__venue", "account__portfolio").first()
    if leg is not None:
        ours.update(lease_until=now + LEASE)
    return leg


def _next_intent(leg: CloseLeg, close: Close) -> CloseIntent:
    """Return the row of the order whose client id is not used up, or of the next one."""
    intents = CloseIntent.objects.filter(
        leg=leg, instrument=close.instrument, position_side=close.position_side or ""
    )
    last = intents.order_by("-number").first()
    if last is not None and not last.is_used_up:
        return last
    number = 1 if last is None else last.number + 1
    return CloseIntent(
        leg=leg,
        account_id=leg.account_id,
        instrument=close.instrument,
        position_side=close.position_side or "",
        number=number,
        client_id=client_id_of(
            cause=leg.run.cause,
            opened_at=leg.run.opened_at,
            account_id=leg.account_id,
            instrument=close.instrument,
            position_side=close.position_side,
            number=number,
        ),
    )


def _sent(intent: CloseIntent) -> Sent:
    return Sent(
        client_id=intent.client_id,
        instrument=intent.instrument,
        position_side=Side(intent.position_side) if intent.position_side else None,
        sent_at=intent.sent_at,
    )


def _advance(leg: CloseLeg, attempt: CloseAttempt) -> None:
    finding = attempt.finding()
    for name, value in asdict(next_standing(_standing_of(leg), finding)).items():
        setattr(leg, name, value)
    if attempt.decisions is not None:
        leg.residuals = [
            {
                "name": left.name,
                "side": left.side.value,
                "quantity": plain_text(left.quantity),
                "reason": left.reason.value,
            }
            for left in attempt.residuals
        ]
        leg.blocked = [
            {"instrument": blocked.instrument, "obstacle": blocked.obstacle.value}
            for blocked in attempt.blocked
        ]
    leg.error = "" if finding.is_flat else attempt.error[:200]
    leg.lease_until = None
    leg.is_ended = not leg.run.is_held and leg.status not in STILL_OPEN


def _standing_of(leg: CloseLeg) -> Standing:
    return Standing(
        status=CloseStatus(leg.status),
        failures=leg.failures,
        next_attempt_at=leg.next_attempt_at,
        confirmed_at=leg.confirmed_at,
        read_at=leg.read_at,
        unconfirmed_since=leg.unconfirmed_since,
    )


def _end_if_done(leg: CloseLeg, *, now: datetime) -> None:
    """End a run by hand with its last leg."""
    if leg.is_ended and not leg.run.legs.filter(is_ended=False).exists():
        CloseRun.objects.filter(pk=leg.run_id, ended_at=None).update(ended_at=now)
