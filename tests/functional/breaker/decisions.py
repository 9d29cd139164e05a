"""A halted portfolio with a request, and an approver with an authenticator app in hand."""

import re
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone

from breaker.domain.approval import Reference
from breaker.models import Breaker, ChangeRequest
from breaker.services import monitoring
from breaker.services.asking import ask_reset
from breaker.services.tripping import halt
from portfolio.models import Portfolio, Role
from riskconsole.people.models import User
from tests.factories import make_user
from tests.second_factors import add_app, code_of

REASON = "the hedge was filled late, checked with the venue"


@dataclass(frozen=True, kw_only=True)
class Decider:
    """Somebody at the page of a request, who sends back what the page showed."""

    client: Client
    request: ChangeRequest
    app: Authenticator

    @property
    def address(self) -> str:
        return f"/approvals/{self.request.pk}/"

    def page(self) -> str:
        answer = self.client.get(self.address)
        assert answer.status_code == 200
        return answer.content.decode()

    def seen(self) -> str:
        found = re.search(r'name="seen" value="([^"]+)"', self.page())
        assert found
        return found[1]

    def post(self, **changed: Any) -> Any:  # noqa: ANN401
        """Approve as the page allows it, but for what is changed; None leaves a field out."""
        fields = {
            "decision": "APPROVED",
            "confirm": "main",
            "note": "looked at the fills",
            "exceptions": "cash",
            "code": code_of(self.app),
            **changed,
        }
        if "seen" not in fields:
            fields["seen"] = self.seen()
        kept = {name: value for name, value in fields.items() if value is not None}
        return self.client.post(self.address, kept)

    @property
    def status(self) -> str:
        return ChangeRequest.objects.get(pk=self.request.pk).status


def halt_now(portfolio: Portfolio) -> None:
    now = timezone.now()
    halt(portfolio_id=portfolio.pk, reason="", actor="user:alice", address="", now=now)
    monitoring.evaluate(portfolio_ids=[portfolio.pk], now=timezone.now())


def ask_now(portfolio: Portfolio, **changed: Any) -> ChangeRequest:  # noqa: ANN401
    facts: dict[str, Any] = {
        "portfolio": portfolio,
        "requester": User.objects.get(username="alice"),
        "reason": REASON,
        "reference": Reference.KEEP,
        "address": "",
        "now": timezone.now(),
    }
    return ask_reset(**{**facts, **changed})


def make_decider(request: ChangeRequest, username: str = "anna") -> Decider:
    assert request.portfolio is not None
    person = User.objects.filter(username=username).first() or make_user(
        username, portfolio=request.portfolio, role=Role.APPROVER
    )
    client = Client()
    client.force_login(person)
    return Decider(client=client, request=request, app=add_app(person))


def state_of(portfolio: Portfolio) -> str:
    return Breaker.objects.get(portfolio=portfolio).state
