"""Codes and passkeys: every attempt is slowed and written down, every code good once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt
from django.core.exceptions import ValidationError
from django.utils import timezone

from riskconsole.addresses import address_of
from riskconsole.people import services
from riskconsole.people.adapters import SEALED_FOR, THROTTLED
from riskconsole.people.models import User
from riskconsole.people.selectors import is_sign_in_throttled
from riskconsole.sealing import CannotOpen, reseal

# Where allauth puts what its adapter sealed, in the data of an app and of recovery codes.
SEALED_VALUES = frozenset({"secret", "seed"})
SEALED_LISTS = frozenset({"migrated_codes"})


@contextmanager
def slowed(user: User | None, *, step: str) -> Iterator[None]:
    """Hold an attempt to prove who one is; a ValidationError inside is a failed one.

    :param user: None as long as only the passkey knows
    :param step: what was asked for, in the log's words
    :raises ValidationError: before anything is looked at, if the address failed too often
    """
    username, address = user.username if user else "", address_of(context.request)
    now = timezone.now()  # noqa: TID251 - a part of the view that asks
    if is_sign_in_throttled(username=username, address=address, now=now):
        raise get_adapter().validation_error(THROTTLED)
    try:
        yield
    except ValidationError:
        services.note_failed_sign_in(username=username, address=address, step=step, now=now)
        raise


def take_app_code(user: User, code: str) -> Authenticator | None:
    """Return the authenticator app that showed the code, and make the code worthless."""
    app = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()
    is_right = app is not None and app.wrap().validate_code(code)
    return app if is_right and _is_first_use(app, code) else None


def take_code(user: User, code: str) -> Authenticator | None:
    """Return what the code belongs to, the app or the recovery codes, and use it up."""
    app = take_app_code(user, code)
    if app is not None:
        return app
    kind = Authenticator.Type.RECOVERY_CODES
    spare = Authenticator.objects.filter(user=user, type=kind).first()
    return spare if spare is not None and spare.wrap().validate_code(code) else None


def app_code(app: Authenticator, step: int) -> str:
    """Return the code that the app shows during a step of 30 s."""
    return format_hotp_value(hotp_value(decrypt(app.data["secret"]), step))


def _is_first_use(app: Authenticator, code: str) -> bool:
    """Return whether neither this step nor a later one was taken before, by any process.

    allauth remembers used codes in its cache, 30 s and for one process only.
    """
    for step in yield_hotp_counters_from_time():
        if compare_user_code(actual=code, expected=app_code(app, step)):
            unused = User.objects.filter(pk=app.user_id, totp_step__lt=step)
            return unused.update(totp_step=step) == 1
    return False


def reseal_second_factors() -> int:
    """Seal anew what is not sealed with the master key; return how many rows that were.

    :raises CannotOpen: naming the owner of the first that no master key opens
    """
    count = 0
    for row in Authenticator.objects.select_for_update(of=("self",)).select_related("user"):
        data = _resealed(row)
        if data != row.data:
            count += Authenticator.objects.filter(pk=row.pk).update(data=data)
    return count


def _resealed(row: Authenticator) -> dict[str, Any]:
    """Return a row's data with all that allauth sealed in it sealed anew."""
    try:
        return {name: _resealed_value(name, value) for name, value in row.data.items()}
    except CannotOpen as error:
        raise CannotOpen(
            f"The second factor of {row.user.username} cannot be opened with these master keys"
        ) from error


def _resealed_value(name: str, value: Any) -> Any:  # noqa: ANN401
    if name in SEALED_VALUES:
        return reseal(value, purpose=SEALED_FOR)
    if name in SEALED_LISTS:
        return [reseal(code, purpose=SEALED_FOR) for code in value]
    return value
