"""Ask a venue what a key may do: before it is sealed, and again every six hours."""

import logging
from datetime import datetime, timedelta

from django.db import Error
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from oms.domain.credentials import Credentials, KeyPurpose
from oms.models import VenueKey
from oms.services.keys import KeyRefused, note_permissions
from oms.venues.base import AuthFailed, KeyPermissions, Unsupported, VenueError
from oms.venues.registry import adapter_for, adapter_with
from portfolio.models import VenueAccount
from riskconsole.alerts.models import Level
from riskconsole.alerts.services import raise_alert
from riskconsole.kernel.errors import RiskConsoleError

logger = logging.getLogger(__name__)

PROBE_EVERY = timedelta(hours=6)


class NotTold(RiskConsoleError):
    """The venue did not tell what a key may do."""


@sensitive_variables()
def permissions_of(*, account: VenueAccount, credentials: Credentials) -> KeyPermissions:
    """Return what the venue tells of a key that is not kept yet.

    :raises KeyRefused: if the venue refuses the key
    :raises NotTold: if it could not be asked, or has no way to tell
    """
    try:
        return adapter_with(account, credentials).key_permissions()
    except AuthFailed as error:
        raise KeyRefused(f"{account.venue.slug} refuses this key: {error}") from error
    except Unsupported as error:
        raise NotTold(f"{account.venue.slug} does not tell what a key may do") from error
    except VenueError as error:
        raise NotTold(f"{account.venue.slug} could not be asked: {error}") from error


def accounts_due(*, now: datetime) -> list[int]:
    """Return the accounts with a key that was not asked about for six hours."""
    is_due = Q(probed_at__isnull=True) | ~Q(probed_at__range=(now - PROBE_EVERY, now))
    keys = VenueKey.objects.filter(is_due, account__removed_at=None)
    return list(keys.order_by("account").values_list("account", flat=True).distinct())


def probe_keys(account_id: int, now: datetime) -> None:
    """Ask about both keys of an account, or log why nothing is known anew."""
    for key in VenueKey.objects.filter(account=account_id).select_related("account__venue"):
        try:
            _probe(key, now=now)
        except (VenueError, Error) as error:
            logger.warning("Nothing new of the %s of account %s: %s", key, account_id, error)


def _probe(key: VenueKey, *, now: datetime) -> None:
    purpose = KeyPurpose(key.purpose)
    permissions = adapter_for(key.account, purpose=purpose).key_permissions()
    note_permissions(
        account_id=key.account_id,
        purpose=purpose,
        key_hint=key.key_hint,
        permissions=permissions,
        now=now,
    )
    if permissions.may_withdraw and not key.may_withdraw:
        _raise_alert(key, now=now)


def _raise_alert(key: VenueKey, *, now: datetime) -> None:
    account = key.account
    raise_alert(
        portfolio=account.portfolio.slug,
        cause=f"key:{key.pk}",
        level=Level.NEEDS_HUMAN,
        subject=f"The {key} of {account.portfolio.slug}/{account.slug} may withdraw",
        body=f"Take the right to withdraw away at {account.venue.slug}, or set another key.",
        now=now,
    )
