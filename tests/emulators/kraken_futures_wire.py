"""How Kraken Futures is asked, and how it knows who asks."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable

from tests.emulators.faults import Verb
from tests.emulators.wire import Key, Request, Route

Handler = Callable[[Request], object]

ROOT = "/derivatives/api/v3"


def get(name: str, verb: Verb, handle: Handler) -> Route:
    return Route(method="GET", path=f"{ROOT}/{name}", verb=verb, handle=handle)


def private(method: str, name: str, verb: Verb, handle: Handler) -> Route:
    return Route(method=method, path=f"{ROOT}/{name}", verb=verb, handle=handle, is_private=True)


def trading(name: str, verb: Verb, handle: Handler) -> Route:
    return Route(
        method="POST",
        path=f"{ROOT}/{name}",
        verb=verb,
        handle=handle,
        is_private=True,
        is_trading=True,
    )


def signature(key: Key, request: Request) -> bytes:
    nonce = request.headers.get("Nonce", "")
    text = request.query_text + request.body + nonce + request.path.removeprefix("/derivatives")
    digest = hashlib.sha256(text.encode()).digest()
    secret = base64.b64decode(key.credentials.secret)
    return hmac.new(secret, digest, hashlib.sha512).digest()


def claimed_signature(request: Request) -> bytes:
    try:
        return base64.b64decode(request.headers.get("Authent", ""), validate=True)
    except binascii.Error:
        return b""
