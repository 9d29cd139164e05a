"""What must be cancelled, and what came of it."""

from django.db import models
from django.db.models import F, Q

from oms.domain.cancel import LegStatus, Outcome
from oms.domain.orders import OrderSide, OrderType
from oms.models.attended import Attended
from oms.models.constraints import known
from portfolio.models import Portfolio, VenueAccount
from riskconsole.fields import MoneyField
from riskconsole.kernel.numbers import choices_of


class CancelRun(models.Model):
    """Every order of a portfolio must go and stay gone, from opened_at until ended_at."""

    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="cancel_runs")
    cause = models.CharField(max_length=128, unique=True)
    keep_reduce_only = models.BooleanField()
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("opened_at")),
                name="cancel_run_ends_after_it_opened",
            ),
            models.CheckConstraint(condition=~Q(cause=""), name="cancel_run_has_a_cause"),
        ]

    def __str__(self) -> str:
        return self.cause


class CancelLeg(Attended):
    """One account of a run.

    listed_at is the begin of the last complete empty listing, positions_checked_at of the last
    comparison with the baseline.

    baseline is what the account held at the trip, a list of instrument, side and quantity; it is
    null until the first snapshot where the trip found none. growth is what it was seen to hold
    more of since: the same and grown_to and grown_at. On a spot account the instrument is an asset
    that is not cash.

    only_before is set where a reset accepted the account as it was: the leg goes on, by id, against
    orders created before it, and ends once it is empty of them.
    """

    run = models.ForeignKey(CancelRun, models.PROTECT, related_name="legs")
    account = models.ForeignKey(VenueAccount, models.PROTECT, related_name="cancel_legs")
    status = models.CharField(
        max_length=13, choices=choices_of(LegStatus), default=LegStatus.PENDING
    )
    first_empty_at = models.DateTimeField(null=True)
    listed_at = models.DateTimeField(null=True)
    baseline = models.JSONField(null=True)
    growth = models.JSONField(default=list)
    positions_checked_at = models.DateTimeField(null=True)
    only_before = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "account"], name="cancel_leg_unique"),
            known("status", LegStatus, "cancel_leg_status_known"),
            models.CheckConstraint(
                condition=~Q(status=LegStatus.EMPTY)
                | Q(
                    first_empty_at__isnull=False,
                    confirmed_at__isnull=False,
                    listed_at__isnull=False,
                ),
                name="cancel_leg_empty_is_confirmed",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="cancel_leg_attended",
                condition=Q(is_ended=False) & ~Q(status=LegStatus.NOT_CONNECTED),
            )
        ]

    def __str__(self) -> str:
        return f"leg {self.pk} {self.status}"


class LegOrder(models.Model):
    """One order that a leg met; is_late says that it appeared after the trip's commit."""

    leg = models.ForeignKey(CancelLeg, models.PROTECT, related_name="orders")
    order_id = models.CharField(max_length=128)
    instrument = models.CharField(max_length=64)
    side = models.CharField(max_length=4, choices=choices_of(OrderSide))
    type = models.CharField(max_length=5, choices=choices_of(OrderType))
    quantity = MoneyField()
    price = MoneyField()
    is_reduce_only = models.BooleanField()
    created_at = models.DateTimeField()
    first_seen_at = models.DateTimeField()
    outcome = models.CharField(max_length=9, choices=choices_of(Outcome))
    was_asked = models.BooleanField(default=False)
    is_late = models.BooleanField()
    is_disobedient = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["leg", "order_id"], name="leg_order_unique"),
            known("outcome", Outcome, "leg_order_outcome_known"),
            models.CheckConstraint(
                condition=~Q(outcome=Outcome.CANCELLED) | Q(was_asked=True),
                name="leg_order_cancelled_was_asked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.outcome}"
