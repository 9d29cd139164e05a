"""The log: entries that are only ever added, and the one row that says where it ends."""

from typing import Any, NoReturn, TypeVar

from django.db import models

from riskconsole.audit.verify_export import GENESIS
from riskconsole.kernel.errors import RiskConsoleError

_Model = TypeVar("_Model", bound=models.Model)


class AuditIsAppendOnly(RiskConsoleError):
    """Somebody tried to change or remove an audit entry or a checkpoint."""


class AppendOnlyQuerySet(models.QuerySet[_Model]):
    def update(self, **_changes: Any) -> NoReturn:  # noqa: ANN401
        raise AuditIsAppendOnly

    def delete(self) -> NoReturn:
        raise AuditIsAppendOnly


class AuditEntry(models.Model):
    """One entry; at and payload are kept as the very text that was hashed."""

    sequence = models.PositiveBigIntegerField(primary_key=True)
    at = models.CharField(max_length=32)
    actor = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=200)
    portfolio = models.CharField(max_length=50, blank=True)
    payload = models.TextField()
    previous_hash = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    objects = AppendOnlyQuerySet["AuditEntry"].as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["portfolio", "-sequence"], name="audit_portfolio"),
            models.Index(fields=["action", "-sequence"], name="audit_action"),
            models.Index(fields=["subject", "-sequence"], name="audit_subject"),
            models.Index(fields=["actor", "-sequence"], name="audit_actor"),
            models.Index(
                fields=["portfolio", "action", "-sequence"], name="audit_portfolio_action"
            ),
            models.Index(fields=["portfolio", "actor", "-sequence"], name="audit_portfolio_actor"),
            models.Index(fields=["actor", "action", "-sequence"], name="audit_actor_action"),
            models.Index(fields=["at", "sequence"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"#{self.sequence} {self.action} {self.subject}"

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:  # noqa: ANN401
        raise AuditIsAppendOnly


class AuditHead(models.Model):
    """One row, locked while an entry is added, so that the chain never forks.

    latest_at is the latest time of any entry, and lag_seconds the most that an entry's time was ever
    behind the latest before it: so little are the times out of the order of the entries.
    """

    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)
    latest_at = models.CharField(max_length=32, blank=True)
    lag_seconds = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="audit_one_head")]

    def __str__(self) -> str:
        return f"head #{self.sequence}"


class AuditCheckpoint(models.Model):
    """A signed statement of where the log ended; the columns are the very values that were signed."""

    size = models.PositiveBigIntegerField(primary_key=True)
    root = models.CharField(max_length=64)
    at = models.CharField(max_length=32)
    key_id = models.CharField(max_length=32)
    signature = models.CharField(max_length=128)

    objects = AppendOnlyQuerySet["AuditCheckpoint"].as_manager()

    def __str__(self) -> str:
        return f"checkpoint of {self.size} entries at {self.at}"

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:  # noqa: ANN401
        raise AuditIsAppendOnly


class AuditWitness(models.Model):
    """The furthest end of the log that somebody outside was told: an alert route, a watcher."""

    name = models.CharField(max_length=40, primary_key=True)
    size = models.PositiveBigIntegerField()
    root = models.CharField(max_length=64)
    told_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} knows {self.size} entries"


class AuditCheck(models.Model):
    """One check of the whole log: asked for, begun, and what it found.

    entries is how many are intact; broken_at is the first entry that is not, and reason says how.
    """

    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=200)
    began_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    entries = models.PositiveBigIntegerField(default=0)
    broken_at = models.PositiveBigIntegerField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["finished_at"], name="audit_check_finished")]

    def __str__(self) -> str:
        return f"check #{self.pk} asked at {self.asked_at}"
