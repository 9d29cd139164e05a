"""How Kraken's spot market is asked, and how it knows who asks."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from tests.emulators.faults import Verb
from tests.emulators.wire import Key, Request, Route

Handler = Callable[[Request], object]


def signature(key: Key, request: Request, nonce: str) -> bytes:
    digest = hashlib.sha256((nonce + request.body).encode()).digest()
    secret = base64.b64decode(key.credentials.secret)
    return hmac.new(secret, request.path.encode() + digest, hashlib.sha512).digest()


def claimed_signature(request: Request) -> bytes:
    try:
        return base64.b64decode(request.headers.get("API-Sign", ""), validate=True)
    except binascii.Error:
        return b""


def public(name: str, verb: Verb, handle: Handler) -> Route:
    return Route(method="GET", path=f"/0/public/{name}", verb=verb, handle=handle)


def private(name: str, verb: Verb, handle: Handler, *, is_trading: bool = False) -> Route:
    return Route(
        method="POST",
        path=f"/0/private/{name}",
        verb=verb,
        handle=handle,
        is_private=True,
        is_trading=is_trading,
    )


def result(body: object) -> dict[str, object]:
    return {"error": [], "result": body}


def parameters(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = (
        json.loads(request.body) if request.body.startswith("{") else request.form
    )
    return body
