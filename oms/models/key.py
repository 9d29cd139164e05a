"""The keys of venue accounts, sealed."""

from django.db import models
from django.db.models import Q

from oms.domain.credentials import HINT_LENGTH, KeyPurpose
from oms.models.constraints import known
from portfolio.models import VenueAccount
from riskconsole.kernel.numbers import choices_of


class VenueKey(models.Model):
    """One key of an account; it is opened only to sign a call to the venue.

    What the venue told about it at probed_at stands in the columns before that; null is what it
    does not tell. venue_account_id is whose key it is there. Until released_until one person may
    remove or swap it, since released_by, an approved request, says so.
    """

    account = models.ForeignKey(VenueAccount, models.PROTECT, related_name="keys")
    purpose = models.CharField(max_length=9, choices=choices_of(KeyPurpose))
    sealed = models.TextField(editable=False)
    key_hint = models.CharField(max_length=HINT_LENGTH)
    set_at = models.DateTimeField()
    set_by = models.CharField(max_length=160)
    venue_account_id = models.CharField(max_length=128, blank=True)
    may_withdraw = models.BooleanField(null=True)
    may_trade = models.BooleanField(null=True)
    has_address_list = models.BooleanField(null=True)
    expires_at = models.DateTimeField(null=True)
    probed_at = models.DateTimeField(null=True)
    released_until = models.DateTimeField(null=True)
    released_by = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "purpose"], name="venue_key_unique"),
            known("purpose", KeyPurpose, "venue_key_purpose_known"),
            models.CheckConstraint(condition=~Q(sealed=""), name="venue_key_is_sealed"),
            models.CheckConstraint(
                condition=Q(probed_at__isnull=False)
                | Q(
                    venue_account_id="",
                    may_withdraw__isnull=True,
                    may_trade__isnull=True,
                    has_address_list__isnull=True,
                    expires_at__isnull=True,
                ),
                name="venue_key_facts_were_probed",
            ),
            models.CheckConstraint(
                condition=Q(released_until__isnull=True, released_by="")
                | (Q(released_until__isnull=False) & ~Q(released_by="")),
                name="venue_key_release_has_request",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} key ...{self.key_hint}"
