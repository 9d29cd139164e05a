"""Whose turn it is to sign with a key whose calls must carry rising nonces."""

from django.db import models


class NonceTurn(models.Model):
    """One key; whoever took the last fence may use it until held_until.

    :param digest: of the key, so that the row names none
    :param nonce: the last one given out
    """

    digest = models.CharField(max_length=64, unique=True)
    fence = models.PositiveBigIntegerField(default=0)
    held_until = models.DateTimeField(null=True)
    nonce = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"turn {self.fence} of key {self.digest[:8]}"
