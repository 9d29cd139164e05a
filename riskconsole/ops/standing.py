"""How the console stands: portfolios, their open legs, processes. What `status` tells."""

from dataclasses import dataclass
from datetime import datetime

from breaker.domain.gate import Gate, Mode
from breaker.facts import Facts, cause_of, portfolio_facts
from breaker.models import Trip
from breaker.services.gate import gate_of
from oms.selectors import CloseRow, LegRow, legs_of, open_closes_of
from portfolio.models import Portfolio
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.live.heartbeats import Heartbeat, heartbeats

CALM = frozenset({Mode.FULL, Mode.REDUCE})


class UnknownPortfolio(RiskConsoleError):
    """No portfolio has this slug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioStanding:
    """One portfolio; facts as the API shows them, legs of its open trip, closes that are open."""

    facts: Facts
    gate: Gate
    legs: tuple[LegRow, ...]
    closes: tuple[CloseRow, ...]

    @property
    def needs_human(self) -> bool:
        stuck = [leg.needs_human for leg in self.legs]
        return any(stuck) or any(close.needs_human for close in self.closes)

    @property
    def is_calm(self) -> bool:
        return self.gate.mode in CALM and not self.needs_human


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    portfolios: tuple[PortfolioStanding, ...]
    processes: tuple[Heartbeat, ...]

    @property
    def is_calm(self) -> bool:
        """Whether all may reduce or trade, nothing waits for a person, every process lives."""
        return all(one.is_calm for one in self.portfolios) and all(
            one.is_alive for one in self.processes
        )


def standing(*, slug: str | None, now: datetime) -> Standing:
    """Return how all stands.

    :param slug: narrows the portfolios, not the processes
    :raises UnknownPortfolio: if none has the slug
    """
    rows = Portfolio.objects.order_by("slug")
    portfolios = list(rows.filter(slug=slug) if slug else rows)
    if slug and not portfolios:
        raise UnknownPortfolio(f"There is no portfolio {slug!r}")
    return Standing(
        portfolios=tuple(_portfolio(portfolio, now) for portfolio in portfolios),
        processes=tuple(heartbeats()),
    )


def standing_facts(standing: Standing) -> Facts:
    """Return what `status --json` prints."""
    return {
        "portfolios": [
            {
                **one.facts,
                "legs": [_leg_facts(leg) for leg in one.legs],
                "needs_human": one.needs_human,
            }
            for one in standing.portfolios
        ],
        "processes": [_process_facts(one) for one in standing.processes],
    }


def _portfolio(portfolio: Portfolio, now: datetime) -> PortfolioStanding:
    trip = Trip.objects.filter(breaker__portfolio=portfolio, reset_at=None).first()
    return PortfolioStanding(
        facts=portfolio_facts(portfolio, now),
        gate=gate_of(portfolio_id=portfolio.pk, now=now),
        legs=legs_of(cause=cause_of(trip)) if trip else (),
        closes=open_closes_of(portfolio_id=portfolio.pk),
    )


def _leg_facts(leg: LegRow) -> Facts:
    return {"account": leg.account, "status": leg.status.value, "cancelled": leg.cancelled}


def _process_facts(process: Heartbeat) -> Facts:
    age = process.age_seconds
    return {
        "name": process.name,
        "alive": process.is_alive,
        "heartbeat_age_seconds": None if age is None else round(age, 3),
    }
