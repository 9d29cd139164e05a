"""How each change is made and told, one function for each kind of change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import singledispatch

from django.db.models import F

from breaker.models import Breaker
from breaker.services.desired.changes import (
    CapitalChange,
    Change,
    KeyChange,
    LimitChange,
    NameChange,
    NewAccount,
    NewMember,
    NewPortfolio,
    NewUser,
    NewVenue,
    PegsChange,
    UserChange,
    VenueChange,
)
from breaker.services.desired.limits import FIELD_BY_KEY, limit_text
from oms.services.keys import set_key
from oms.services.paper_setup import open_paper_account
from portfolio.domain.holdings import AccountKind, VenueKind
from portfolio.models import Evaluation, MarkSource, Portfolio, Venue, VenueAccount
from portfolio.services.members import add_member
from riskconsole.audit.chain import Payload
from riskconsole.audit.services import record
from riskconsole.kernel.numbers import EXACT, ROUNDED, ZERO, to_money_step
from riskconsole.people.models import User
from riskconsole.people.services import create_user
from riskconsole.settings import env

COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who makes the changes, from where and when, for the log."""

    now: datetime
    actor: str = COMMAND
    address: str = ""


@singledispatch
def carry_out(change: Change, _by: By) -> None:
    """Make one change and tell it; limits are set by set_limits(), all of them at once."""
    raise TypeError(f"Nothing carries out a {type(change).__name__}")


@carry_out.register
def _(change: NewVenue, by: By) -> None:
    venue = change.venue
    Venue.objects.create(
        slug=venue.slug,
        kind=VenueKind.EXCHANGE,
        exchange=venue.exchange,
        source=MarkSource(venue.source.upper()),
        urls=venue.urls,
    )
    payload: Payload = {
        "exchange": venue.exchange,
        "source": venue.source,
        "urls": venue.urls,
    }
    _record("portfolio.venue.created", f"venue:{venue.slug}", payload, by)


@carry_out.register
def _(change: VenueChange, by: By) -> None:
    Venue.objects.filter(slug=change.slug).update(**{change.column: change.value})
    _record("portfolio.venue.changed", f"venue:{change.slug}", _before_after(change), by)


@carry_out.register
def _(change: NewUser, by: By) -> None:
    user = change.user
    create_user(
        username=user.username,
        email=user.email or "",
        password=env(user.password_env or ""),
        site_role=user.site_role,
        now=by.now,
        actor=by.actor,
        address=by.address,
    )


@carry_out.register
def _(change: UserChange, by: By) -> None:
    User.objects.filter(username=change.username).update(**{change.column: change.value})
    _record("people.user.changed", f"user:{change.username}", _before_after(change), by)


@carry_out.register
def _(change: NewPortfolio, by: By) -> None:
    wanted, capital = change.portfolio, change.portfolio.initial_capital
    portfolio = Portfolio.objects.create(
        slug=wanted.slug,
        name=wanted.name or wanted.slug,
        reference_currency=wanted.reference_currency or "",
        initial_capital=capital,
        reference_equity=capital,
        floor_base=capital,
        pegs=sorted(set(wanted.pegs or ())),
    )
    Evaluation.objects.create(portfolio=portfolio)
    limits = {FIELD_BY_KEY[key].column: value for key, value in change.limits.items()}
    Breaker.objects.create(portfolio=portfolio, state_since=by.now, **limits)
    payload = {key: limit_text(value) for key, value in change.limits.items()}
    payload |= {"initial_capital": change.after, "pegs": ", ".join(portfolio.pegs)}
    _record_of("portfolio.portfolio.created", wanted.slug, payload, by)


@carry_out.register
def _(change: NameChange, by: By) -> None:
    Portfolio.objects.filter(slug=change.slug).update(name=change.name)
    _record_of("portfolio.portfolio.changed", change.slug, _before_after(change), by)


@carry_out.register
def _(change: PegsChange, by: By) -> None:
    Portfolio.objects.filter(slug=change.slug).update(
        pegs=list(change.pegs), holdings_version=F("holdings_version") + 1
    )
    _record_of("breaker.limits.changed", change.slug, _before_after(change), by)


