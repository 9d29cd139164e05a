"""What stands around every page: open trips, what needs a human, whether breakers run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Max, Q, QuerySet

from breaker.domain.machine import BreakerState, Cause
from breaker.models import Breaker, Trip
from oms.domain.cancel import LegStatus
from oms.domain.closing import CloseStatus
from oms.models import CancelLeg, CloseLeg
from oms.selectors import HAS_GROWN, LegRow, grown_of, legs_of
from portfolio.models import Evaluation, Portfolio
from riskconsole.alerts.models import Alert, DeliveryStatus, Level
from riskconsole.kernel.numbers import EXACT

TOLD_WITHIN = timedelta(seconds=60)
_HUNDREDTH = Decimal("0.01")

CAUSE_WORDS = {
    Cause.LOSS: "Loss at the trip limit",
    Cause.FLOOR: "Lifetime floor reached",
    Cause.BLIND: "Blind for too long",
    Cause.HALT: "Halted by a person",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An open trip: what it has done, and how much is still at risk."""

    slug: str
    name: str
    currency: str
    at: datetime
    told: str
    loss_ratio: Decimal | None
    legs_total: int
    legs_empty: int
    not_connected: int
    cancelled: int
    gross: Decimal | None
    net: Decimal | None
    per_percent: Decimal | None
    since_trip: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckLeg:
    """An account with which only a person can go on.

    :param grown: positions that are larger than at the trip: somebody is trading
    :param is_close: its positions are what is not gone, not its orders
    """

    portfolio: str
    portfolio_name: str
    account: str
    since: datetime
    error: str
    grown: str
    is_close: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """What stands around one person's page.

    :param is_checking: whether some breaker was evaluated a moment ago, or there is none
    :param to_decide: open requests that this person could decide
    :param may_halt: some portfolio, so that halting all is offered
    :param is_solo: the same person may ask and approve here
    """

    now: datetime
    alarms: tuple[Alarm, ...]
    needs_human: tuple[StuckLeg, ...]
    untold: tuple[Alert, ...]
    last_check_at: datetime | None
    is_checking: bool
    worst: str
    has_alert_route: bool
    to_decide: int
    may_halt: bool
    is_solo: bool
    is_demo: bool
    crashable: tuple[tuple[str, str], ...]
    next_theme: str

    @property
    def check_age(self) -> timedelta | None:
        return None if self.last_check_at is None else self.now - self.last_check_at


def alarms_of(portfolios: QuerySet[Portfolio]) -> tuple[Alarm, ...]:
    """Return the open trips, the newest first."""
    trips = Trip.objects.filter(breaker__portfolio__in=portfolios, reset_at=None)
    found = trips.select_related("breaker__portfolio__evaluation").order_by("-at")
    return tuple(_alarm(trip) for trip in found)


def stuck_legs_of(portfolios: QuerySet[Portfolio]) -> tuple[StuckLeg, ...]:
    """Return the accounts with orders or closes unconfirmed for too long, or growing positions."""
    is_stuck = Q(status=LegStatus.NEEDS_HUMAN) | HAS_GROWN
    legs = CancelLeg.objects.filter(is_stuck, run__portfolio__in=portfolios, is_ended=False)
    found = legs.select_related("run__portfolio", "account").order_by("pk")
    closes = CloseLeg.objects.filter(
        status=CloseStatus.NEEDS_HUMAN, run__portfolio__in=portfolios, is_ended=False
    )
    unclosed = closes.select_related("run__portfolio", "account").order_by("pk")
    return (*map(_stuck_leg, found), *map(_stuck_close, unclosed))


def untold_alerts_of(portfolios: QuerySet[Portfolio], *, now: datetime) -> tuple[Alert, ...]:
    """Return the alerts about trips that no route has taken within a minute."""
    grave = Alert.objects.filter(
        portfolio__in=portfolios.values("slug"),
        level__in=[Level.TRIP, Level.NEEDS_HUMAN],
        raised_at__lte=now - TOLD_WITHIN,
        deliveries__status=DeliveryStatus.PENDING,
    )
    told = Alert.objects.filter(deliveries__status=DeliveryStatus.DELIVERED)
    return tuple(grave.exclude(pk__in=told.values("pk")).distinct().order_by("-pk")[:3])


def last_check_at(portfolios: QuerySet[Portfolio]) -> datetime | None:
    """Return when the newest evaluation finished."""
    found = Evaluation.objects.filter(portfolio__in=portfolios).aggregate(last=Max("finished_at"))
    last: datetime | None = found["last"]
    return last


def worst_state_of(portfolios: QuerySet[Portfolio]) -> str:
    """Return the state that the favicon shows; disabled counts as active."""
    states = set(Breaker.objects.filter(portfolio__in=portfolios).values_list("state", flat=True))
    for state in (BreakerState.TRIGGERED, BreakerState.WARNING):
        if state in states:
            return state.value
    return BreakerState.ACTIVE.value


def _stuck_leg(leg: CancelLeg) -> StuckLeg:
    return StuckLeg(
        portfolio=leg.run.portfolio.slug,
        portfolio_name=leg.run.portfolio.name,
        account=leg.account.slug,
        since=leg.needs_human_since or leg.unconfirmed_since,
        error=leg.error,
        grown=", ".join(held.instrument for held in grown_of(leg)),
    )


def _stuck_close(leg: CloseLeg) -> StuckLeg:
    return StuckLeg(
        portfolio=leg.run.portfolio.slug,
        portfolio_name=leg.run.portfolio.name,
        account=leg.account.slug,
        since=leg.needs_human_since or leg.unconfirmed_since,
        error=leg.error,
        grown="",
        is_close=True,
    )


def _alarm(trip: Trip) -> Alarm:
    portfolio, evaluation = trip.breaker.portfolio, trip.breaker.portfolio.evaluation
    legs = legs_of(cause=f"trip:{trip.pk}")
    net = evaluation.net_exposure
    return Alarm(
        slug=portfolio.slug,
        name=portfolio.name,
        currency=portfolio.reference_currency,
        at=trip.at,
        told=_told(trip),
        loss_ratio=trip.loss_ratio,
        legs_total=len(legs),
        legs_empty=_count(legs, LegStatus.EMPTY),
        not_connected=_count(legs, LegStatus.NOT_CONNECTED),
        cancelled=sum(leg.cancelled for leg in legs),
        gross=evaluation.gross_exposure,
        net=net,
        per_percent=None if net is None else EXACT.multiply(abs(net), _HUNDREDTH),
        since_trip=_change(trip.equity, evaluation.equity),
    )


def _told(trip: Trip) -> str:
    """Return the cause; a person's reason stands beside it, the breaker's own is in the head."""
    words = CAUSE_WORDS[Cause(trip.cause)]
    return f"{words}: {trip.reason}" if trip.cause == Cause.HALT and trip.reason else words


def _count(legs: Sequence[LegRow], status: LegStatus) -> int:
    return sum(leg.status is status for leg in legs)


def _change(before: Decimal | None, after: Decimal | None) -> Decimal | None:
    return None if before is None or after is None else EXACT.subtract(after, before)
