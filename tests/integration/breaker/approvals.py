"""A desk with people: an operator who asks, an approver who decides, facts that allow it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from breaker.domain.approval import Reference, Seen
from breaker.domain.machine import BreakerState
from breaker.models import Breaker, ChangeRequest, Trip
from breaker.services import monitoring
from breaker.services.approving import Ballot, approve
from breaker.services.requests import ask_reset
from breaker.services.tripping import halt
from portfolio.models import Portfolio, Role
from portfolio.selectors import stored_book_of
from riskconsole.people.models import User
from riskconsole.people.proof import Proof
from tests.clock import NOON
from tests.factories import make_portfolio, make_user, push

REASON = "the hedge was filled late and is flat now"
NOTE = "looked at the fills, agreed"


@dataclass
class Desk:
    """One portfolio of one manual account, with its people; time moves only when told."""

    portfolio: Portfolio
    operator: User
    approver: User
    now: datetime = NOON
    exceptions: frozenset[str] = field(default_factory=lambda: frozenset({"cash"}))

    @property
    def breaker(self) -> Breaker:
        return Breaker.objects.select_related("portfolio").get(portfolio=self.portfolio)

    @property
    def state(self) -> BreakerState:
        return BreakerState(self.breaker.state)

    @property
    def trip(self) -> Trip:
        return Trip.objects.get(breaker__portfolio=self.portfolio, reset_at=None)

    def wait(self, **duration: float) -> None:
        self.now += timedelta(**duration)
        monitoring.evaluate(portfolio_ids=[self.portfolio.pk], now=self.now)

    def hold(self, total: str) -> None:
        self.now += timedelta(seconds=1)
        push(self.portfolio, {"USDT": total}, now=self.now)

    def lose(self, *, percent: str = "5") -> None:
        self.hold(str(10_000 - 100 * float(percent)))

    def halt(self) -> None:
        self.now += timedelta(seconds=1)
        halt(
            portfolio_id=self.portfolio.pk,
            reason="",
            actor="user:operator",
            address="",
            now=self.now,
        )
        self.wait(seconds=0)

    def ask(self, reference: Reference = Reference.REBASE) -> ChangeRequest:
        return ask_reset(
            portfolio=self.portfolio,
            requester=self.operator,
            reason=REASON,
            reference=reference,
            address="",
            now=self.now,
        )

    def ballot(self, **changed: object) -> Ballot:
        facts: Mapping[str, object] = {
            "voter": self.approver,
            "note": NOTE,
            "exceptions": self.exceptions,
            "seen": Seen(equity=stored_book_of(self.portfolio.pk).equity, at=self.now),
            "proof": Proof(method="totp", credential="7", at=self.now),
            "address": "127.0.0.1",
        }
        return Ballot(**{**facts, **changed})  # type: ignore[arg-type]

    def approve(self, request: ChangeRequest, **changed: object) -> ChangeRequest:
        done = approve(request_id=request.pk, ballot=self.ballot(**changed), now=self.now)
        self.wait(seconds=0)
        return done


def make_desk() -> Desk:
    portfolio = make_portfolio()
    desk = Desk(
        portfolio=portfolio,
        operator=make_user("operator", portfolio=portfolio, role=Role.OPERATOR),
        approver=make_user("approver", portfolio=portfolio, role=Role.APPROVER),
    )
    desk.hold("10000")
    return desk
