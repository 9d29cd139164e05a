"""What is due by itself each second: ends of DISABLED, outdated requests, accounts that join, and
people who are called again.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from breaker.domain.machine import BreakerState
from breaker.models import Breaker
from breaker.services.escalating import escalate_unacknowledged
from breaker.services.locks import lock_breakers
from breaker.services.requests import void_outdated
from portfolio.models import Evaluation, VenueAccount
from portfolio.services import flows
from riskconsole.alerts.models import Level
from riskconsole.alerts.services import raise_alert
from riskconsole.audit.services import SYSTEM, record
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import EXACT, ZERO, known_money_text, money_text
from riskconsole.live.publish import publish_on_commit


class NotDisabled(RiskConsoleError):
    """The breaker is watched already."""


def keep_up(*, now: datetime) -> None:
    """Do what is due: nothing here waits for a person, and nothing of it loosens."""
    end_due_disables(now=now)
    void_outdated(now=now)
    let_accounts_join(now=now)
    escalate_unacknowledged(now=now)


def end_due_disables(*, now: datetime) -> None:
    """Watch again every portfolio whose time has come."""
    due = Breaker.objects.filter(state=BreakerState.DISABLED, disabled_until__lte=now)
    for portfolio_id in due.values_list("portfolio_id", flat=True):
        _enable(portfolio_id, actor=SYSTEM, address="", now=now)


def enable(*, portfolio_id: int, actor: str, address: str, now: datetime) -> None:
    """Watch a disabled portfolio again, before its time.

    :raises NotDisabled: if it is not DISABLED
    """
    if not _enable(portfolio_id, actor=actor, address=address, now=now):
        raise NotDisabled("The breaker is not DISABLED")


@transaction.atomic
def _enable(portfolio_id: int, *, actor: str, address: str, now: datetime) -> bool:
    disabled = Breaker.objects.filter(portfolio_id=portfolio_id, state=BreakerState.DISABLED)
    is_won = disabled.update(
        state=BreakerState.ACTIVE, state_since=now, disabled_until=None, version=F("version") + 1
    )
    if not is_won:
        return False
    Evaluation.objects.filter(portfolio_id=portfolio_id).update(
        blind_since=None, not_blind_since=None
    )
    breaker = Breaker.objects.select_related("portfolio").get(portfolio_id=portfolio_id)
    _tell_enabled(breaker, actor=actor, address=address, now=now)
    return True


def _tell_enabled(breaker: Breaker, *, actor: str, address: str, now: datetime) -> None:
    slug = breaker.portfolio.slug
    raise_alert(
        portfolio=slug,
        cause=f"disable:{slug}:{breaker.version}",
        level=Level.INFO,
        subject=f"{breaker.portfolio.name} is guarded again",
        body=f"The breaker watches again since {time_text(now)}.",
        now=now,
    )
    publish_on_commit(
        {
            "type": "breaker.changed",
            "portfolio": slug,
            "version": breaker.version,
            "state": BreakerState.ACTIVE,
            "at": time_text(now),
        }
    )
    record(
        action="breaker.disable.ended",
        subject=f"portfolio:{slug}",
        portfolio=slug,
        actor=actor,
        address=address,
        payload={"version": breaker.version},
        now=now,
    )


def let_accounts_join(*, now: datetime) -> None:
    """Count each added account once it was read and each of its lines has a price."""
    for account in flows.joining_accounts():
        if flows.joining_of(account) is not None:
            _join(account, now=now)


@transaction.atomic
def _join(waiting: VenueAccount, *, now: datetime) -> None:
    """Let the account begin as a cash flow; a debt that it brings is a loss, not a flow."""
    lock_breakers([waiting.portfolio_id])
    account = flows.joining_account(waiting.pk)
    joining = None if account is None else flows.joining_of(account)
    if account is None or joining is None:
        return
    reference = account.portfolio.reference_equity
    if joining.worth > ZERO:
        after = EXACT.add(joining.before, joining.worth)
        moved = flows.apply_flow(portfolio=account.portfolio, before=joining.before, after=after)
        reference = moved.reference_equity
    flows.let_join(account=account)
    Breaker.objects.filter(portfolio=account.portfolio_id).update(version=F("version") + 1)
    record(
        action="portfolio.account.joined",
        subject=f"portfolio:{account.portfolio.slug}",
        portfolio=account.portfolio.slug,
        payload={
            "account": account.slug,
            "equity": money_text(joining.worth),
            "reference_before": known_money_text(account.portfolio.reference_equity),
            "reference_after": known_money_text(reference),
        },
        now=now,
    )
