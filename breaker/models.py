"""The breaker of a portfolio and its trips; the database refuses what must never happen."""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from breaker.domain.machine import (
    BreakerState,
    Cause,
    FloorLimit,
    Limit,
    LossLimit,
    Timing,
)
from portfolio.domain.quality import QualityLimits
from portfolio.models import Portfolio
from riskconsole.fields import MoneyField, RatioField
from riskconsole.kernel.numbers import choices_of


class Breaker(models.Model):
    """Limits and state of one portfolio.

    version changes on trip, halt, reset, disable, arm and change of limits, not between ACTIVE
    and WARNING.
    """

    portfolio = models.OneToOneField(Portfolio, models.PROTECT, related_name="breaker")
    state = models.CharField(
        max_length=9, choices=choices_of(BreakerState), default=BreakerState.ACTIVE
    )
    state_since = models.DateTimeField(null=True)
    version = models.PositiveBigIntegerField(default=1)
    warning_ratio = RatioField(default=Decimal("0.03"))
    trip_ratio = RatioField(default=Decimal("0.05"))
    hysteresis_ratio = RatioField(default=Decimal("0.0025"))
    warning_dwell = models.DurationField(default=timedelta(seconds=10))
    max_mark_age = models.DurationField(default=timedelta(seconds=10))
    max_snapshot_age = models.DurationField(default=timedelta(seconds=60))
    blind_trip_after = models.DurationField(default=timedelta(seconds=300))
    cooldown = models.DurationField(default=timedelta(seconds=900))
    floor_ratio = RatioField(default=Decimal("0.15"))
    is_rebased = models.BooleanField(default=False)
    close_positions = models.BooleanField(default=False)
    keep_reduce_only = models.BooleanField(default=False)
    is_paused = models.BooleanField(default=False)
    is_restored = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in BreakerState]),
                name="breaker_state_known",
            ),
            models.CheckConstraint(
                condition=Q(warning_ratio__gt=0, trip_ratio__lt=1)
                & Q(warning_ratio__lt=F("trip_ratio")),
                name="breaker_limits_ordered",
            ),
            models.CheckConstraint(
                condition=Q(hysteresis_ratio__gte=0) & Q(hysteresis_ratio__lt=F("warning_ratio")),
                name="breaker_hysteresis_below_warning",
            ),
            models.CheckConstraint(
                condition=Q(floor_ratio__gt=0, floor_ratio__lt=1), name="breaker_floor_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.portfolio_id} {self.state}"

    @property
    def is_protected(self) -> bool:
        """Whether there is a capital to measure a loss from; its limits the database checks."""
        return self.portfolio.reference_equity is not None

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Every limit that guards the portfolio; none while it is not protected."""
        reference, base = self.portfolio.reference_equity, self.portfolio.floor_base
        if reference is None or base is None:
            return ()
        loss = LossLimit(
            reference_equity=reference,
            warning_ratio=self.warning_ratio,
            trip_ratio=self.trip_ratio,
            hysteresis_ratio=self.hysteresis_ratio,
        )
        if not self.is_rebased:
            return (loss,)
        return (loss, FloorLimit(base=base, floor_ratio=self.floor_ratio))

    @property
    def timing(self) -> Timing:
        return Timing(warning_dwell=self.warning_dwell, blind_trip_after=self.blind_trip_after)

    @property
    def quality_limits(self) -> QualityLimits:
        return QualityLimits(
            max_mark_age=self.max_mark_age,
            max_snapshot_age=self.max_snapshot_age,
            blind_trip_after=self.blind_trip_after,
        )


class Trip(models.Model):
    """One trip with the evidence of its first cause; version is the breaker's just before it."""

    breaker = models.ForeignKey(Breaker, models.PROTECT, related_name="trips")
    version = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    cause = models.CharField(max_length=5, choices=choices_of(Cause))
    reason = models.TextField(blank=True)
    actor = models.CharField(max_length=200, blank=True)
    equity = MoneyField(null=True)
    reference_equity = MoneyField(null=True)
    loss_ratio = RatioField(null=True)
    evidence = models.JSONField()
    reset_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["breaker", "version"], name="trip_once_per_version"),
            models.UniqueConstraint(
                fields=["breaker"], condition=Q(reset_at__isnull=True), name="trip_one_open"
            ),
            models.CheckConstraint(
                condition=Q(cause__in=[cause.value for cause in Cause]), name="trip_cause_known"
            ),
        ]

    def __str__(self) -> str:
        return f"trip {self.pk} {self.cause}"


class TripEventKind(StrEnum):
    HALT = "HALT"
    BREACH = "BREACH"


class TripEvent(models.Model):
    """A later halt or breach, appended to an open trip; its first cause stays as it was."""

    trip = models.ForeignKey(Trip, models.PROTECT, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=6, choices=choices_of(TripEventKind))
    reason = models.TextField(blank=True)
    actor = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} on trip {self.trip_id}"
