"""What has to change so that what there is becomes what the file says; pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from breaker.services.desired.account_changes import account_parts, member_parts
from breaker.services.desired.changes import (
    Change,
    NewUser,
    NewVenue,
    Part,
    UserChange,
    VenueChange,
    VenueValue,
    fixed,
)
from breaker.services.desired.document import (
    Document,
    UserIn,
    VenueIn,
)
from breaker.services.desired.existing import (
    Existing,
    ExistingUser,
    ExistingVenue,
)
from breaker.services.desired.key_changes import key_parts
from breaker.services.desired.key_files import NO_KEYS, Keys
from breaker.services.desired.places import Place, Problem
from breaker.services.desired.portfolio_changes import portfolio_parts
from portfolio.domain.holdings import VenueKind
from portfolio.models import MarkSource
from riskconsole.people.models import SiteRole

BUILT_IN = frozenset({VenueKind.MANUAL, VenueKind.PAPER})


@dataclass(slots=True, kw_only=True)
class Difference:
    """Everything that would change, and everything that cannot."""

    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def difference(document: Document, existing: Existing, *, keys: Keys = NO_KEYS) -> Difference:
    """Compare a file with what there is; what the file does not name is left alone.

    :param keys: what stands in the files with keys that it names
    """
    found = Difference()
    for part in _parts(document, existing, keys):
        if isinstance(part, Problem):
            found.problems.append(part)
        else:
            found.changes.append(part)
    return found


def _parts(document: Document, existing: Existing, keys: Keys) -> Iterator[Part]:
    for index, venue in enumerate(document.venue):
        yield from _venue(venue, existing, ("venue", index))
    for index, user in enumerate(document.user):
        yield from _user(user, existing, ("user", index))
    for index, portfolio in enumerate(document.portfolio):
        place = ("portfolio", index)
        yield from portfolio_parts(portfolio, existing.portfolios.get(portfolio.slug), place)
        yield from account_parts(portfolio, document, existing, place)
        yield from key_parts(portfolio, document, existing, keys, place)
        yield from member_parts(portfolio, document, existing, place)


def _venue(venue: VenueIn, existing: Existing, place: Place) -> Iterator[Part]:
    subject, there = f"venue {venue.slug}", existing.venues.get(venue.slug)
    if there is None:
        yield NewVenue(
            place=place, subject=subject, after=f"{venue.exchange} {venue.source}", venue=venue
        )
    elif there.kind in BUILT_IN:
        yield Problem(place=(*place, "slug"), what=f"{venue.slug!r} is built in")
    elif there.exchange != venue.exchange:
        yield fixed((*place, "exchange"), there.exchange)
    else:
        yield from _venue_changes(venue, there, place, loosens=existing.is_any_armed)


def _venue_changes(
    venue: VenueIn, there: ExistingVenue, place: Place, *, loosens: bool
) -> Iterator[Change]:
    source = MarkSource(venue.source.upper())
    named: dict[str, tuple[VenueValue, VenueValue]] = {
        "source": (there.source.value, source.value),
        "urls": (dict(there.urls), dict(venue.urls)),
    }
    for column, (before, after) in named.items():
        if column in venue.model_fields_set and before != after:
            yield VenueChange(
                place=(*place, column),
                subject=f"venue {venue.slug}",
                key=column,
                before=str(before),
                after=str(after),
                loosens=loosens,
                slug=venue.slug,
                column=column,
                value=after,
            )


def _user(user: UserIn, existing: Existing, place: Place) -> Iterator[Part]:
    there = existing.users.get(user.username)
    if there is not None:
        yield from _user_changes(user, there, place, is_any_armed=existing.is_any_armed)
        return
    if user.password_env is None:
        yield Problem(place=(*place, "password_env"), what="is needed to create the user")
    yield NewUser(
        place=place,
        subject=f"user {user.username}",
        after=user.site_role or "",
        loosens=existing.is_any_armed and user.site_role is SiteRole.ADMIN,
        user=user,
    )


def _user_changes(
    user: UserIn, there: ExistingUser, place: Place, *, is_any_armed: bool
) -> Iterator[Change]:
    before = {"email": there.email, "site_role": there.site_role or ""}
    after = {"email": user.email, "site_role": user.site_role}
    for column, value in after.items():
        if value is not None and value != before[column]:
            yield UserChange(
                place=(*place, column),
                subject=f"user {user.username}",
                key=column,
                before=before[column],
                after=value,
                loosens=is_any_armed and value == SiteRole.ADMIN,
                username=user.username,
                column=column,
                value=value,
            )
