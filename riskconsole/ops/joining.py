"""Somebody new comes in by an invitation: the person and their roles, or neither."""

from datetime import datetime

from django.db import transaction

from portfolio.models import Portfolio, Role
from portfolio.selectors import is_any_armed
from portfolio.services.members import add_member
from riskconsole.people.invitations import accept_invitation
from riskconsole.people.models import User


@transaction.atomic
def join(*, secret: str, password: str, address: str, now: datetime) -> User:
    """Make the invited person with every role that the invitation names.

    :raises LinkNotUsable: if it is unknown, used, revoked, a day old, or the name is taken by now
    :raises NeedsApproval: if a portfolio was armed since an approver or an admin was invited
    """
    is_armed = is_any_armed()
    user, invitation = accept_invitation(
        secret=secret, password=password, is_any_armed=is_armed, address=address, now=now
    )
    for slug, role in invitation.memberships:
        add_member(
            portfolio=Portfolio.objects.get(slug=slug),
            user=user,
            role=Role(role),
            is_any_armed=is_armed,
            approval=invitation.approval,
            actor=f"user:{invitation.invited_by.username}",
            address=address,
            now=now,
        )
    return user
