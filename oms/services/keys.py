"""Keep the keys of venue accounts: sealed, written and never shown, opened only to sign a call."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from oms.domain.credentials import Credentials, KeyPurpose
from oms.models import VenueKey
from oms.venues.base import KeyPermissions
from portfolio.domain.holdings import VenueKind
from portfolio.models import VenueAccount
from riskconsole.audit.chain import Payload
from riskconsole.audit.services import SYSTEM, record
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.people.approval import NeedsApproval
from riskconsole.sealing import CannotOpen, reseal, seal, unseal

RELEASED_FOR = timedelta(hours=1)
FACTS = ("venue_account_id", "may_withdraw", "may_trade", "has_address_list", "expires_at")


class KeyRefused(RiskConsoleError):
    """A key cannot be kept, or is not there."""


@sensitive_variables()
def credentials_of(*, account_id: int, purpose: KeyPurpose) -> Credentials | None:
    """Return the account's key for this purpose; None if it has none.

    :raises CannotOpen: if the master key is not the one that sealed it
    """
    keys = VenueKey.objects.filter(account=account_id, purpose=purpose)
    sealed = keys.values_list("sealed", flat=True).first()
    if sealed is None:
        return None
    opened = unseal(sealed, purpose=sealed_for(account_id=account_id, purpose=purpose))
    return Credentials(**json.loads(opened))


def opens(key: VenueKey) -> bool:
    """Return whether the master key opens the key: one that it does not is of no use."""
    try:
        credentials_of(account_id=key.account_id, purpose=KeyPurpose(key.purpose))
    except CannotOpen:
        return False
    return True


def reseal_keys() -> int:
    """Seal anew what is not sealed with the master key; return how many keys that were.

    :raises CannotOpen: naming the first that no master key opens
    """
    count = 0
    for key in VenueKey.objects.select_for_update().order_by("pk"):
        purpose = sealed_for(account_id=key.account_id, purpose=key.purpose)
        sealed = reseal(key.sealed, purpose=purpose)
        if sealed != key.sealed:
            count += VenueKey.objects.filter(pk=key.pk).update(sealed=sealed)
    return count


def sealed_for(*, account_id: int, purpose: str) -> str:
    """Return what a key is sealed for: a row copied to another account or purpose does not open."""
    return f"{purpose} key of account {account_id}"


@sensitive_variables()
@transaction.atomic
def set_key(
    *,
    account_id: int,
    purpose: KeyPurpose,
    credentials: Credentials,
    actor: str,
    address: str,
    now: datetime,
    permissions: KeyPermissions | None = None,
) -> VenueKey:
    """Seal a key and keep it in the place of the one before, whose release ends with it.

    :param permissions: what the venue said about the key; None if it was not asked
    :raises KeyRefused: if the key can withdraw, is of another account, or the venue takes none
    :raises NeedsApproval: if it may be of another account than the one of an armed portfolio
    """
    account = _locked(account_id)
    _refuse_by_kind(account, purpose=purpose, permissions=permissions)
    keys = {key.purpose: key for key in account.keys.all()}
    before = keys.get(purpose)
    approval = _approval_of(before, now=now)
    for key in keys.values():
        if key is not before or not approval:
            _refuse_other_account(key, permissions)
    if before is not None and not _is_of_same_account(before, permissions):
        _refuse_alone(account, purpose, does="swapping", approval=approval)
    key, _is_new = VenueKey.objects.update_or_create(
        account=account,
        purpose=purpose,
        defaults={
            "sealed": _sealed(credentials, account_id=account_id, purpose=purpose),
            "key_hint": credentials.hint,
            "set_at": now,
            "set_by": actor,
            "released_until": None,
            "released_by": "",
            **_probed(permissions, now=now),
        },
    )
    replaced = {"replaces": before.key_hint} if before is not None else {}
    _record("oms.key.set", key, {**replaced, **approval}, actor, address, now)
    return key


@transaction.atomic
def remove_key(
    *, account_id: int, purpose: KeyPurpose, actor: str, address: str, now: datetime
) -> None:
    """Forget a key for good.

    :raises KeyRefused: if there is none
    :raises NeedsApproval: if the portfolio is armed: without it the console is blind or powerless
    """
    account = _locked(account_id)
    key = account.keys.filter(purpose=purpose).first()
    if key is None:
        raise KeyRefused(f"{_name_of(account)} has no {purpose} key")
    approval = _approval_of(key, now=now)
    _refuse_alone(account, purpose, does="removing", approval=approval)
    VenueKey.objects.filter(pk=key.pk).delete()
    _record("oms.key.removed", key, approval, actor, address, now)


@transaction.atomic
def note_permissions(
    *,
    account_id: int,
    purpose: KeyPurpose,
    key_hint: str,
    permissions: KeyPermissions,
    now: datetime,
) -> None:
    """Keep what the venue says about the key that is there; a change of it is told in the log.

    Whose key it is stays as it was first told: a swap is judged by it.

    :param key_hint: of the key that it was asked about; one that was set since stays as it is
    """
    keys = VenueKey.objects.select_for_update(of=("self",)).select_related("account__portfolio")
    key = keys.filter(account=account_id, purpose=purpose, key_hint=key_hint).first()
    if key is None:
        return
    said = _probed(permissions, now=now)
    said["venue_account_id"] = key.venue_account_id or said["venue_account_id"]
    changed = [name for name in FACTS if getattr(key, name) != said[name]]
    VenueKey.objects.filter(pk=key.pk).update(**said)
    if changed:
        _record("oms.key.probed", key, {"changed": changed}, SYSTEM, "", now)


def release_key(
    *,
    portfolio_id: int,
    account: str,
    purpose: KeyPurpose,
    key_hint: str,
    approval: str,
    now: datetime,
) -> datetime:
    """Let one person remove or swap a key for an hour; the caller's audit entry tells it.

    :param approval: the approved request, such as "request:7"
    :raises KeyRefused: if there is no such key any more
    """
    until = now + RELEASED_FOR
    keys = VenueKey.objects.filter(
        account__portfolio=portfolio_id,
        account__slug=account,
        account__removed_at=None,
        purpose=purpose,
        key_hint=key_hint,
    )
    if not keys.update(released_until=until, released_by=approval):
        raise KeyRefused(f"{account} has no {purpose} key ...{key_hint}")
    return until


def _locked(account_id: int) -> VenueAccount:
    accounts = VenueAccount.everything.select_for_update(of=("self",))
    return accounts.select_related("portfolio", "venue").get(pk=account_id)


def _refuse_by_kind(
    account: VenueAccount, *, purpose: KeyPurpose, permissions: KeyPermissions | None
) -> None:
    if account.venue.kind != VenueKind.EXCHANGE:
        raise KeyRefused(f"{_name_of(account)} is at {account.venue.slug}, which takes no key")
    if permissions is not None and permissions.may_withdraw:
        raise KeyRefused(
            f"This {purpose} key may withdraw: make one at {account.venue.slug} that may not"
        )


def _refuse_other_account(key: VenueKey, permissions: KeyPermissions | None) -> None:
    """Both keys of an account must be of one account at the venue."""
    there = permissions.account_id if permissions is not None else None
    if there and key.venue_account_id and there != key.venue_account_id:
        raise KeyRefused(
            f"This key is of account {there} at the venue, the {key.purpose} key of"
            f" {_name_of(key.account)} is of account {key.venue_account_id}"
        )


def _approval_of(key: VenueKey | None, *, now: datetime) -> Payload:
    """Return the approved request by which one person may remove or swap the key, if any."""
    if key is None or key.released_until is None or now >= key.released_until:
        return {}
    return {"approval": key.released_by}


def _is_of_same_account(before: VenueKey, permissions: KeyPermissions | None) -> bool:
    """Return whether the venue says so: what it does not tell may be another one."""
    there = permissions.account_id if permissions is not None else None
    return bool(there) and there == before.venue_account_id


def _refuse_alone(
    account: VenueAccount, purpose: KeyPurpose, *, does: str, approval: Payload
) -> None:
    guards = account.portfolio.armed_at is not None and account.removed_at is None
    if guards and not approval:
        raise NeedsApproval(
            f"{account.portfolio.slug} is armed: {does} the {purpose} key of {account.slug}"
            " takes a second person's approval"
        )


def _sealed(credentials: Credentials, *, account_id: int, purpose: KeyPurpose) -> str:
    clear = {
        "key": credentials.key,
        "secret": credentials.secret,
        "passphrase": credentials.passphrase,
    }
    return seal(json.dumps(clear), purpose=sealed_for(account_id=account_id, purpose=purpose))


def _probed(permissions: KeyPermissions | None, *, now: datetime) -> dict[str, Any]:
    """Return the columns of what the venue said; nothing of an earlier key stays."""
    return {
        "venue_account_id": (permissions.account_id or "") if permissions else "",
        "may_withdraw": permissions.may_withdraw if permissions else None,
        "may_trade": permissions.may_trade if permissions else None,
        "has_address_list": permissions.has_address_list if permissions else None,
        "expires_at": permissions.expires_at if permissions else None,
        "probed_at": now if permissions else None,
    }


def _name_of(account: VenueAccount) -> str:
    return f"{account.portfolio.slug}/{account.slug}"


def _record(
    action: str,
    key: VenueKey,
    facts: Payload,
    actor: str,
    address: str,
    now: datetime,
) -> None:
    slug = key.account.portfolio.slug
    payload = {"account": key.account.slug, "purpose": key.purpose, "key_hint": key.key_hint}
    record(
        action=action,
        subject=f"portfolio:{slug}",
        portfolio=slug,
        payload={**payload, **facts},
        now=now,
        actor=actor,
        address=address,
    )
