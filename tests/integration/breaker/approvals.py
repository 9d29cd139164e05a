"""A desk with people: an operator who asks, an approver who decides, facts that allow it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from breaker.domain.approval import Reference, RequestKind, Seen
from breaker.domain.machine import BreakerState
from breaker.models import Breaker, ChangeRequest, Trip
from breaker.services import monitoring
from breaker.services.approving import Ballot, approve
from breaker.services.asking import (
    ask_change,
    ask_disable,
    ask_flow,
    ask_key,
    ask_removal,
    ask_reset,
)
from breaker.services.tripping import halt
from oms.domain.credentials import KeyPurpose
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
        return ask_reset(**self.asking(), reference=reference)

    def ask_disable(self, **duration: float) -> ChangeRequest:
        return ask_disable(
            **self.asking(), until=self.now + timedelta(**(duration or {"hours": 1}))
        )

    def ask_flow(self, amount: str) -> ChangeRequest:
        return ask_flow(**self.asking(), amount=Decimal(amount))

    def ask_removal(self, account: str) -> ChangeRequest:
        return ask_removal(**self.asking(), account=account)

    def ask_key(
        self, account: str = "spot", purpose: KeyPurpose = KeyPurpose.READ
    ) -> ChangeRequest:
        return ask_key(**self.asking(), account=account, purpose=purpose)

    def ask_change(self, **table: object) -> ChangeRequest:
        """Ask that the portfolio's table of a document is made so."""
        wanted = {"portfolio": [{"slug": self.portfolio.slug, **table}]}
        return ask_change(**self.asking(), wanted=wanted, lines=["as the document says"])

    def asking(self) -> dict[str, Any]:
        return {
            "portfolio": self.portfolio,
            "requester": self.operator,
            "reason": REASON,
            "address": "",
            "now": self.now,
        }

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
        if request.kind != RequestKind.RESET:
            changed.setdefault("exceptions", frozenset())
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
    portfolio.refresh_from_db()
    return desk
