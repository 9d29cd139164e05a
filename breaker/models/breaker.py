"""Limits and state of one portfolio; the database refuses what must never happen."""

from datetime import timedelta
from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from breaker.domain.machine import (
    BreakerState,
    FloorLimit,
    Limit,
    LossLimit,
    Timing,
)
from portfolio.domain.quality import QualityLimits
from portfolio.models import Portfolio
from riskconsole.fields import RatioField
from riskconsole.kernel.numbers import choices_of


class Breaker(models.Model):
    """Limits and state of one portfolio.

    version changes on trip, halt, reset, disable, arm and change of limits, not between ACTIVE
    and WARNING. quorum is how many others must approve what loosens.
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
    quorum = models.PositiveSmallIntegerField(default=1)
    floor_ratio = RatioField(default=Decimal("0.15"))
    is_rebased = models.BooleanField(default=False)
    close_positions = models.BooleanField(default=False)
    keep_reduce_only = models.BooleanField(default=False)
    is_paused = models.BooleanField(default=False)
    is_restored = models.BooleanField(default=False)
    disabled_until = models.DateTimeField(null=True)

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
            models.CheckConstraint(condition=Q(quorum__gte=1), name="breaker_quorum_positive"),
            models.CheckConstraint(
                condition=Q(state=BreakerState.DISABLED, disabled_until__isnull=False)
                | (~Q(state=BreakerState.DISABLED) & Q(disabled_until__isnull=True)),
                name="breaker_disabled_has_end",
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
        return self.limits_from(self.portfolio.reference_equity, is_rebased=self.is_rebased)

    def limits_from(
        self,
        reference: Decimal | None,
        *,
        is_rebased: bool,
        floor_base: Decimal | None = None,
    ) -> tuple[Limit, ...]:
        """Return the limits as they would be with another reference equity.

        :param floor_base: another base of the floor too; the portfolio's own without it
        """
        base = floor_base or self.portfolio.floor_base
        if reference is None or base is None:
            return ()
        loss = LossLimit(
            reference_equity=reference,
            warning_ratio=self.warning_ratio,
            trip_ratio=self.trip_ratio,
            hysteresis_ratio=self.hysteresis_ratio,
        )
        if not is_rebased:
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
