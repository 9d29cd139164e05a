"""Secrets in the database that must be read again: sealed with the master key, AES-256-GCM."""

import hashlib
import secrets
from base64 import b64decode, b64encode

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12


def seal(text: str, *, purpose: str) -> str:
    """Return the text sealed; it opens for the same purpose only."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = _cipher().encrypt(nonce, text.encode(), purpose.encode())
    return b64encode(nonce + sealed).decode()


def unseal(sealed: str, *, purpose: str) -> str:
    """Return the text that was sealed.

    :raises cryptography.exceptions.InvalidTag: if it was changed, or sealed with another key
    """
    data = b64decode(sealed)
    return _cipher().decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], purpose.encode()).decode()


def _cipher() -> AESGCM:
    return AESGCM(hashlib.sha256(settings.MASTER_KEY.encode()).digest())
