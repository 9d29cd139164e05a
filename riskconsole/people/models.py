"""Who signs in, which machine may call, and the one-time link of the first admin."""

from enum import StrEnum

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q

from riskconsole.kernel.numbers import choices_of


class SiteRole(StrEnum):
    AUDITOR = "AUDITOR"
    ADMIN = "ADMIN"


class Theme(StrEnum):
    SYSTEM = "SYSTEM"
    DARK = "DARK"
    LIGHT = "LIGHT"


class Scope(StrEnum):
    READ = "read"
    FEED = "feed"
    GATE = "gate"
    HALT = "halt"


class User(AbstractUser):
    """Somebody who signs in; totp_step is the last step of 30 s whose code was taken."""

    site_role = models.CharField(max_length=8, choices=choices_of(SiteRole), blank=True)
    theme = models.CharField(max_length=6, choices=choices_of(Theme), default=Theme.SYSTEM.value)
    totp_step = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(site_role__in=["", *(role.value for role in SiteRole)]),
                name="user_site_role_known",
            )
        ]


class ApiToken(models.Model):
    """A bearer token; only its SHA-256 is stored. An empty list of portfolios means all."""

    name = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField()
    portfolios = models.JSONField(default=list)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name

    @property
    def actor(self) -> str:
        """Who the log says acted when this token did."""
        return f"token:{self.name}"

    @property
    def is_limited(self) -> bool:
        return bool(self.portfolios)

    def may_see(self, portfolio_slug: str) -> bool:
        return not self.portfolios or portfolio_slug in self.portfolios


class FirstAdminLink(models.Model):
    """The one-time link by which the first admin signs up; only its SHA-256 is stored."""

    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"first admin link of {self.created_at}"


class Invitation(models.Model):
    """A one-time link by which somebody new sets a password; only its SHA-256 is stored.

    memberships holds pairs of a portfolio's slug and a role. approval names the approved request
    where one admin alone may not give such a role.
    """

    digest = models.CharField(max_length=64, unique=True)
    username = models.CharField(max_length=150)
    email = models.EmailField()
    site_role = models.CharField(max_length=8, choices=choices_of(SiteRole), blank=True)
    memberships = models.JSONField(default=list)
    invited_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    approval = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"invitation of {self.username}"


class PasswordLink(models.Model):
    """A one-time link by which somebody sets a new password; only its SHA-256 is stored."""

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"password link of {self.user_id}"


class SignInFailure(models.Model):
    """One refused sign-in of the last minutes; an unknown name is kept as no name.

    What was typed as a name may be a password, so it is stored only if it is a name.
    """

    username = models.CharField(max_length=150, blank=True)
    address = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["address", "at"], name="sign_in_failure_address")]

    def __str__(self) -> str:
        return f"{self.username} from {self.address} at {self.at}"


class UsedProof(models.Model):
    """A proof by second factor that one action has used up; key is its SHA-256."""

    key = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"proof of {self.at}"
