"""Which accounts and members have to be added; pure."""

import re
from collections.abc import Iterator

from breaker.services.desired.changes import (
    NewAccount,
    NewMember,
    Part,
    fixed,
)
from breaker.services.desired.document import (
    AccountIn,
    Document,
    MemberIn,
    PortfolioIn,
)
from breaker.services.desired.existing import (
    Existing,
)
from breaker.services.desired.places import Place, Problem
from oms.services.paper_setup import PaperSpec, PaperSpecRefused, read_paper_spec
from portfolio.domain.holdings import AccountKind, VenueKind
from portfolio.models import Role

PAPER = "paper"


def account_parts(
    portfolio: PortfolioIn, document: Document, existing: Existing, place: Place
) -> Iterator[Part]:
    """Yield the accounts to add, and what is wrong with those that the file names."""
    there = existing.portfolios.get(portfolio.slug)
    kinds = venue_kinds(document, existing)
    for index, account in enumerate(portfolio.account):
        inside: Place = (*place, "account", index)
        problems = list(_account_problems(account, kinds.get(account.venue), inside))
        known = there.accounts.get(account.slug) if there else None
        if problems:
            yield from problems
        elif known is None:
            is_armed = there is not None and there.is_armed
            yield _new_account(portfolio.slug, account, inside, is_armed=is_armed)
        elif known.venue != account.venue:
            yield fixed((*inside, "venue"), known.venue)
        elif known.kind != account.kind.upper():
            yield fixed((*inside, "kind"), known.kind.lower())


def venue_kinds(document: Document, existing: Existing) -> dict[str, VenueKind]:
    """Return the kind of each venue there is, and of each that the file adds."""
    kinds = {venue.slug: VenueKind.EXCHANGE for venue in document.venue}
    return kinds | {slug: venue.kind for slug, venue in existing.venues.items()}


def _account_problems(
    account: AccountIn, kind: VenueKind | None, place: Place
) -> Iterator[Problem]:
    if kind is None:
        yield Problem(place=(*place, "venue"), what=f"there is no venue {account.venue!r}")
    if account.venue == PAPER:
        yield from _paper_problems(account, (*place, "paper"))
    elif account.paper is not None:
        yield Problem(place=(*place, "paper"), what="is for accounts of the venue paper only")


def _paper_problems(account: AccountIn, place: Place) -> Iterator[Problem]:
    try:
        _paper_spec(account)
    except PaperSpecRefused as error:
        parts = re.findall(r"[^.\[\]]+", error.field)
        inside = (int(part) if part.isdigit() else part for part in parts)
        yield Problem(place=(*place, *inside), what=str(error))


def _new_account(slug: str, account: AccountIn, place: Place, *, is_armed: bool) -> NewAccount:
    return NewAccount(
        place=place,
        subject=f"portfolio {slug}: account {account.slug}",
        after=f"{account.kind} at {account.venue}",
        loosens=is_armed,
        portfolio_slug=slug,
        account=account,
        paper=_paper_spec(account),
    )


def _paper_spec(account: AccountIn) -> PaperSpec | None:
    if account.venue != PAPER:
        return None
    return read_paper_spec(account.paper or {}, kind=AccountKind(account.kind.upper()))


def member_parts(
    portfolio: PortfolioIn, document: Document, existing: Existing, place: Place
) -> Iterator[Part]:
    """Yield the members to add; what the file does not name stays."""
    there = existing.portfolios.get(portfolio.slug)
    known = existing.users.keys() | {user.username for user in document.user}
    for index, member in enumerate(portfolio.member):
        inside: Place = (*place, "member", index)
        if member.user not in known:
            yield Problem(place=(*inside, "user"), what=f"there is no user {member.user!r}")
        elif there is None or (member.user, member.role) not in there.members:
            is_armed = there is not None and there.is_armed
            yield _new_member(portfolio.slug, member, inside, is_armed=is_armed)


def _new_member(slug: str, member: MemberIn, place: Place, *, is_armed: bool) -> NewMember:
    return NewMember(
        place=place,
        subject=f"portfolio {slug}: member {member.user}",
        after=member.role,
        loosens=is_armed and member.role is Role.APPROVER,
        portfolio_slug=slug,
        username=member.user,
        role=member.role,
    )
