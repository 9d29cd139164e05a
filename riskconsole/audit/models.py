"""The log: entries that are only ever added, and the one row that says where it ends."""

from typing import Any, NoReturn

from django.db import models

from riskconsole.audit.chain import GENESIS
from riskconsole.kernel.errors import RiskConsoleError


class AuditIsAppendOnly(RiskConsoleError):
    """Somebody tried to change or remove an audit entry."""


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
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

    objects = models.Manager.from_queryset(AuditEntryQuerySet)()

    class Meta:
        indexes = [
            models.Index(fields=["portfolio", "-sequence"], name="audit_portfolio"),
            models.Index(fields=["action", "-sequence"], name="audit_action"),
            models.Index(fields=["subject", "-sequence"], name="audit_subject"),
        ]

    def __str__(self) -> str:
        return f"#{self.sequence} {self.action} {self.subject}"

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:  # noqa: ANN401
        raise AuditIsAppendOnly


class AuditHead(models.Model):
    """One row, locked while an entry is added, so that the chain never forks."""

    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="audit_one_head")]

    def __str__(self) -> str:
        return f"head #{self.sequence}"
