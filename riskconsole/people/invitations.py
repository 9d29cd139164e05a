"""Invitations: an admin names a person and roles, the person sets a password by a one-time link."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from riskconsole.audit.services import record
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.people.approval import refuse_alone
from riskconsole.people.links import LINK_LIFETIME, digest_of, new_secret
from riskconsole.people.models import Invitation, SiteRole, User
from riskconsole.people.services import LinkNotUsable, create_user


class BadInvitation(RiskConsoleError):
    """Nobody can be invited as asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """Whom to invite, as what.

    :param memberships: slug of a portfolio and role in it
    """

    username: str
    email: str
    site_role: SiteRole | None = None
    memberships: Sequence[tuple[str, str]] = ()

    @property
    def roles(self) -> tuple[str, ...]:
        site = (self.site_role,) if self.site_role else ()
        return (*site, *(role for _, role in self.memberships))


def invite(
    *,
    person: NewPerson,
    invited_by: User,
    is_any_armed: bool,
    address: str,
    now: datetime,
    approval: str = "",
) -> str:
    """Return the secret of a one-time link; it voids the person's links before it.

    :param approval: the approved request that asks for it; empty for one admin alone
    :raises NeedsApproval: for an approver or an admin once a portfolio is armed
    :raises BadInvitation: if the name is taken
    """
    refuse_alone(roles=person.roles, is_any_armed=is_any_armed, approval=approval)
    secret = new_secret()
    with transaction.atomic():
        if User.objects.filter(username__iexact=person.username).exists():
            raise BadInvitation(f"There is somebody called {person.username!r} already")
        open_invitations(now=now).filter(username=person.username).update(revoked_at=now)
        Invitation.objects.create(
            digest=digest_of(secret),
            username=person.username,
            email=person.email,
            site_role=person.site_role or "",
            memberships=[list(one) for one in person.memberships],
            invited_by=invited_by,
            approval=approval,
            created_at=now,
        )
        record(
            action="people.invitation.made",
            subject=f"user:{person.username}",
            payload={
                "email": person.email,
                "site_role": person.site_role or "",
                "memberships": [f"{slug}: {role}" for slug, role in person.memberships],
                "approval": approval,
            },
            now=now,
            actor=f"user:{invited_by.username}",
            address=address,
        )
    return secret


def open_invitations(*, now: datetime) -> QuerySet[Invitation]:
    """Return those that still let somebody in."""
    return Invitation.objects.filter(
        used_at=None, revoked_at=None, created_at__gt=now - LINK_LIFETIME
    )


def invitation_of(*, secret: str, now: datetime) -> Invitation | None:
    """Return the invitation that the link still stands for."""
    return open_invitations(now=now).filter(digest=digest_of(secret)).first()


def revoke_invitation(*, invitation_id: int, actor: str, address: str, now: datetime) -> None:
    """End an invitation at once.

    :raises BadInvitation: if it is over already
    """
    with transaction.atomic():
        invitation = open_invitations(now=now).filter(pk=invitation_id).first()
        if invitation is None or not _end(invitation, now=now, revoked_at=now):
            raise BadInvitation("The invitation is over: it was used, revoked, or a day old")
        record(
            action="people.invitation.revoked",
            subject=f"user:{invitation.username}",
            payload={},
            now=now,
            actor=actor,
            address=address,
        )


def accept_invitation(
    *, secret: str, password: str, is_any_armed: bool, address: str, now: datetime
) -> tuple[User, Invitation]:
    """Make the invited person, and use the invitation up; the caller gives the memberships.

    :raises LinkNotUsable: if it is unknown, used, revoked, a day old, or the name is taken by now
    :raises NeedsApproval: if a portfolio was armed since an approver or an admin was invited
    """
    with transaction.atomic():
        invitation = invitation_of(secret=secret, now=now)
        if invitation is None or not _end(invitation, now=now, used_at=now):
            raise LinkNotUsable("This invitation was used, revoked, or is older than a day")
        if User.objects.filter(username__iexact=invitation.username).exists():
            raise LinkNotUsable(f"There is somebody called {invitation.username!r} already")
        refuse_alone(
            roles=[invitation.site_role, *(role for _, role in invitation.memberships)],
            is_any_armed=is_any_armed,
            approval=invitation.approval,
        )
        user = create_user(
            username=invitation.username,
            email=invitation.email,
            password=password,
            site_role=SiteRole(invitation.site_role) if invitation.site_role else None,
            now=now,
            actor=f"user:{invitation.username}",
            address=address,
        )
    return user, invitation


def _end(invitation: Invitation, *, now: datetime, **how: datetime) -> bool:
    """Return whether this call is the one that ended it."""
    return open_invitations(now=now).filter(pk=invitation.pk).update(**how) == 1
