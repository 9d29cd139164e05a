"""One portfolio as a row of the overview and as the head of its own page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from breaker.domain.gate import Gate, Reason
from breaker.domain.machine import WATCHED, BreakerState, LossLimit
from breaker.models import Breaker
from breaker.selectors.drawing import Point, Runway, Spark, Window, runway_of, spark_of
from breaker.selectors.pending import NOTHING_PENDING, Pending
from portfolio.domain.quality import Health
from portfolio.models import Evaluation, Portfolio, Role
from portfolio.selectors import HALTERS
from riskconsole.kernel.numbers import EXACT
from riskconsole.people.models import SiteRole, User

STALE_AFTER = timedelta(seconds=10)
CHECKS_AT_LEAST_EVERY = timedelta(seconds=5)
UNCHECKED = "UNCHECKED"

REASON_WORDS: Mapping[Reason, str] = {
    Reason.ARMING: "waits for the first price of every line",
    Reason.BLIND: "prices too old to judge",
    Reason.CONSERVATIVE_BREACH: "stale prices at their worse would trip",
    Reason.OUTLIER_HELD: "a price out of line is held",
    Reason.QUANTITY_BREACH: "a breach by quantities is read again",
    Reason.PAUSED_BY_OPERATOR: "paused by an operator",
    Reason.TRIGGERED: "triggered",
    Reason.DISABLED: "breaker disabled",
    Reason.NOT_PROTECTED: "not protected: no initial capital",
    Reason.RESTORED: "database was restored",
    Reason.CLOSING: "positions are being closed",
    Reason.NO_EVALUATION: "not evaluated yet at this version",
    Reason.CLOCK_JUMP: "the clock was moved",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioRow:
    """What a page says about one portfolio; equity is real, the runway conservative.

    :param tone: class of how near the limit is: empty, t-warn or t-trip
    :param stale_since: when the first of its lines became too old, None while none is
    :param age: of the last finished evaluation
    """

    portfolio: Portfolio
    breaker: Breaker
    gate: Gate
    slug: str
    name: str
    currency: str
    state: BreakerState
    state_since: datetime | None
    blind_since: datetime | None
    blind_for: timedelta | None
    reasons: str
    equity: Decimal | None
    reference_equity: Decimal | None
    against_reference: Decimal | None
    loss_ratio: Decimal | None
    gross: Decimal | None
    net: Decimal | None
    stale: tuple[str, ...]
    stale_since: datetime | None
    stale_for: timedelta | None
    finished_at: datetime | None
    age: timedelta | None
    is_stale: bool
    tone: str
    runway: Runway | None
    spark: Spark | None
    may_halt: bool
    pending: Pending

    @property
    def is_watched(self) -> bool:
        return self.state in WATCHED

    @property
    def is_on_guard(self) -> bool:
        return self.is_watched and self.health == Health.OK

    @property
    def health(self) -> str:
        """Return the gate's health; what was OK a while ago and not looked at since is not OK."""
        return shown_health(self.gate, age=self.age)

    @property
    def is_protected(self) -> bool:
        return self.reference_equity is not None


def breakers_of(portfolios: QuerySet[Portfolio]) -> list[Breaker]:
    """Return the breakers of these portfolios with all that a row and the gate read."""
    found = Breaker.objects.filter(portfolio__in=portfolios)
    return list(found.select_related("portfolio__evaluation").order_by("portfolio__name", "pk"))


def operated_ids(user: User) -> frozenset[int]:
    """Return the portfolios that the user may halt, as may_halt() says for one of them."""
    found = user.memberships.filter(role__in=HALTERS).values_list("portfolio_id", flat=True)
    return frozenset(found) if user.is_active else frozenset()


def asked_ids(user: User) -> frozenset[int]:
    """Return the portfolios of which the user may ask something, as may_request() says."""
    found = user.memberships.filter(role=Role.OPERATOR).values_list("portfolio_id", flat=True)
    return frozenset(found) if user.is_active else frozenset()


def edited_ids(user: User) -> frozenset[int]:
    """Return the portfolios whose limits the user may change; an admin's are all."""
    if user.is_active and user.site_role == SiteRole.ADMIN:
        return frozenset(Portfolio.objects.values_list("pk", flat=True))
    return asked_ids(user)


