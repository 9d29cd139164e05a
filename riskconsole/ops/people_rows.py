"""Who is on this console, as what, and seen when: ready for the pages."""

from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db.models import Max, QuerySet

from portfolio.models import Membership, Role
from riskconsole.people.invitations import open_invitations
from riskconsole.people.links import LINK_LIFETIME
from riskconsole.people.models import Invitation, User
from riskconsole.people.selectors import SECOND_FACTORS


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """A role in a portfolio."""

    slug: str
    name: str
    role: Role
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    pk: int
    username: str
    email: str
    site_role: str
    members: tuple[MemberRow, ...]
    has_second_factor: bool
    seen_at: datetime | None
    is_active: bool
    is_oneself: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRow:
    pk: int
    username: str
    email: str
    roles: tuple[str, ...]
    invited_by: str
    ends_at: datetime


def person_rows(people: QuerySet[User], *, reader: User) -> tuple[PersonRow, ...]:
    """Return a row for each, by name, in three queries for all of them."""
    found = people.annotate(seen_at=Max("usersession__last_seen_at")).order_by("username")
    found = found.prefetch_related("memberships__portfolio")
    proven = set(
        Authenticator.objects.filter(type__in=SECOND_FACTORS).values_list("user_id", flat=True)
    )
    return tuple(
        PersonRow(
            pk=user.pk,
            username=user.username,
            email=user.email,
            site_role=user.site_role,
            members=tuple(_member_row(member) for member in user.memberships.all()),
            has_second_factor=user.pk in proven,
            seen_at=user.seen_at or user.last_login,
            is_active=user.is_active,
            is_oneself=user.pk == reader.pk,
        )
        for user in found
    )


def invitation_rows(*, now: datetime) -> tuple[InvitationRow, ...]:
    """Return the invitations that nobody has accepted yet, the newest first."""
    found = open_invitations(now=now).select_related("invited_by").order_by("-pk")
    return tuple(_invitation_row(invitation) for invitation in found)


def _member_row(member: Membership) -> MemberRow:
    return MemberRow(
        slug=member.portfolio.slug,
        name=member.portfolio.name,
        role=Role(member.role),
        since=member.since,
    )


def _invitation_row(invitation: Invitation) -> InvitationRow:
    site = (invitation.site_role,) if invitation.site_role else ()
    return InvitationRow(
        pk=invitation.pk,
        username=invitation.username,
        email=invitation.email,
        roles=(*site, *(f"{slug}: {role}" for slug, role in invitation.memberships)),
        invited_by=invitation.invited_by.username,
        ends_at=invitation.created_at + LINK_LIFETIME,
    )
