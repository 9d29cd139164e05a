"""What there is before a file is applied, as plain values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.views.decorators.debug import sensitive_variables

from breaker.models import Breaker
from breaker.services.desired.key_files import AccountName, Keys
from breaker.services.desired.limits import LIMIT_FIELDS, LimitValue
from oms.domain.credentials import Credentials, KeyPurpose
from oms.services.keys import credentials_of
from portfolio.domain.holdings import AccountKind, VenueKind
from portfolio.models import MarkSource, Portfolio, Role, Venue, VenueAccount
from riskconsole.people.models import SiteRole, User


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingVenue:
    kind: VenueKind
    exchange: str = ""
    source: MarkSource = MarkSource.PUSH
    urls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingAccount:
    venue: str
    kind: AccountKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingPortfolio:
    """One portfolio; limits by the file's keys, members as (user, role)."""

    name: str
    reference_currency: str
    initial_capital: Decimal | None
    pegs: frozenset[str]
    is_armed: bool
    limits: Mapping[str, LimitValue]
    accounts: Mapping[str, ExistingAccount]
    members: frozenset[tuple[str, Role]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingUser:
    email: str
    site_role: SiteRole | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """Everything that a file may speak of, by slug or user name; keys of the accounts asked for."""

    venues: Mapping[str, ExistingVenue]
    portfolios: Mapping[str, ExistingPortfolio]
    users: Mapping[str, ExistingUser]
    keys: Keys = field(default_factory=dict)

    @property
    def is_any_armed(self) -> bool:
        return any(portfolio.is_armed for portfolio in self.portfolios.values())


def default_limits() -> dict[str, LimitValue]:
    """Return the limits of a portfolio for which the file names none."""
    return _limits_of(Breaker())


def nothing() -> Existing:
    """Return what a new database holds: the two built-in venues."""
    venues = {
        "manual": ExistingVenue(kind=VenueKind.MANUAL),
        "paper": ExistingVenue(kind=VenueKind.PAPER),
    }
    return Existing(venues=venues, portfolios={}, users={})


def read_existing(*, keys_of: Iterable[AccountName] = ()) -> Existing:
    """Return what the database holds.

    :param keys_of: the accounts of which the keys are opened too
    """
    portfolios = Portfolio.objects.select_related("breaker").prefetch_related(
        "accounts__venue", "memberships__user"
    )
    return Existing(
        venues={venue.slug: _venue(venue) for venue in Venue.objects.all()},
        portfolios={portfolio.slug: _portfolio(portfolio) for portfolio in portfolios},
        users={user.username: _user(user) for user in User.objects.all()},
        keys={name: _keys(*name) for name in keys_of},
    )


def _venue(row: Venue) -> ExistingVenue:
    return ExistingVenue(
        kind=VenueKind(row.kind),
        exchange=row.exchange,
        source=MarkSource(row.source),
        urls=row.urls,
    )


def _portfolio(row: Portfolio) -> ExistingPortfolio:
    return ExistingPortfolio(
        name=row.name,
        reference_currency=row.reference_currency,
        initial_capital=row.initial_capital,
        pegs=frozenset(row.pegs),
        is_armed=row.armed_at is not None,
        limits=_limits_of(row.breaker),
        accounts={
            account.slug: ExistingAccount(venue=account.venue.slug, kind=AccountKind(account.kind))
            for account in row.accounts.all()
        },
        members=frozenset(
            (member.user.username, Role(member.role)) for member in row.memberships.all()
        ),
    )


@sensitive_variables()
def _keys(portfolio: str, account: str) -> dict[KeyPurpose, Credentials]:
    rows = VenueAccount.objects.filter(portfolio__slug=portfolio, slug=account)
    found = {
        purpose: credentials_of(account_id=row.pk, purpose=purpose)
        for row in rows
        for purpose in KeyPurpose
    }
    return {purpose: key for purpose, key in found.items() if key is not None}


def _user(row: User) -> ExistingUser:
    return ExistingUser(
        email=row.email, site_role=SiteRole(row.site_role) if row.site_role else None
    )


def _limits_of(breaker: Breaker) -> dict[str, LimitValue]:
    return {field.key: getattr(breaker, field.column) for field in LIMIT_FIELDS}
