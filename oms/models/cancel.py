"""What must be cancelled, and what came of it."""

from django.db import models
from django.db.models import F, Q

from oms.domain.cancel import LegStatus, Outcome
from oms.domain.orders import OrderSide, OrderType
from oms.models.constraints import known
from portfolio.domain.holdings import Side
from portfolio.models import Portfolio, VenueAccount
from riskconsole.fields import MoneyField
from riskconsole.kernel.numbers import choices_of, plain_text


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


class CancelLeg(models.Model):
    """One account of a run.

    Whoever attends to it holds lease_until and writes only while fence is still what it took.
    failures counts attempts on end that left an order open; listed_at is the begin of the last
    complete empty listing, positions_checked_at of the last comparison with the baseline, which
    waits for the first snapshot where the trip found none (baseline_at is null).
    """

    run = models.ForeignKey(CancelRun, models.PROTECT, related_name="legs")
    account = models.ForeignKey(VenueAccount, models.PROTECT, related_name="cancel_legs")
    status = models.CharField(
        max_length=13, choices=choices_of(LegStatus), default=LegStatus.PENDING
    )
    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    fence = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField()
    unconfirmed_since = models.DateTimeField()
    first_empty_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    listed_at = models.DateTimeField(null=True)
    needs_human_since = models.DateTimeField(null=True)
    baseline_at = models.DateTimeField(null=True)
    positions_checked_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)
    is_ended = models.BooleanField(default=False)

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


class LegPosition(models.Model):
    """What an account held at the trip, and what it grew to since.

    On a spot account the instrument is an asset that is not cash.
    """

    leg = models.ForeignKey(CancelLeg, models.PROTECT, related_name="positions")
    instrument = models.CharField(max_length=64)
    side = models.CharField(max_length=5, choices=choices_of(Side))
    quantity = MoneyField()
    grown_to = MoneyField(null=True)
    grown_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["leg", "instrument", "side"], name="leg_position_unique"
            ),
            known("side", Side, "leg_position_side_known"),
            models.CheckConstraint(
                # A comparison with null passes a check, so null is refused beside it.
                condition=Q(grown_to__isnull=True, grown_at__isnull=True)
                | Q(
                    grown_to__isnull=False,
                    grown_to__gt=F("quantity"),
                    grown_at__isnull=False,
                ),
                name="leg_position_growth_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {plain_text(self.quantity)} {self.instrument}"
