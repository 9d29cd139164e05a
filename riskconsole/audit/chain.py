"""The hash chain itself: pure functions, no Django."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Union

GENESIS = "0" * 64
PREFIX = "riskconsole/1\n"

Value = Union[str, int, None, "Mapping[str, Value]", "Sequence[Value]"]
Payload = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Everything of an entry that is hashed; payload is a JSON object."""

    sequence: int
    at: str
    actor: str
    address: str
    action: str
    subject: str
    portfolio: str
    payload: Payload
    previous_hash: str


def canonical(value: Value) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, UTF-8.

    :raises TypeError: for a float, a Decimal or anything else that JSON has no exact text for
    """
    _refuse_inexact(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_of(entry: Entry) -> str:
    """Return the SHA-256 that seals an entry to its place in the chain."""
    return hashlib.sha256((PREFIX + canonical(asdict(entry))).encode()).hexdigest()


def _refuse_inexact(value: object) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(f"Audit payload key {key!r} is not text")
            _refuse_inexact(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_inexact(inner)
    elif value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
        raise TypeError(f"Audit payload holds {value!r}, which is no text, integer or null")
