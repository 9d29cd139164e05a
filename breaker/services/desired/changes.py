"""What a file makes different, one value per change, in the order in which it is carried out."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from breaker.services.desired.document import AccountIn, PortfolioIn, UserIn, VenueIn
from breaker.services.desired.limits import LimitValue
from breaker.services.desired.places import Place, Problem
from oms.domain.credentials import Credentials, KeyPurpose
from oms.services.paper_setup import PaperSpec
from portfolio.models import Role

VenueValue = str | dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that the file makes different.

    :param subject: what it is about: "portfolio main", "user operator"
    :param before: as a person reads it; empty for something new
    :param loosens: it loosens a portfolio that is armed
    """

    place: Place
    subject: str
    key: str = ""
    before: str = ""
    after: str = ""
    loosens: bool = False

    def __str__(self) -> str:
        if not self.key:
            return f"+ {self.subject} {self.after}".rstrip()
        return f"~ {self.subject}: {self.key} {self.before or 'none'} -> {self.after or 'none'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVenue(Change):
    venue: VenueIn


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueChange(Change):
    slug: str
    column: str
    value: VenueValue


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser(Change):
    user: UserIn


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange(Change):
    username: str
    column: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPortfolio(Change):
    """A portfolio that is not there yet; limits by the file's keys, every one of them."""

    portfolio: PortfolioIn
    limits: Mapping[str, LimitValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameChange(Change):
    slug: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PegsChange(Change):
    slug: str
    pegs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapitalChange(Change):
    slug: str
    capital: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChange(Change):
    slug: str
    column: str
    value: LimitValue


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount(Change):
    portfolio_slug: str
    account: AccountIn
    paper: PaperSpec | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange(Change):
    portfolio_slug: str
    account_slug: str
    purpose: KeyPurpose
    credentials: Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember(Change):
    portfolio_slug: str
    username: str
    role: Role


Part = Change | Problem


def fixed(place: Place, before: str) -> Problem:
    """Return the problem of changing what is set once."""
    return Problem(place=place, what=f"is {before} and cannot be changed")
