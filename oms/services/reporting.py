"""Tell people what came of a leg: audit entries, alerts, live frames, all in its transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from oms.domain.cancel import LegStatus, Outcome
from oms.domain.growth import Line
from oms.models import CancelLeg, LegOrder
from oms.services.telling import alert, has_begun_asking, name_of, note
from riskconsole.alerts.models import Level
from riskconsole.audit.chain import Payload
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import plain_text
from riskconsole.live.events import TripProgress
from riskconsole.live.publish import publish_on_commit


def report_late(*, leg: CancelLeg, orders: Collection[LegOrder], now: datetime) -> None:
    """Report new orders that appeared after the trip and may not stay."""
    late = [row for row in orders if row.is_late and row.outcome != Outcome.KEPT]
    if not late:
        return
    disobedient = [row for row in late if row.is_disobedient]
    earlier = leg.orders.exclude(pk__in=[row.pk for row in orders])
    is_news = not earlier.filter(is_late=True).exclude(outcome=Outcome.KEPT).exists()
    if disobedient and not earlier.filter(is_disobedient=True).exists():
        alert(
            leg, Level.NEEDS_HUMAN, f"Somebody is trading on {name_of(leg)}", _late_body(late), now
        )
    elif is_news:
        alert(
            leg,
            Level.WARNING,
            f"New orders after the trip on {name_of(leg)}",
            _late_body(late),
            now,
        )
    for row in late:
        action = "oms.disobedience.seen" if row.is_disobedient else "oms.late_order.seen"
        note(leg, action, _order_payload(row), now)


def report_settled(
    *,
    leg: CancelLeg,
    before: LegStatus,
    changes: Sequence[LegOrder],
    grown: Mapping[Line, Decimal],
    now: datetime,
) -> None:
    """Report a leg whose status, orders or positions changed; nothing changed, nothing said."""
    report_status(leg=leg, now=now)
    if grown:
        alert(leg, Level.NEEDS_HUMAN, f"Positions grew on {name_of(leg)}", _grown_body(grown), now)
        note(leg, "oms.position.grown", _grown_payload(grown), now)
    if changes or leg.status != before:
        note(leg, "oms.cancel_leg.settled", _settled_payload(leg, changes), now)
        _publish(leg)


def report_status(*, leg: CancelLeg, now: datetime) -> None:
    """Ask for a human once per spell of NEEDS_HUMAN."""
    if has_begun_asking(leg, is_asking=leg.status == LegStatus.NEEDS_HUMAN, now=now):
        alert(
            leg,
            Level.NEEDS_HUMAN,
            f"Orders not confirmed gone on {name_of(leg)}",
            _stuck_body(leg),
            now,
        )


def _publish(leg: CancelLeg) -> None:
    publish_on_commit(
        TripProgress(
            type="trip.progress",
            portfolio=leg.account.portfolio.slug,
            version=leg.attempts,
            account=leg.account.slug,
            status=leg.status,
            cancelled=leg.orders.filter(outcome=Outcome.CANCELLED).count(),
        )
    )


def _stuck_body(leg: CancelLeg) -> str:
    return (
        f"Open orders of {name_of(leg)} on {leg.account.venue.slug} are not confirmed gone since "
        f"{time_text(leg.unconfirmed_since)}. Last error: {leg.error or 'none'}. "
        "Cancel them at the venue by hand; the console goes on trying."
    )


def _late_body(rows: Collection[LegOrder]) -> str:
    orders = "; ".join(
        f"{row.side} {plain_text(row.quantity)} {row.instrument} at {plain_text(row.price)}, "
        f"order {row.order_id}, created {time_text(row.created_at)}"
        for row in rows
    )
    return f"These orders appeared after the trip and are being cancelled: {orders}."


def _grown_body(grown: Mapping[Line, Decimal]) -> str:
    lines = "; ".join(
        f"{line.side} {line.instrument} is now {plain_text(held)}" for line, held in grown.items()
    )
    return f"Somebody is trading: {lines}, more than at the trip."


def _order_payload(row: LegOrder) -> Payload:
    return {
        "order": row.order_id,
        "instrument": row.instrument,
        "side": row.side,
        "type": row.type,
        "quantity": plain_text(row.quantity),
        "price": plain_text(row.price),
        "created_at": time_text(row.created_at),
    }


def _grown_payload(grown: Mapping[Line, Decimal]) -> Payload:
    return {
        "grown": [
            {"instrument": line.instrument, "side": line.side, "held": plain_text(held)}
            for line, held in grown.items()
        ]
    }


def _settled_payload(leg: CancelLeg, changes: Sequence[LegOrder]) -> Payload:
    return {
        "status": leg.status,
        "attempts": leg.attempts,
        "error": leg.error,
        "orders": [{"order": row.order_id, "outcome": row.outcome} for row in changes],
    }
