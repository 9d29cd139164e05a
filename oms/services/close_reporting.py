"""Tell people what came of closing: audit entries, alerts, live frames, all in its transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from oms.domain.closing import CloseStatus
from oms.models import CloseIntent, CloseLeg
from oms.services.telling import alert, has_begun_asking, name_of, note
from riskconsole.alerts.models import Level
from riskconsole.audit.chain import Payload
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import plain_text
from riskconsole.live.events import CloseProgress
from riskconsole.live.publish import publish_on_commit

Residuals = Sequence[Mapping[str, str]]


def report_sent(*, leg: CloseLeg, intent: CloseIntent, now: datetime) -> None:
    """Write down an order that is about to be sent."""
    payload: Payload = {
        "client_id": intent.client_id,
        "instrument": intent.instrument,
        "side": intent.side,
        "position_side": intent.position_side,
        "quantity": plain_text(intent.quantity),
        "limit_price": plain_text(intent.limit_price),
        "held": plain_text(intent.held),
    }
    note(leg, "oms.close_intent.sent", payload, now)


def report_outcome(*, leg: CloseLeg, intent: CloseIntent, now: datetime) -> None:
    """Write down what became of an order."""
    payload: Payload = {
        "client_id": intent.client_id,
        "instrument": intent.instrument,
        "state": intent.state,
        "filled": plain_text(intent.filled),
        "error": intent.error,
    }
    note(leg, "oms.close_intent.settled", payload, now)
    _publish(leg)


def report_back(*, leg: CloseLeg, now: datetime) -> None:
    """Tell people that an account that was flat held something that could be closed."""
    alert(leg, Level.WARNING, f"Something to close again on {name_of(leg)}", _BACK, now)


def report_settled(
    *, leg: CloseLeg, before: CloseStatus, was_left: Residuals, now: datetime
) -> None:
    """Report a leg whose status or residuals changed; nothing changed, nothing said."""
    report_status(leg=leg, now=now)
    if leg.status == before and leg.residuals == was_left:
        return
    if leg.residuals and leg.residuals != was_left:
        alert(leg, Level.WARNING, f"Not closed on {name_of(leg)}", _left_body(leg.residuals), now)
    note(leg, "oms.close_leg.settled", _settled_payload(leg), now)
    _publish(leg)


def report_status(*, leg: CloseLeg, now: datetime) -> None:
    """Ask for a human once per spell of NEEDS_HUMAN."""
    if has_begun_asking(leg, is_asking=leg.status == CloseStatus.NEEDS_HUMAN, now=now):
        subject = f"Positions not closed on {name_of(leg)}"
        alert(leg, Level.NEEDS_HUMAN, subject, _stuck_body(leg), now)


_BACK = "The account was flat, and held something that can be closed again: the console closes it."


def _publish(leg: CloseLeg) -> None:
    publish_on_commit(
        CloseProgress(
            type="close.progress",
            portfolio=leg.account.portfolio.slug,
            version=leg.attempts,
            account=leg.account.slug,
            status=leg.status,
            residuals=len(leg.residuals),
        )
    )


def _stuck_body(leg: CloseLeg) -> str:
    blocked = ", ".join(f"{row['instrument']} ({row['obstacle']})" for row in leg.blocked)
    return (
        f"{name_of(leg)} on {leg.account.venue.slug} is not flat since "
        f"{time_text(leg.unconfirmed_since)}. Last error: {leg.error or 'none'}. "
        f"In the way: {blocked or 'nothing'}. "
        "Close the positions at the venue by hand; the console goes on trying."
    )


def _left_body(residuals: Residuals) -> str:
    lines = "; ".join(
        f"{row['side']} {row['quantity']} {row['name']} ({row['reason']})" for row in residuals
    )
    return f"This stays, and the console does not close it: {lines}."


def _settled_payload(leg: CloseLeg) -> Payload:
    return {
        "status": leg.status,
        "attempts": leg.attempts,
        "error": leg.error,
        "residuals": leg.residuals,
        "blocked": leg.blocked,
    }
