"""Make what the file says: every change and its audit entry in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import singledispatch

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import transaction
from django.db.models import F

from breaker.models import Breaker
from oms.services.paper_setup import open_paper_account
from portfolio.domain.holdings import AccountKind, VenueKind
from portfolio.models import Evaluation, MarkSource, Portfolio, Venue, VenueAccount
from portfolio.services.members import add_member
from riskconsole.audit.chain import Payload
from riskconsole.audit.services import record
from riskconsole.kernel.numbers import EXACT, ROUNDED, to_money_step
from riskconsole.ops.desired.changes import (
    CapitalChange,
    Change,
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
from riskconsole.ops.desired.difference import difference
from riskconsole.ops.desired.document import Document
from riskconsole.ops.desired.existing import Existing, read_existing
from riskconsole.ops.desired.limits import FIELD_BY_KEY, limit_text
from riskconsole.ops.desired.places import Place, Problem, bad_file
from riskconsole.people.models import User
from riskconsole.people.services import create_user
from riskconsole.settings import env

ACTOR = "command"


def changes_of(
    document: Document, existing: Existing, lines: Mapping[Place, int]
) -> Sequence[Change]:
    """Return what would change.

    :raises BadFile: naming line and key of everything that cannot be done
    """
    found = difference(document, existing)
    passwords = [problem for change in found.changes for problem in _password_problems(change)]
    if found.problems or passwords:
        raise bad_file([*found.problems, *passwords], lines)
    return found.changes


def refuse_loosening(changes: Sequence[Change], lines: Mapping[Place, int]) -> None:
    """Return if no change loosens an armed portfolio.

    :raises BadFile: naming line and key of each that does
    """
    problems = [
        Problem(place=change.place, what=f"loosens what guards an armed portfolio ({change})")
        for change in changes
        if change.loosens
    ]
    if problems:
        raise bad_file(problems, lines)


@transaction.atomic
def make_so(document: Document, lines: Mapping[Place, int], *, now: datetime) -> Sequence[Change]:
    """Make everything that the file says, or nothing; return what has changed.

    The breakers are locked before the first audit entry, as every trip does it.

    :raises BadFile: naming line and key of everything that cannot or must not be done
    """
    list(Breaker.objects.select_for_update().order_by("pk").values_list("pk"))
    changes = changes_of(document, read_existing(), lines)
    refuse_loosening(changes, lines)
    _set_limits([change for change in changes if isinstance(change, LimitChange)])
    for change in changes:
        _carry_out(change, now)
    return changes


def _password_problems(change: Change) -> list[Problem]:
    """Return what is wrong with the password that a new user would get."""
    if not isinstance(change, NewUser) or change.user.password_env is None:
        return []
    place = (*change.place, "password_env")
    user = User(username=change.user.username, email=change.user.email or "")
    try:
        validate_password(env(change.user.password_env), user)
    except ImproperlyConfigured as error:
        return [Problem(place=place, what=str(error))]
    except ValidationError as error:
        return [Problem(place=place, what=" ".join(error.messages))]
    return []


@singledispatch
def _carry_out(change: Change, _now: datetime) -> None:
    raise TypeError(f"Nothing carries out a {type(change).__name__}")


@_carry_out.register
def _(change: NewVenue, now: datetime) -> None:
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
    _record("portfolio.venue.created", f"venue:{venue.slug}", payload, now)


@_carry_out.register
def _(change: VenueChange, now: datetime) -> None:
    Venue.objects.filter(slug=change.slug).update(**{change.column: change.value})
    _record("portfolio.venue.changed", f"venue:{change.slug}", _before_after(change), now)


@_carry_out.register
def _(change: NewUser, now: datetime) -> None:
    user = change.user
    create_user(
        username=user.username,
        email=user.email or "",
        password=env(user.password_env or ""),
        site_role=user.site_role,
        now=now,
        actor=ACTOR,
    )


@_carry_out.register
def _(change: UserChange, now: datetime) -> None:
    User.objects.filter(username=change.username).update(**{change.column: change.value})
    _record("people.user.changed", f"user:{change.username}", _before_after(change), now)


@_carry_out.register
def _(change: NewPortfolio, now: datetime) -> None:
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
    Breaker.objects.create(portfolio=portfolio, state_since=now, **limits)
    payload = {key: limit_text(value) for key, value in change.limits.items()}
    payload |= {"initial_capital": change.after, "pegs": ", ".join(portfolio.pegs)}
    _record_of("portfolio.portfolio.created", wanted.slug, payload, now)


@_carry_out.register
def _(change: NameChange, now: datetime) -> None:
    Portfolio.objects.filter(slug=change.slug).update(name=change.name)
    _record_of("portfolio.portfolio.changed", change.slug, _before_after(change), now)


@_carry_out.register
def _(change: PegsChange, now: datetime) -> None:
    Portfolio.objects.filter(slug=change.slug).update(
        pegs=list(change.pegs), holdings_version=F("holdings_version") + 1
    )
    _void_evaluations(change.slug)
    _record_of("breaker.limits.changed", change.slug, _before_after(change), now)


@_carry_out.register
def _(change: CapitalChange, now: datetime) -> None:
    portfolio = Portfolio.objects.select_for_update().get(slug=change.slug)
    portfolio.reference_equity = _scaled(portfolio.reference_equity, portfolio, change)
    portfolio.floor_base = _scaled(portfolio.floor_base, portfolio, change)
    portfolio.initial_capital = change.capital
    portfolio.save(update_fields=["reference_equity", "floor_base", "initial_capital"])
    _void_evaluations(change.slug)
    _record_of("breaker.limits.changed", change.slug, _before_after(change), now)


@_carry_out.register
def _(change: LimitChange, now: datetime) -> None:
    _record_of("breaker.limits.changed", change.slug, _before_after(change), now)


@_carry_out.register
def _(change: NewAccount, now: datetime) -> None:
    portfolio = Portfolio.objects.get(slug=change.portfolio_slug)
    account = VenueAccount.objects.create(
        portfolio=portfolio,
        venue=Venue.objects.get(slug=change.account.venue),
        slug=change.account.slug,
        kind=AccountKind(change.account.kind.upper()),
    )
    if change.paper is not None:
        open_paper_account(account=account, spec=change.paper, now=now)
    Portfolio.objects.filter(pk=portfolio.pk).update(holdings_version=F("holdings_version") + 1)
    payload = {"account": account.slug, "venue": change.account.venue, "kind": change.account.kind}
    _record_of("portfolio.account.added", portfolio.slug, payload, now)


@_carry_out.register
def _(change: NewMember, now: datetime) -> None:
    add_member(
        portfolio=Portfolio.objects.get(slug=change.portfolio_slug),
        user=User.objects.get(username=change.username),
        role=change.role,
        is_any_armed=False,  # What loosens was refused with the whole file.
        actor=ACTOR,
        now=now,
    )


def _set_limits(changes: Sequence[LimitChange]) -> None:
    """Set the limits of each portfolio at once: step by step they might cross each other."""
    columns: dict[str, dict[str, object]] = {}
    for change in changes:
        columns.setdefault(change.slug, {})[change.column] = change.value
    for slug, values in columns.items():
        Breaker.objects.filter(portfolio__slug=slug).update(**values)
        _void_evaluations(slug)


def _void_evaluations(slug: str) -> None:
    """Make every evaluation under the old limits decide again."""
    Breaker.objects.filter(portfolio__slug=slug).update(version=F("version") + 1)


def _scaled(value: Decimal | None, portfolio: Portfolio, change: CapitalChange) -> Decimal:
    """Return a reference moved in proportion to the capital."""
    if value is None or portfolio.initial_capital is None:
        return change.capital
    return to_money_step(
        ROUNDED.divide(EXACT.multiply(value, change.capital), portfolio.initial_capital)
    )


def _before_after(change: Change) -> Payload:
    return {"field": change.key, "before": change.before, "after": change.after}


def _record_of(action: str, slug: str, payload: Payload, now: datetime) -> None:
    record(
        action=action,
        subject=f"portfolio:{slug}",
        portfolio=slug,
        payload=payload,
        now=now,
        actor=ACTOR,
    )


def _record(action: str, subject: str, payload: Payload, now: datetime) -> None:
    record(action=action, subject=subject, payload=payload, now=now, actor=ACTOR)
