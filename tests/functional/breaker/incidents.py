"""Small steps that the tests of incidents share."""

from django.test import Client
from django.utils import timezone

from breaker.models import Trip
from breaker.services.tripping import halt
from portfolio.models import Portfolio

NARROW = "\N{NARROW NO-BREAK SPACE}"


def halted(portfolio: Portfolio, *, reason: str = "dinner") -> Trip:
    return halt(
        portfolio_id=portfolio.pk,
        reason=reason,
        actor="user:alice",
        address="",
        now=timezone.now(),
    )


def text_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()