def row_of(
    breaker: Breaker,
    *,
    gate: Gate,
    now: datetime,
    may_halt: bool,
    pending: Pending = NOTHING_PENDING,
    points: Sequence[Point] = (),
    window: Window | None = None,
) -> PortfolioRow:
    """Return the row of one breaker; before it is armed it has no equity.

    :param points: its equity over the window, where that is drawn
    """
    portfolio, evaluation = breaker.portfolio, breaker.portfolio.evaluation
    equity = evaluation.equity if portfolio.armed_at else None
    loss_ratio = evaluation.loss_ratio if portfolio.armed_at else None
    tone = tone_of(breaker, loss_ratio)
    age = None if evaluation.finished_at is None else now - evaluation.finished_at
    reference = portfolio.reference_equity
    return PortfolioRow(
        portfolio=portfolio,
        breaker=breaker,
        gate=gate,
        slug=portfolio.slug,
        name=portfolio.name,
        currency=portfolio.reference_currency,
        state=BreakerState(breaker.state),
        state_since=breaker.state_since,
        blind_since=evaluation.blind_since,
        blind_for=None if evaluation.blind_since is None else now - evaluation.blind_since,
        reasons=reason_words(gate.reasons, state=BreakerState(breaker.state)),
        equity=equity,
        reference_equity=reference,
        against_reference=None
        if equity is None or reference is None
        else EXACT.subtract(equity, reference),
        loss_ratio=loss_ratio,
        gross=evaluation.gross_exposure,
        net=evaluation.net_exposure,
        stale=(*evaluation.stale, *evaluation.missing),
        finished_at=evaluation.finished_at,
        age=age,
        stale_since=_stale_since(evaluation),
        stale_for=_stale_for(evaluation, now=now),
        is_stale=bool(evaluation.stale or evaluation.missing) or age is None or age >= STALE_AFTER,
        tone=tone,
        runway=runway_for(breaker, health=shown_health(gate, age=age), tone=tone),
        spark=spark_of(points, window=window) if window else None,
        may_halt=may_halt,
        pending=pending,
    )


def shown_health(gate: Gate, *, age: timedelta | None) -> str:
    is_checked = age is not None and age <= CHECKS_AT_LEAST_EVERY
    return UNCHECKED if gate.health is Health.OK and not is_checked else gate.health.value


def reason_words(reasons: Iterable[Reason], *, state: BreakerState) -> str:
    """Return why the gate is not open, without what the state's own badge says already."""
    said = {Reason.TRIGGERED, Reason.DISABLED}
    return ", ".join(
        REASON_WORDS[reason]
        for reason in reasons
        if reason not in said
        and not (state is BreakerState.TRIGGERED and reason is Reason.NO_EVALUATION)
    )


def tone_of(breaker: Breaker, loss_ratio: Decimal | None) -> str:
    """Return the colour class of a loss: none below the warning limit."""
    if loss_ratio is None or loss_ratio < breaker.warning_ratio:
        return ""
    return "t-trip" if loss_ratio >= breaker.trip_ratio else "t-warn"


def runway_for(breaker: Breaker, *, health: str, tone: str) -> Runway | None:
    """Return the room to the highest trip line, on conservative equity."""
    evaluation, reference = breaker.portfolio.evaluation, breaker.portfolio.reference_equity
    equity = evaluation.conservative_equity
    if equity is None or reference is None or breaker.portfolio.armed_at is None:
        return None
    is_on_guard = breaker.state in WATCHED and health == Health.OK
    return runway_of(
        equity=equity,
        reference_equity=reference,
        warning_equity=warning_equity_of(breaker) or reference,
        trip_equity=trip_equity_of(breaker) or reference,
        is_on_guard=is_on_guard,
        tone=tone or ("t-ok" if is_on_guard else "t-off"),
    )


def warning_equity_of(breaker: Breaker) -> Decimal | None:
    """Return the equity of the warning line, None while not protected."""
    lines = [limit.warning_equity for limit in breaker.limits if isinstance(limit, LossLimit)]
    return max(lines, default=None)


def trip_equity_of(breaker: Breaker) -> Decimal | None:
    """Return the equity of the highest trip line, None while not protected."""
    return max((limit.trip_equity for limit in breaker.limits), default=None)


def _stale_since(evaluation: Evaluation) -> datetime | None:
    return evaluation.fresh_until if evaluation.stale or evaluation.missing else None


def _stale_for(evaluation: Evaluation, *, now: datetime) -> timedelta | None:
    since = _stale_since(evaluation)
    return None if since is None else now - since
