"""Who has which role in a portfolio."""

from datetime import datetime

from django.db import transaction

from portfolio.models import Membership, Portfolio, Role
from riskconsole.audit.services import record
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.people.approval import refuse_alone
from riskconsole.people.models import User


class BadMember(RiskConsoleError):
    """A role cannot be given or taken as asked."""


def add_member(
    *,
    portfolio: Portfolio,
    user: User,
    role: Role,
    is_any_armed: bool,
    actor: str,
    now: datetime,
    address: str = "",
    approval: str = "",
) -> None:
    """Give somebody a role in the portfolio.

    :param approval: the approved request that asks for it; empty for one admin alone
    :raises NeedsApproval: for an approver once a portfolio is armed
    :raises BadMember: if they have it
    """
    refuse_alone(roles=[role], is_any_armed=is_any_armed, approval=approval)
    with transaction.atomic():
        _, is_new = Membership.objects.get_or_create(
            portfolio=portfolio, user=user, role=role, defaults={"since": now}
        )
        if not is_new:
            raise BadMember(f"{user.username} is {role} of {portfolio.slug} already")
        payload = {"user": user.username, "role": role.value}
        if approval:
            payload["approval"] = approval
        record(
            action="portfolio.member.added",
            subject=f"portfolio:{portfolio.slug}",
            portfolio=portfolio.slug,
            payload=payload,
            now=now,
            actor=actor,
            address=address,
        )


def remove_member(
    *,
    portfolio: Portfolio,
    user: User,
    role: Role,
    actor: str,
    address: str,
    now: datetime,
) -> None:
    """Take a role away, at once.

    :raises BadMember: if they do not have it
    """
    with transaction.atomic():
        count, _ = Membership.objects.filter(portfolio=portfolio, user=user, role=role).delete()
        if not count:
            raise BadMember(f"{user.username} is not {role} of {portfolio.slug}")
        record(
            action="portfolio.member.removed",
            subject=f"portfolio:{portfolio.slug}",
            portfolio=portfolio.slug,
            payload={"user": user.username, "role": role.value},
            now=now,
            actor=actor,
            address=address,
        )
