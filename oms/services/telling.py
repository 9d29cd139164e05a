"""How people and the log hear of any leg, in the transaction of what it tells."""

from datetime import datetime

from oms.models import CancelLeg, CloseLeg
from riskconsole.alerts.models import Level
from riskconsole.alerts.services import raise_alert
from riskconsole.audit.chain import Payload
from riskconsole.audit.services import record

Leg = CancelLeg | CloseLeg


def name_of(leg: Leg) -> str:
    """Return portfolio/account."""
    return f"{leg.account.portfolio.slug}/{leg.account.slug}"


def alert(leg: Leg, level: Level, subject: str, body: str, now: datetime) -> None:
    raise_alert(
        portfolio=leg.account.portfolio.slug,
        cause=leg.run.cause,
        level=level,
        subject=subject,
        body=body,
        now=now,
    )


def note(leg: Leg, action: str, payload: Payload, now: datetime) -> None:
    """Write an entry about the leg's account to the log."""
    record(
        action=action,
        subject=leg.run.cause,
        payload={"account": leg.account.slug} | dict(payload),
        now=now,
        portfolio=leg.account.portfolio.slug,
    )


def has_begun_asking(leg: Leg, *, is_asking: bool, now: datetime) -> bool:
    """Keep since when the leg asks for a human; return whether a spell of it begins."""
    if is_asking == (leg.needs_human_since is not None):
        return False
    leg.needs_human_since = now if is_asking else None
    type(leg).objects.filter(pk=leg.pk).update(needs_human_since=leg.needs_human_since)
    return is_asking
