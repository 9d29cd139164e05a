"""What people add to a trip, and how often they were called; the database only lets them add."""

from django.conf import settings
from django.db import models

from breaker.models.breaker import Breaker
from breaker.models.trip import Trip


class TripNote(models.Model):
    """What somebody wrote about a trip; it is never changed."""

    trip = models.ForeignKey(Trip, models.PROTECT, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~models.Q(text=""), name="trip_note_has_text")
        ]

    def __str__(self) -> str:
        return f"note on trip {self.trip_id}"


class Acknowledgement(models.Model):
    """Somebody has taken notice of the trip or warning that a breaker is in since a time."""

    breaker = models.ForeignKey(Breaker, models.PROTECT, related_name="acknowledgements")
    since = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["breaker", "since"], name="acknowledged_once")
        ]

    def __str__(self) -> str:
        return f"acknowledgement of {self.breaker_id} since {self.since}"


class Escalation(models.Model):
    """People were told again of a trip or warning that nobody had acknowledged."""

    breaker = models.ForeignKey(Breaker, models.PROTECT, related_name="escalations")
    since = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["breaker", "since", "at"], name="escalated_once_at")
        ]

    def __str__(self) -> str:
        return f"escalation of {self.breaker_id} at {self.at}"
