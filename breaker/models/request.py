"""What somebody asked for and who decided; the database demands a second person."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import GreaterThanOrEqual

from breaker.domain.approval import SHORTEST_REASON, RequestKind, RequestStatus, Verdict
from breaker.models.trip import Trip
from portfolio.models import Portfolio
from riskconsole.kernel.numbers import choices_of


class ChangeRequest(models.Model):
    """One change that loosens, waiting for a second person.

    payload is canonical JSON and payload_hash its SHA-256; version is the breaker's that it was
    made for. A request without a portfolio concerns the site. is_solo lets the requester approve
    alone, after a wait.
    """

    kind = models.CharField(max_length=13, choices=choices_of(RequestKind))
    status = models.CharField(
        max_length=9, choices=choices_of(RequestStatus), default=RequestStatus.OPEN.value
    )
    portfolio = models.ForeignKey(
        Portfolio, models.PROTECT, null=True, related_name="change_requests"
    )
    trip = models.ForeignKey(Trip, models.PROTECT, null=True, related_name="reset_requests")
    version = models.PositiveBigIntegerField(null=True)
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    reason = models.TextField()
    payload = models.TextField()
    payload_hash = models.CharField(max_length=64)
    quorum = models.PositiveSmallIntegerField(default=1)
    is_solo = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in RequestKind]),
                name="request_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in RequestStatus]),
                name="request_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status=RequestStatus.OPEN, closed_at__isnull=True)
                | (~Q(status=RequestStatus.OPEN) & Q(closed_at__isnull=False)),
                name="request_closed_has_time",
            ),
            models.CheckConstraint(
                condition=(Q(kind=RequestKind.RESET) & Q(trip__isnull=False))
                | (~Q(kind=RequestKind.RESET) & Q(trip__isnull=True)),
                name="request_reset_has_trip",
            ),
            models.CheckConstraint(
                condition=Q(portfolio__isnull=True, version__isnull=True)
                | Q(portfolio__isnull=False, version__isnull=False),
                name="request_of_portfolio_has_version",
            ),
            models.CheckConstraint(condition=Q(quorum__gte=1), name="request_quorum_positive"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="request_expires_later"
            ),
            models.CheckConstraint(
                condition=GreaterThanOrEqual(Length("reason"), SHORTEST_REASON),
                name="request_reason_long_enough",
            ),
            models.UniqueConstraint(
                fields=["trip"],
                condition=Q(status=RequestStatus.OPEN),
                name="request_one_open_reset",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                name="request_open",
                condition=Q(status=RequestStatus.OPEN),
            )
        ]

    def __str__(self) -> str:
        return f"request {self.pk} {self.kind} {self.status}"


class Vote(models.Model):
    """One person's decision on a request; requester is repeated so that the row itself refuses.

    exceptions are the accounts that an approver accepts although they are not confirmed empty.
    """

    request = models.ForeignKey(ChangeRequest, models.PROTECT, related_name="votes")
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=8, choices=choices_of(Verdict))
    note = models.TextField()
    exceptions = models.JSONField(default=list)
    payload_hash = models.CharField(max_length=64)
    is_solo = models.BooleanField(default=False)
    proof_method = models.CharField(max_length=16, blank=True)
    proof_credential = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "approver"], name="vote_once"),
            models.CheckConstraint(
                condition=Q(verdict__in=[verdict.value for verdict in Verdict]),
                name="vote_verdict_known",
            ),
            models.CheckConstraint(
                condition=~Q(approver=F("requester")) | Q(is_solo=True),
                name="vote_second_person",
            ),
            models.CheckConstraint(
                condition=~Q(verdict=Verdict.APPROVED) | ~Q(proof_method=""),
                name="vote_approval_has_proof",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.approver_id} {self.verdict} {self.request_id}"
