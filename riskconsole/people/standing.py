"""What an admin changes about others: in or out, site role, a way back in."""

from collections.abc import Iterable
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import QuerySet

from riskconsole.audit.chain import Payload
from riskconsole.audit.services import record
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.people.approval import NeedsApproval, refuse_alone
from riskconsole.people.links import LINK_LIFETIME, digest_of, new_secret
from riskconsole.people.models import Invitation, PasswordLink, SiteRole, User
from riskconsole.people.services import LinkNotUsable


class BadStanding(RiskConsoleError):
    """Somebody's standing cannot be changed as asked."""


def deactivate(*, user: User, by: User, address: str, now: datetime) -> None:
    """Let somebody in no more: sessions end at once, and so do links and invitations.

    :raises BadStanding: for oneself, for the last admin, and for somebody who is out already
    """
    with transaction.atomic():
        _refuse_last_admin(user)
        if user == by:
            raise BadStanding("Nobody deactivates themselves: ask another admin")
        if not User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
            raise BadStanding(f"{user.username} is deactivated already")
        for session in UserSession.objects.filter(user=user):
            session.end()
        _open_links(now).filter(user=user).update(revoked_at=now)
        invitations = Invitation.objects.filter(invited_by=user, used_at=None, revoked_at=None)
        invitations.update(revoked_at=now)
        _record("people.user.deactivated", user, {}, by=by, address=address, now=now)


def activate(
    *,
    user: User,
    roles: Iterable[str],
    by: User,
    is_any_armed: bool,
    address: str,
    now: datetime,
    approval: str = "",
) -> None:
    """Let somebody in again, with the roles of before.

    :param roles: those that they have in portfolios
    :raises NeedsApproval: for an approver or an admin once a portfolio is armed
    :raises BadStanding: if nobody keeps them out
    """
    with transaction.atomic():
        every = [user.site_role, *roles]
        refuse_alone(roles=every, is_any_armed=is_any_armed, approval=approval)
        if not User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
            raise BadStanding(f"{user.username} is active already")
        facts = {"approval": approval}
        _record("people.user.activated", user, facts, by=by, address=address, now=now)


def change_site_role(
    *,
    user: User,
    site_role: SiteRole | None,
    by: User,
    is_any_armed: bool,
    address: str,
    now: datetime,
    approval: str = "",
) -> None:
    """Make somebody auditor or admin of the site, or neither.

    :raises NeedsApproval: for an admin once a portfolio is armed
    :raises BadStanding: if the site would be left without an admin
    """
    after = site_role or ""
    with transaction.atomic():
        if after == user.site_role:
            return
        refuse_alone(roles=[after], is_any_armed=is_any_armed, approval=approval)
        _refuse_last_admin(user)
        User.objects.filter(pk=user.pk).update(site_role=after)
        facts = {"field": "site_role", "before": user.site_role, "after": after}
        facts |= {"approval": approval}
        _record("people.user.changed", user, facts, by=by, address=address, now=now)


def make_password_link(*, user: User, by: User, address: str, now: datetime) -> str:
    """Return the secret of a one-time link to a new password; it voids those before it.

    The old password stays good until then: whoever must be kept out is deactivated.

    :raises BadStanding: for somebody who is deactivated
    """
    if not user.is_active:
        raise BadStanding(f"{user.username} is deactivated: activate them first")
    secret = new_secret()
    with transaction.atomic():
        _open_links(now).filter(user=user).update(revoked_at=now)
        PasswordLink.objects.create(digest=digest_of(secret), user=user, created_at=now)
        _record("people.password_link.made", user, {}, by=by, address=address, now=now)
    return secret


def password_link_of(*, secret: str, now: datetime) -> PasswordLink | None:
    """Return the link while it is good."""
    links = _open_links(now).filter(digest=digest_of(secret), user__is_active=True)
    return links.select_related("user").first()


def set_password_by_link(*, secret: str, password: str, address: str, now: datetime) -> User:
    """Set a new password, use the link up and sign every browser out.

    :raises LinkNotUsable: if it is unknown, used, voided, or a day old
    """
    with transaction.atomic():
        link = password_link_of(secret=secret, now=now)
        if link is None or not _open_links(now).filter(pk=link.pk).update(used_at=now):
            raise LinkNotUsable("This link was used, is not the newest, or is older than a day")
        link.user.set_password(password)
        link.user.save(update_fields=["password"])
        for session in UserSession.objects.filter(user=link.user):
            session.end()
        _record("people.password.set", link.user, {}, by=link.user, address=address, now=now)
    return link.user


def reset_second_factor(
    *,
    user: User,
    by: User,
    is_any_armed: bool,
    address: str,
    now: datetime,
    approval: str = "",
) -> None:
    """Take app, passkeys and recovery codes away from somebody who lost them.

    :raises NeedsApproval: once a portfolio is armed: it opens the way for a stolen password
    """
    if is_any_armed and not approval:
        raise NeedsApproval(
            "A portfolio is armed: resetting a second factor takes a second person's approval"
        )
    with transaction.atomic():
        Authenticator.objects.filter(user=user).delete()
        facts = {"approval": approval}
        _record("people.second_factor.reset", user, facts, by=by, address=address, now=now)


def _refuse_last_admin(user: User) -> None:
    """Return if another admin is left; two who remove each other wait here for one another."""
    admins = User.objects.select_for_update().filter(site_role=SiteRole.ADMIN, is_active=True)
    left = set(admins.order_by("pk").values_list("pk", flat=True)) - {user.pk}
    if user.site_role == SiteRole.ADMIN and not left:
        raise BadStanding(f"{user.username} is the last admin")


def _open_links(now: datetime) -> QuerySet[PasswordLink]:
    return PasswordLink.objects.filter(
        used_at=None, revoked_at=None, created_at__gt=now - LINK_LIFETIME
    )


def _record(
    action: str, user: User, payload: Payload, *, by: User, address: str, now: datetime
) -> None:
    record(
        action=action,
        subject=f"user:{user.username}",
        payload=payload,
        now=now,
        actor=f"user:{by.username}",
        address=address,
    )
