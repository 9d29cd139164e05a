"""The TOML file of `apply`: what may stand in it, and how it is read without a float."""

import tomllib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, Literal

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import validate_email
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from breaker.services.desired.places import BadFile, Place, Problem, bad_file, lines_of
from portfolio.models import Role
from riskconsole.kernel.numbers import EXACT, ZERO, to_ratio_step
from riskconsole.people.models import SiteRole
from riskconsole.wire import (
    Number,
    NumberText,
    PositiveNumber,
    WireModel,
    Word,
    exact_number,
    sentence_of,
)

HUNDRED = Decimal(100)
LONGEST = Decimal(366 * 24 * 3600)
_MICROSECONDS = Decimal(1_000_000)


def _ratio(percent: Decimal) -> Decimal:
    if not ZERO <= percent < HUNDRED:
        raise ValueError("is not a percentage from 0 to below 100")
    return to_ratio_step(EXACT.divide(percent, HUNDRED))


def _positive(ratio: Decimal) -> Decimal:
    if ratio <= ZERO:
        raise ValueError("is not above 0")
    return ratio


def _duration(value: object) -> timedelta:
    seconds = exact_number(value)
    microseconds = EXACT.multiply(seconds, _MICROSECONDS)
    if not ZERO <= seconds <= LONGEST or microseconds != int(microseconds):
        raise ValueError("is not a number of seconds from 0 to a year, to the microsecond")
    return timedelta(microseconds=int(microseconds))


def _some_time(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("is not above 0")
    return duration


def _numbers_as_text(value: object) -> object:
    """Return a table in which every number with a point is the text that was written."""
    if isinstance(value, NumberText):
        return value.text
    if isinstance(value, dict):
        return {key: _numbers_as_text(inner) for key, inner in value.items()}
    return [_numbers_as_text(inner) for inner in value] if isinstance(value, list) else value


def _by_django(validate: Callable[[str], None], what: str) -> Callable[[str], str]:
    def checked(value: str) -> str:
        try:
            validate(value)
        except DjangoValidationError as error:
            raise ValueError(f"is not {what}") from error
        return value

    return checked


def _title(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError("is empty or has unprintable characters")
    return name


Slug = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,50}$")]
Name = Annotated[str, Field(max_length=80), AfterValidator(_title)]
Asset = Annotated[Word, Field(max_length=32)]
Username = Annotated[
    str,
    Field(max_length=150),
    AfterValidator(_by_django(UnicodeUsernameValidator(), "a user name")),
]
Email = Annotated[
    str, Field(max_length=254), AfterValidator(_by_django(validate_email, "an e-mail address"))
]
Percent = Annotated[Number, AfterValidator(_ratio)]
PositivePercent = Annotated[Percent, AfterValidator(_positive)]
Seconds = Annotated[timedelta, BeforeValidator(_duration)]
PositiveSeconds = Annotated[Seconds, AfterValidator(_some_time)]
FileName = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$")]


class VenueIn(WireModel):
    slug: Slug
    exchange: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,32}$")]
    source: Literal["venue", "push"] = "venue"
    urls: dict[str, str] = {}


class LimitsIn(WireModel):
    """The limits that the file names, as ratios and durations; None leaves one alone."""

    warning: PositivePercent | None = None
    trip: PositivePercent | None = None
    hysteresis: Percent | None = None
    warning_dwell: Seconds | None = None
    max_mark_age: PositiveSeconds | None = None
    max_snapshot_age: PositiveSeconds | None = None
    blind_trip_after: Seconds | None = None
    cooldown: Seconds | None = None
    lifetime_floor: PositivePercent | None = None
    close_positions: StrictBool | None = None
    keep_reduce_only: StrictBool | None = None


class AccountIn(WireModel):
    slug: Slug
    venue: Slug
    kind: Literal["spot", "margin"]
    credentials_file: FileName | None = None
    paper: Annotated[dict[str, Any], BeforeValidator(_numbers_as_text)] | None = None


class MemberIn(WireModel):
    user: Username
    role: Role


class PortfolioIn(WireModel):
    slug: Slug
    name: Name | None = None
    reference_currency: Annotated[Word, Field(max_length=16)] | None = None
    initial_capital: PositiveNumber | None = None
    pegs: list[Asset] | None = None
    limits: LimitsIn = LimitsIn()
    account: list[AccountIn] = []
    member: list[MemberIn] = []


class UserIn(WireModel):
    username: Username
    email: Email | None = None
    password_env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = (
        None
    )
    site_role: SiteRole | None = None


class Document(WireModel):
    venue: list[VenueIn] = []
    portfolio: list[PortfolioIn] = []
    user: list[UserIn] = []


def read_document(text: str) -> tuple[Document, Mapping[Place, int]]:
    """Return what the file says, and the line of each of its keys.

    :raises BadFile: naming line and key of everything that is wrong
    """
    lines = lines_of(text) if (raw := _parse(text)) else {}
    return document_of(raw, lines), lines


def document_of(
    raw: Mapping[str, object], lines: Mapping[Place, int] = MappingProxyType({})
) -> Document:
    """Return what a table says, in the keys of the file: from a file, or from a form.

    :raises BadFile: naming line and key of everything that is wrong
    """
    try:
        document = Document.model_validate(raw)
    except ValidationError as error:
        problems = [_problem(detail) for detail in error.errors(include_url=False)]
        raise bad_file(problems, lines) from error
    if twice := list(_given_twice(document)):
        raise bad_file(twice, lines)
    return document


def _parse(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text, parse_float=NumberText)
    except (ValueError, RecursionError) as error:
        raise BadFile(f"The file is not TOML: {error}") from error


def _problem(detail: ErrorDetails) -> Problem:
    return Problem(place=detail["loc"], what=sentence_of(detail))


def _given_twice(document: Document) -> Iterator[Problem]:
    yield from _twins(("venue",), "slug", (venue.slug for venue in document.venue))
    yield from _twins(("user",), "username", (user.username for user in document.user))
    yield from _twins(("portfolio",), "slug", (book.slug for book in document.portfolio))
    for index, book in enumerate(document.portfolio):
        place = ("portfolio", index)
        yield from _twins((*place, "account"), "slug", (account.slug for account in book.account))
        members = ((member.user, member.role) for member in book.member)
        yield from _twins((*place, "member"), "user", members)


def _twins(place: Place, key: str, values: Iterable[Hashable]) -> Iterator[Problem]:
    seen: set[Hashable] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield Problem(place=(*place, index, key), what="stands here a second time")
        seen.add(value)
