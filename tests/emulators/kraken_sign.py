"""How Kraken's spot market knows who asks."""

import base64
import binascii
import hashlib
import hmac

from tests.emulators.wire import Key, Request


def signature(key: Key, request: Request, nonce: str) -> bytes:
    digest = hashlib.sha256((nonce + request.body).encode()).digest()
    secret = base64.b64decode(key.credentials.secret)
    return hmac.new(secret, request.path.encode() + digest, hashlib.sha512).digest()


def claimed_signature(request: Request) -> bytes:
    try:
        return base64.b64decode(request.headers.get("API-Sign", ""), validate=True)
    except binascii.Error:
        return b""
