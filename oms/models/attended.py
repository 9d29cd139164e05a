"""What every leg has that workers attend to in turns."""

from django.db import models


class Attended(models.Model):
    """One account's part of something that goes on until the venue confirmed it.

    Whoever attends to it holds lease_until and writes only while fence is still what it took.
    failures counts attempts on end without success.
    """

    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    fence = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField()
    unconfirmed_since = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    needs_human_since = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)
    is_ended = models.BooleanField(default=False)

    class Meta:
        abstract = True
