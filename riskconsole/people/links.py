"""One-time secrets: shown once, and only their SHA-256 is stored."""

import hashlib
import secrets
from datetime import timedelta

LINK_LIFETIME = timedelta(hours=24)


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
