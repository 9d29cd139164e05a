"""A trip with the evidence of its first cause, and what people add to it."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from breaker.domain.machine import Cause
from breaker.models.breaker import Breaker
from riskconsole.fields import MoneyField, RatioField
from riskconsole.kernel.numbers import choices_of


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
