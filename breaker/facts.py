"""What a portfolio and a trip look like from outside: the API and `status --json` share it.

Money, quantities and ratios are exact text, times ISO 8601 UTC, states upper case.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from typing_extensions import TypedDict

from breaker.domain.gate import LEASE_SECONDS, Gate
from breaker.models import ChangeRequest, Trip, TripEvent, Vote
from breaker.services.gate import gate_of
from oms.selectors import LegRow, legs_of
from portfolio.models import Evaluation, Portfolio
from portfolio.selectors import pnl_of
from riskconsole.alerts.models import Alert, Delivery
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import EXACT, known_money_text, known_ratio_text

Facts = Mapping[str, object]


class GateAnswer(TypedDict):
    mode: str
    may_trade: bool
    may_reduce: bool
    state: str
    health: str
    reasons: list[str]
    version: int


class GateFacts(GateAnswer):
    lease_seconds: int


class ResultFacts(TypedDict):
    """What the last evaluation of an armed portfolio found."""

    equity: str | None
    pnl: str | None
    loss_ratio: str | None
    realized_pnl: str | None
    unrealized_pnl: str | None


class PortfolioFacts(GateAnswer, ResultFacts):
    slug: str
    name: str
    reference_currency: str
    initial_capital: str | None
    reference_equity: str | None
    as_of: str | None
    armed_at: str | None


class OrderFacts(TypedDict):
    id: str
    instrument: str
    outcome: str


class LegFacts(TypedDict):
    account: str
    status: str
    cancelled: int
    orders: list[OrderFacts]


class EventFacts(TypedDict):
    """A later halt or breach."""

    at: str
    kind: str
    reason: str
    actor: str


class DeliveryFacts(TypedDict):
    route: str
    status: str
    attempts: int
    delivered_at: str | None


class AlertFacts(TypedDict):
    level: str
    subject: str
    raised_at: str
    deliveries: list[DeliveryFacts]


class VoteFacts(TypedDict):
    approver: str
    verdict: str
    at: str


class RequestFacts(TypedDict):
    """A reset that was asked for."""

    id: int
    kind: str
    status: str
    requester: str
    created_at: str
    closed_at: str | None
    votes: list[VoteFacts]


class TripFacts(TypedDict):
    id: int
    portfolio: str
    at: str
    cause: str
    reason: str
    actor: str
    version: int
    equity: str | None
    reference_equity: str | None
    loss_ratio: str | None
    evidence: dict[str, Any]
    events: list[EventFacts]
    legs: list[LegFacts]
    alerts: list[AlertFacts]
    requests: list[RequestFacts]
    reset_at: str | None


def portfolio_facts(portfolio: Portfolio, now: datetime) -> PortfolioFacts:
    """Return a portfolio as GET portfolios/SLUG shows it; no equity before it is armed."""
    gate = gate_of(portfolio_id=portfolio.pk, now=now)
    evaluation = Evaluation.objects.filter(portfolio=portfolio).first()
    return {
        "slug": portfolio.slug,
        "name": portfolio.name,
        "reference_currency": portfolio.reference_currency,
        "initial_capital": known_money_text(portfolio.initial_capital),
        "reference_equity": known_money_text(portfolio.reference_equity),
        **_result_facts(portfolio, evaluation if portfolio.armed_at else None),
        **_gate_answer(gate),
        "as_of": _time(evaluation.finished_at if evaluation else None),
        "armed_at": _time(portfolio.armed_at),
    }


def gate_facts(gate: Gate) -> GateFacts:
    """Return a gate's answer with the lease that a bot holds from it."""
    return {**_gate_answer(gate), "lease_seconds": LEASE_SECONDS}


def trip_facts(trip: Trip) -> TripFacts:
    """Return a trip as GET trips/ID shows it, its legs with every order that was asked for."""
    return {
        "id": trip.pk,
        "portfolio": trip.breaker.portfolio.slug,
        "at": time_text(trip.at),
        "cause": trip.cause,
        "reason": trip.reason,
        "actor": trip.actor,
        "version": trip.version,
        "equity": known_money_text(trip.equity),
        "reference_equity": known_money_text(trip.reference_equity),
        "loss_ratio": known_ratio_text(trip.loss_ratio),
        "evidence": trip.evidence,
        "events": [_event_facts(event) for event in trip.events.order_by("pk")],
        "legs": [_leg_facts(leg) for leg in legs_of(cause=cause_of(trip))],
        "alerts": _alerts_of(trip),
        "requests": _requests_of(trip),
        "reset_at": _time(trip.reset_at),
    }


def cause_of(trip: Trip) -> str:
    """Return the text by which alerts and cancel runs name the trip."""
    return f"trip:{trip.pk}"


def _leg_facts(leg: LegRow) -> LegFacts:
    return {
        "account": leg.account,
        "status": leg.status.value,
        "cancelled": leg.cancelled,
        "orders": [
            {"id": order.id, "instrument": order.instrument, "outcome": order.outcome.value}
            for order in leg.orders
        ],
    }


def _alerts_of(trip: Trip) -> list[AlertFacts]:
    alerts = Alert.objects.filter(cause=cause_of(trip)).prefetch_related("deliveries")
    return [
        {
            "level": alert.level,
            "subject": alert.subject,
            "raised_at": time_text(alert.raised_at),
            "deliveries": [_delivery_facts(delivery) for delivery in alert.deliveries.all()],
        }
        for alert in alerts.order_by("pk")
    ]


def _delivery_facts(delivery: Delivery) -> DeliveryFacts:
    return {
        "route": delivery.route,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "delivered_at": _time(delivery.delivered_at),
    }


def _requests_of(trip: Trip) -> list[RequestFacts]:
    requests = trip.reset_requests.select_related("requester")
    return [
        {
            "id": request.pk,
            "kind": request.kind,
            "status": request.status,
            "requester": request.requester.username,
            "created_at": time_text(request.created_at),
            "closed_at": _time(request.closed_at),
            "votes": [_vote_facts(vote) for vote in _votes_of(request)],
        }
        for request in requests.order_by("pk")
    ]


def _votes_of(request: ChangeRequest) -> QuerySet[Vote]:
    return request.votes.select_related("approver").order_by("pk")


def _vote_facts(vote: Vote) -> VoteFacts:
    return {
        "approver": vote.approver.username,
        "verdict": vote.verdict,
        "at": time_text(vote.at),
    }


def _event_facts(event: TripEvent) -> EventFacts:
    return {
        "at": time_text(event.at),
        "kind": event.kind,
        "reason": event.reason,
        "actor": event.actor,
    }


def _gate_answer(gate: Gate) -> GateAnswer:
    return {
        "mode": gate.mode.value,
        "may_trade": gate.may_trade,
        "may_reduce": gate.may_reduce,
        "state": gate.state.value,
        "health": gate.health.value,
        "reasons": [reason.value for reason in gate.reasons],
        "version": gate.version,
    }


def _result_facts(portfolio: Portfolio, evaluation: Evaluation | None) -> ResultFacts:
    equity = evaluation.equity if evaluation else None
    unrealized = evaluation.unrealized_pnl if evaluation else None
    pnl = pnl_of(portfolio, equity)
    realized = None if pnl is None or unrealized is None else EXACT.subtract(pnl, unrealized)
    return {
        "equity": known_money_text(equity),
        "pnl": known_money_text(pnl),
        "loss_ratio": known_ratio_text(evaluation.loss_ratio if evaluation else None),
        "realized_pnl": known_money_text(realized),
        "unrealized_pnl": known_money_text(unrealized),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else time_text(at)
