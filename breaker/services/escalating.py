"""Tell people again of a trip or warning that nobody has acknowledged."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from breaker.domain.machine import BreakerState
from breaker.models import Acknowledgement, Breaker, Escalation
from breaker.services.incidents import CALLING, subject_of
from riskconsole.alerts.models import Level
from riskconsole.alerts.services import raise_alert
from riskconsole.audit.services import record
from riskconsole.kernel.clock import time_text

FIRST_AFTER = timedelta(minutes=5)
AGAIN_AFTER = timedelta(minutes=15)

WORDS = {
    BreakerState.TRIGGERED: "is triggered",
    BreakerState.WARNING: "is past its warning limit",
}


def escalate_unacknowledged(*, now: datetime) -> None:
    """Tell people 5 min after the trip or warning, then every 15 min, until somebody takes notice.

    Two runners may come at once: the breaker's row is locked, then it is looked at again.
    """
    for breaker_id in _due(now=now).values_list("pk", flat=True):
        _escalate(breaker_id, now=now)


def _due(*, now: datetime) -> QuerySet[Breaker]:
    acknowledged = Acknowledgement.objects.filter(
        breaker=OuterRef("pk"), since=OuterRef("state_since")
    )
    waiting = Breaker.objects.filter(
        ~Exists(acknowledged), state__in=CALLING, state_since__lte=now - FIRST_AFTER
    )
    told_lately = Escalation.objects.filter(
        breaker=OuterRef("pk"), since=OuterRef("state_since"), at__gt=now - AGAIN_AFTER
    )
    return waiting.filter(~Exists(told_lately))


@transaction.atomic
def _escalate(breaker_id: int, *, now: datetime) -> None:
    locked = Breaker.objects.select_for_update(of=("self",)).select_related("portfolio")
    breaker = locked.get(pk=breaker_id)
    if breaker.state_since is None or not _due(now=now).filter(pk=breaker_id).exists():
        return
    state, since = BreakerState(breaker.state), breaker.state_since
    Escalation.objects.create(breaker=breaker, since=since, at=now)
    subject, minutes = subject_of(breaker, state=state), (now - since) // timedelta(minutes=1)
    words = f"{breaker.portfolio.name} {WORDS[state]} for {minutes} min"
    raise_alert(
        portfolio=breaker.portfolio.slug,
        cause=subject,
        level=Level.NEEDS_HUMAN,
        subject=f"{words}, and nobody acknowledged it",
        body=(
            f"{words}, since {time_text(since)}. Acknowledge it in the browser, under Incidents;"
            f" this is sent again every {AGAIN_AFTER // timedelta(minutes=1)} min until then."
        ),
        now=now,
    )
    record(
        action="breaker.incident.escalated",
        subject=subject,
        portfolio=breaker.portfolio.slug,
        payload={"state": state, "since": time_text(since)},
        now=now,
    )
