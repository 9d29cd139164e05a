"""Secrets in the database that must be read again: sealed with the master key, AES-256-GCM.

The purpose is the associated data, and names the row where each row has a secret of its own: what
was sealed for one row opens for no other.
"""

import hashlib
import secrets
from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from riskconsole.kernel.errors import RiskConsoleError

NONCE_BYTES = 12


class CannotOpen(RiskConsoleError):
    """What is sealed was changed, moved to another row, or sealed with another master key."""


@sensitive_variables()
def seal(text: str, *, purpose: str) -> str:
    """Return the text sealed with the master key; it opens for the same purpose only."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = _cipher(settings.MASTER_KEY).encrypt(nonce, text.encode(), purpose.encode())
    return b64encode(nonce + sealed).decode()


@sensitive_variables()
def unseal(sealed: str, *, purpose: str) -> str:
    """Return the text that was sealed, with the master key or with the one before it.

    :raises CannotOpen: if neither opens it
    """
    for master_key in filter(None, (settings.MASTER_KEY, settings.OLD_MASTER_KEY)):
        opened = _opened(sealed, purpose=purpose, master_key=master_key)
        if opened is not None:
            return opened
    raise CannotOpen(f"The {purpose} cannot be opened with this master key")


@sensitive_variables()
def reseal(sealed: str, *, purpose: str) -> str:
    """Return what is sealed with the master key as it is, anything older sealed anew.

    :raises CannotOpen: if no master key opens it
    """
    if _opened(sealed, purpose=purpose, master_key=settings.MASTER_KEY) is not None:
        return sealed
    return seal(unseal(sealed, purpose=purpose), purpose=purpose)


def _opened(sealed: str, *, purpose: str, master_key: str) -> str | None:
    try:
        data = b64decode(sealed, validate=True)
        nonce, text = data[:NONCE_BYTES], data[NONCE_BYTES:]
        return _cipher(master_key).decrypt(nonce, text, purpose.encode()).decode()
    except (InvalidTag, ValueError):
        return None


def _cipher(master_key: str) -> AESGCM:
    return AESGCM(hashlib.sha256(master_key.encode()).digest())
