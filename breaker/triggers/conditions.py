"""SQL that several refusals share: who may approve, and what was approved for which version."""

from breaker.domain.approval import RequestKind, RequestStatus
from portfolio.models import Role
from riskconsole.people.models import SiteRole
from riskconsole.triggers import Trigger

BREAKER = "breaker_breaker"
TRIP = "breaker_trip"
EVENT = "breaker_tripevent"
REQUEST = "breaker_changerequest"
VOTE = "breaker_vote"
PORTFOLIO = "portfolio_portfolio"
ACCOUNT = "portfolio_venueaccount"
KEY = "oms_venuekey"


def executed(*kinds: RequestKind, portfolio: str, version: str, also: str = "") -> str:
    """Return the condition that an executed request of one of these kinds was for that version."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    return (
        f"EXISTS (SELECT 1 FROM {REQUEST} r WHERE r.status = '{RequestStatus.EXECUTED}'"  # noqa: S608
        f" AND r.kind IN ({listed}) AND r.portfolio_id = {portfolio} AND r.version = {version}{also})"
    )


def entitled(*, user: str, portfolio: str) -> str:
    """Return the condition that somebody is an approver of the portfolio, or else of the site."""
    return (
        f"EXISTS (SELECT 1 FROM people_user u WHERE u.id = {user} AND u.is_active"  # noqa: S608
        f" AND (u.site_role = '{SiteRole.ADMIN}' AND {portfolio} IS NULL"
        " OR EXISTS (SELECT 1 FROM portfolio_membership m WHERE m.user_id = u.id"
        f" AND m.portfolio_id = {portfolio} AND m.role = '{Role.APPROVER}')))"
    )


def no_replace(table: str, *same: str) -> Trigger:
    """INSERT OR REPLACE passes the refusals of DELETE where recursive triggers are off."""
    taken = " OR ".join(("t.id = NEW.id", *same))
    return Trigger(
        name=f"{table}_no_replace",
        table=table,
        event="INSERT",
        vendor="sqlite",
        condition=f"EXISTS (SELECT 1 FROM {table} t WHERE {taken})",  # noqa: S608
        message="a row that guards is never replaced",
    )
