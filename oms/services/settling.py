"""Write down what an attempt met and found, if the leg is still ours."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from oms.domain.cancel import (
    MAYBE_OPEN,
    Evidence,
    LegStatus,
    Outcome,
    Rules,
    Standing,
    is_disobedience,
    is_late,
    next_standing,
    outcome_of,
)
from oms.domain.growth import Line, grown_lines, growth_row, line_rows, lines_from
from oms.domain.orders import OpenOrder
from oms.models import CancelLeg, LegOrder
from oms.services import reporting
from oms.services.attempts import Attempt
from oms.services.baseline import held_lines
from oms.services.leases import is_ours
from riskconsole.kernel.numbers import ZERO

logger = logging.getLogger(__name__)


def note_asked(
    *, leg: CancelLeg, orders: Collection[OpenOrder], rules: Rules, now: datetime
) -> bool:
    """Store what is about to be cancelled; return False if the claimed leg is no longer ours.

    Without it a crash between the cancel and the settling would leave no trace of the orders.
    """
    with transaction.atomic():
        ours = CancelLeg.objects.filter(is_ours(leg_id=leg.pk, fence=leg.fence))
        if not ours.select_for_update().values_list("pk"):
            return False
        asked = Evidence(is_listed=None, is_kept=False, was_asked=True, answer=None)
        _store(
            leg=leg,
            evidence={order.id: asked for order in orders},
            seen=orders,
            rules=rules,
            now=now,
        )
    return True


def settle(*, leg_id: int, fence: int, attempt: Attempt) -> LegStatus:
    """Store the outcome of each order and where the leg stands now; tell people what changed."""
    now = attempt.watch.now()
    with transaction.atomic():
        leg = _locked(leg_id=leg_id, fence=fence)
        if leg is None:
            logger.warning("Leg %s was taken over; this attempt is dropped", leg_id)
            return LegStatus(CancelLeg.objects.values_list("status", flat=True).get(pk=leg_id))
        before = LegStatus(leg.status)
        changes = _store(
            leg=leg,
            evidence=_evidence_of(leg, attempt),
            seen=attempt.seen.values(),
            rules=attempt.rules,
            now=now,
        )
        _advance(leg, attempt)
        grown = _note_growth(leg=leg, attempt=attempt, now=now)
        leg.save()
        reporting.report_settled(leg=leg, before=before, changes=changes, grown=grown, now=now)
    return LegStatus(leg.status)


def _locked(*, leg_id: int, fence: int) -> CancelLeg | None:
    ours = CancelLeg.objects.filter(is_ours(leg_id=leg_id, fence=fence))
    legs = ours.select_for_update(of=("self",))
    return legs.select_related("run", "account__venue", "account__portfolio").first()


def _evidence_of(leg: CancelLeg, attempt: Attempt) -> dict[str, Evidence]:
    met = Q(order_id__in=attempt.seen) | Q(outcome__in=MAYBE_OPEN)
    rows = {row.order_id: row for row in leg.orders.filter(met)}
    return {
        order_id: attempt.evidence(
            order_id,
            was_asked=order_id in rows and rows[order_id].was_asked,
            was_kept=order_id in rows and rows[order_id].outcome == Outcome.KEPT,
        )
        for order_id in rows.keys() | attempt.seen.keys()
    }


def _store(
    *,
    leg: CancelLeg,
    evidence: Mapping[str, Evidence],
    seen: Collection[OpenOrder],
    rules: Rules,
    now: datetime,
) -> list[LegOrder]:
    """Write the rows whose outcome changed and return them; report new late orders."""
    rows = {row.order_id: row for row in leg.orders.filter(order_id__in=evidence)}
    created = [
        _row_of(leg=leg, order=order, evidence=evidence[order.id], rules=rules, now=now)
        for order in seen
        if order.id not in rows
    ]
    LegOrder.objects.bulk_create(created)
    changed = [row for row in rows.values() if _apply(row, evidence[row.order_id])]
    LegOrder.objects.bulk_update(changed, ["outcome", "was_asked"])
    reporting.report_late(leg=leg, orders=created, now=now)
    return created + changed


def _row_of(
    *, leg: CancelLeg, order: OpenOrder, evidence: Evidence, rules: Rules, now: datetime
) -> LegOrder:
    times = {"created_at": order.created_at, "committed_at": rules.committed_at}
    return LegOrder(
        leg=leg,
        order_id=order.id,
        instrument=order.instrument,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        price=order.price,
        is_reduce_only=order.is_reduce_only,
        created_at=order.created_at,
        first_seen_at=now,
        outcome=outcome_of(evidence),
        was_asked=evidence.was_asked,
        is_late=is_late(**times),
        is_disobedient=not evidence.is_kept and is_disobedience(**times),
    )


def _apply(row: LegOrder, evidence: Evidence) -> bool:
    outcome = outcome_of(evidence)
    is_changed = (row.outcome, row.was_asked) != (outcome, evidence.was_asked)
    row.outcome, row.was_asked = outcome, evidence.was_asked
    return is_changed


def _advance(leg: CancelLeg, attempt: Attempt) -> None:
    finding = attempt.finding()
    for name, value in asdict(next_standing(_standing_of(leg), finding)).items():
        setattr(leg, name, value)
    leg.error = "" if finding.is_empty else attempt.error[:200]
    leg.lease_until = None
    leg.is_ended = leg.only_before is not None and leg.status == LegStatus.EMPTY


def _standing_of(leg: CancelLeg) -> Standing:
    return Standing(
        status=LegStatus(leg.status),
        failures=leg.failures,
        next_attempt_at=leg.next_attempt_at,
        first_empty_at=leg.first_empty_at,
        confirmed_at=leg.confirmed_at,
        listed_at=leg.listed_at,
        unconfirmed_since=leg.unconfirmed_since,
    )


def _note_growth(*, leg: CancelLeg, attempt: Attempt, now: datetime) -> dict[Line, Decimal]:
    """Store and return the lines that are seen grown for the first time."""
    if attempt.snapshot is None or leg.only_before is not None:
        return {}
    held = held_lines(leg.account, attempt.snapshot)
    leg.positions_checked_at = now
    if leg.baseline is None:
        leg.baseline = line_rows(held)
        return {}
    baseline, known = lines_from(leg.baseline), lines_from(leg.growth)
    grown = grown_lines(baseline, held)
    fresh = {line: total for line, total in grown.items() if line not in known}
    leg.growth = leg.growth + [
        growth_row(line, quantity=baseline.get(line, ZERO), grown_to=total, grown_at=now)
        for line, total in fresh.items()
    ]
    return fresh
