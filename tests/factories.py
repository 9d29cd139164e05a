"""Rows that tests begin with, made as `apply` makes them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F

from breaker.domain.approval import RequestKind, RequestStatus, Verdict
from breaker.domain.machine import BreakerState
from breaker.models import Breaker, ChangeRequest, Vote
from breaker.services import monitoring
from oms.domain.credentials import Credentials, KeyPurpose
from oms.models import VenueKey
from oms.services.keys import set_key
from portfolio.domain.holdings import AccountKind, VenueKind
from portfolio.domain.outliers import Status
from portfolio.marks import MarkResult, NewMark, accept
from portfolio.models import (
    Evaluation,
    MarkSource,
    Membership,
    Portfolio,
    Role,
    Venue,
    VenueAccount,
)
from portfolio.services.snapshots import PositionLine, apply_snapshot
from riskconsole.people.models import User
from tests.clock import NOON

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def make_portfolio(
    slug: str = "main", *, capital: str | None = "10000", accounts: Sequence[str] = ("cash",)
) -> Portfolio:
    """Return a portfolio with manual spot accounts and a breaker at 3 and 5 per cent."""
    amount = None if capital is None else Decimal(capital)
    portfolio = Portfolio.objects.create(
        slug=slug,
        name=slug.capitalize(),
        reference_currency="USDT",
        initial_capital=amount,
        reference_equity=amount,
        floor_base=amount,
    )
    Breaker.objects.create(portfolio=portfolio)
    Evaluation.objects.create(portfolio=portfolio)
    for account in accounts:
        make_account(portfolio, account)
    return portfolio


def make_account(
    portfolio: Portfolio,
    slug: str,
    *,
    venue: str = "manual",
    kind: AccountKind = AccountKind.SPOT,
    is_joining: bool = False,
) -> VenueAccount:
    return VenueAccount.objects.create(
        portfolio=portfolio,
        venue=Venue.objects.get(slug=venue),
        slug=slug,
        kind=kind,
        is_joining=is_joining,
    )


def make_exchange_account(portfolio: Portfolio, slug: str = "spot") -> VenueAccount:
    """Return an account at an exchange, which takes keys and at whose address nobody answers."""
    Venue.objects.get_or_create(
        slug="kraken",
        defaults={
            "kind": VenueKind.EXCHANGE,
            "exchange": "kraken",
            "source": MarkSource.VENUE,
            "urls": {"rest": "http://127.0.0.1:9"},
        },
    )
    return make_account(portfolio, slug, venue="kraken")


def make_key(
    account: VenueAccount, purpose: KeyPurpose = KeyPurpose.READ, *, key: str = "a-key-1111"
) -> VenueKey:
    """Return a key that the venue was not asked about."""
    return set_key(
        account_id=account.pk,
        purpose=purpose,
        credentials=Credentials(key=key, secret="a secret"),
        actor="command",
        address="",
        now=NOON,
    )


def push(
    portfolio: Portfolio,
    balances: Mapping[str, str],
    *,
    account: str = "cash",
    positions: Sequence[PositionLine] = (),
    now: datetime = NOON,
) -> None:
    """Push a snapshot of one account and evaluate, as the API does."""
    apply_snapshot(
        account_id=portfolio.accounts.get(slug=account).pk,
        balances={asset: Decimal(total) for asset, total in balances.items()},
        positions=positions,
        as_of=None,
        now=now,
    )
    monitoring.evaluate(portfolio_ids=[portfolio.pk], now=now)


def mark(instrument: str, price: str, *, venue: str = "manual", now: datetime = NOON) -> MarkResult:
    """Push one mark, twice where it is the first: only the second of those counts."""
    new = NewMark(instrument=instrument, price=Decimal(price))
    (result,) = accept(venue=venue, marks=[new], now=now)
    if result.status is Status.HELD and result.reason == "first":
        (result,) = accept(venue=venue, marks=[new], now=now)
    return result


def make_user(
    username: str,
    *,
    portfolio: Portfolio | None = None,
    role: Role | None = None,
    site: str = "",
    since: datetime = LONG_AGO,
) -> User:
    user = User.objects.create_user(username, password="a long password", site_role=site)
    if portfolio is not None and role is not None:
        make_member(user, portfolio, role, since=since)
    return user


def make_member(
    user: User, portfolio: Portfolio, role: Role, *, since: datetime = LONG_AGO
) -> Membership:
    return Membership.objects.create(portfolio=portfolio, user=user, role=role, since=since)


def make_request(
    portfolio: Portfolio | None,
    kind: RequestKind,
    **changed: Any,  # noqa: ANN401
) -> ChangeRequest:
    """Return an open request of an operator for the breaker as it is now, in rows alone."""
    breaker = None if portfolio is None else Breaker.objects.get(portfolio=portfolio)
    facts: dict[str, Any] = {
        "kind": kind,
        "portfolio": portfolio,
        "version": None if breaker is None else breaker.version,
        "reason": "the venue moves its wallets today",
        "payload": "{}",
        "payload_hash": "0" * 64,
        "created_at": NOON,
        "expires_at": NOON + timedelta(hours=12),
    }
    if "requester" not in changed:
        facts["requester"] = a_user("asks", portfolio=portfolio, role=Role.OPERATOR)
    return ChangeRequest.objects.create(**{**facts, **changed})


def make_vote(request: ChangeRequest, **changed: Any) -> Vote:  # noqa: ANN401
    """Approve a request as an approver of its portfolio does, or an admin of the site."""
    facts: dict[str, Any] = {
        "request": request,
        "requester_id": request.requester_id,
        "verdict": Verdict.APPROVED,
        "payload_hash": request.payload_hash,
        "proof_method": "totp",
        "at": request.created_at,
    }
    if "approver" not in changed and "approver_id" not in changed:
        site = "" if request.portfolio else "ADMIN"
        facts["approver"] = a_user(
            "approves", portfolio=request.portfolio, role=Role.APPROVER, site=site
        )
    return Vote.objects.create(**{**facts, **changed})


def make_executed(
    portfolio: Portfolio,
    kind: RequestKind,
    **changed: Any,  # noqa: ANN401
) -> ChangeRequest:
    """Return a request that two people decided on, without what it asks for."""
    request = make_request(portfolio, kind, **changed)
    make_vote(request)
    ChangeRequest.objects.filter(pk=request.pk).update(
        status=RequestStatus.EXECUTED, closed_at=request.created_at
    )
    return request


def a_user(
    does: str, *, portfolio: Portfolio | None = None, role: Role | None = None, site: str = ""
) -> User:
    """Return the one who does this in the portfolio or for the site, made where there is none."""
    name = f"{portfolio.slug if portfolio else 'site'}-{does}"
    found = User.objects.filter(username=name).first()
    return found or make_user(name, portfolio=portfolio, role=role, site=site)


def make_disabled(portfolio: Portfolio, *, until: datetime) -> None:
    """Disable a portfolio as two people do, in rows alone."""
    make_executed(portfolio, RequestKind.DISABLE)
    Breaker.objects.filter(portfolio=portfolio).update(
        state=BreakerState.DISABLED, disabled_until=until, version=F("version") + 1
    )