@carry_out.register
def _(change: CapitalChange, by: By) -> None:
    portfolio = Portfolio.objects.select_for_update().get(slug=change.slug)
    portfolio.reference_equity = _scaled(portfolio.reference_equity, portfolio, change)
    portfolio.floor_base = _scaled(portfolio.floor_base, portfolio, change)
    if portfolio.initial_capital is None:
        portfolio.net_flows = ZERO  # The new capital stands for whatever came and went before.
    portfolio.initial_capital = change.capital
    portfolio.save(update_fields=["reference_equity", "floor_base", "initial_capital", "net_flows"])
    _record_of("breaker.limits.changed", change.slug, _before_after(change), by)


@carry_out.register
def _(change: LimitChange, by: By) -> None:
    _record_of("breaker.limits.changed", change.slug, _before_after(change), by)


@carry_out.register
def _(change: NewAccount, by: By) -> None:
    portfolio = Portfolio.objects.get(slug=change.portfolio_slug)
    account = VenueAccount.objects.create(
        portfolio=portfolio,
        venue=Venue.objects.get(slug=change.account.venue),
        slug=change.account.slug,
        kind=AccountKind(change.account.kind.upper()),
        is_joining=portfolio.armed_at is not None,
    )
    if change.paper is not None:
        open_paper_account(account=account, spec=change.paper, now=by.now)
    Portfolio.objects.filter(pk=portfolio.pk).update(holdings_version=F("holdings_version") + 1)
    payload = {"account": account.slug, "venue": change.account.venue, "kind": change.account.kind}
    _record_of("portfolio.account.added", portfolio.slug, payload, by)


@carry_out.register
def _(change: KeyChange, by: By) -> None:
    account = VenueAccount.objects.get(
        portfolio__slug=change.portfolio_slug, slug=change.account_slug
    )
    set_key(
        account_id=account.pk,
        purpose=change.purpose,
        credentials=change.credentials,
        actor=by.actor,
        address=by.address,
        now=by.now,
    )


@carry_out.register
def _(change: NewMember, by: By) -> None:
    add_member(
        portfolio=Portfolio.objects.get(slug=change.portfolio_slug),
        user=User.objects.get(username=change.username),
        role=change.role,
        is_any_armed=False,  # What loosens was refused with the whole file, or approved with it.
        actor=by.actor,
        address=by.address,
        now=by.now,
    )


def set_limits(changes: Sequence[Change]) -> None:
    """Set the limits of each portfolio at once: step by step they might cross each other.

    The version moves with them, so that every evaluation under the old ones decides again.
    """
    columns: dict[str, dict[str, object]] = {}
    for change in changes:
        if isinstance(change, LimitChange):
            columns.setdefault(change.slug, {})[change.column] = change.value
        elif isinstance(change, PegsChange | CapitalChange):
            columns.setdefault(change.slug, {})
    for slug, values in columns.items():
        Breaker.objects.filter(portfolio__slug=slug).update(**values, version=F("version") + 1)


def _scaled(value: Decimal | None, portfolio: Portfolio, change: CapitalChange) -> Decimal:
    """Return a reference moved in proportion to the capital."""
    if value is None or portfolio.initial_capital is None:
        return change.capital
    return to_money_step(
        ROUNDED.divide(EXACT.multiply(value, change.capital), portfolio.initial_capital)
    )


def _before_after(change: Change) -> Payload:
    return {"field": change.key, "before": change.before, "after": change.after}


def _record_of(action: str, slug: str, payload: Payload, by: By) -> None:
    record(
        action=action,
        subject=f"portfolio:{slug}",
        portfolio=slug,
        payload=payload,
        now=by.now,
        actor=by.actor,
        address=by.address,
    )


def _record(action: str, subject: str, payload: Payload, by: By) -> None:
    record(
        action=action,
        subject=subject,
        payload=payload,
        now=by.now,
        actor=by.actor,
        address=by.address,
    )
