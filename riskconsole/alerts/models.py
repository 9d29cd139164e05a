"""The outbox: what people must be told, committed with the change that it tells."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from riskconsole.kernel.numbers import choices_of


class Level(StrEnum):
    INFO = "INFO"
    WARNING = "WARNING"
    TRIP = "TRIP"
    NEEDS_HUMAN = "NEEDS_HUMAN"


class DeliveryStatus(StrEnum):
    PENDING = "PENDING"
    DELIVERED = "DELIVERED"


class Alert(models.Model):
    """One message; cause says in text what it is about, such as trip:7."""

    portfolio = models.CharField(max_length=50, blank=True)
    cause = models.CharField(max_length=128)
    level = models.CharField(max_length=11, choices=choices_of(Level))
    subject = models.CharField(max_length=200)
    body = models.TextField()
    raised_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(level__in=[level.value for level in Level]), name="alert_level_known"
            )
        ]
        indexes = [models.Index(fields=["cause"], name="alert_cause")]

    def __str__(self) -> str:
        return f"#{self.pk} {self.subject}"


class Delivery(models.Model):
    """One alert on its way over one route, retried until the route took it.

    route is the route's place in RISKCONSOLE_ALERT_URLS with its scheme: an address may be secret.
    """

    alert = models.ForeignKey(Alert, models.PROTECT, related_name="deliveries")
    route = models.CharField(max_length=40)
    status = models.CharField(
        max_length=9, choices=choices_of(DeliveryStatus), default=DeliveryStatus.PENDING
    )
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["alert", "route"], name="delivery_unique"),
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in DeliveryStatus]),
                name="delivery_status_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], name="delivery_pending", condition=Q(status="PENDING")
            )
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} over {self.route} {self.status}"
