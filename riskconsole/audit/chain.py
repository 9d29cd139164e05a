"""The hash chain itself: pure functions, no Django."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Union

GENESIS = "0" * 64
PREFIX = "riskconsole/1\n"

Value = Union[str, int, None, "Mapping[str, Value]", "Sequence[Value]"]
Payload = Mapping[str, Value]

encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class Row(NamedTuple):
    """An entry as it is stored; at and payload are the very text that was hashed."""

    sequence: int
    at: str
    actor: str
    address: str
    action: str
    subject: str
    portfolio: str
    payload: str
    previous_hash: str
    hash: str = ""


def canonical(value: Value) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, UTF-8.

    :raises TypeError: for a float, a Decimal or anything else that JSON has no exact text for
    """
    _refuse_inexact(value)
    return encode(value)


def content_text(row: Row) -> str:
    """Return the text that is hashed: the stored payload is taken as it is, byte for byte.

    :raises TypeError: if a column holds bytes
    """
    before = encode(
        {"action": row.action, "actor": row.actor, "address": row.address, "at": row.at}
    )
    behind = encode(
        {
            "portfolio": row.portfolio,
            "previous_hash": row.previous_hash,
            "sequence": row.sequence,
            "subject": row.subject,
        }
    )
    return f'{before[:-1]},"payload":{row.payload},{behind[1:]}'


def hash_of(row: Row) -> str:
    """Return the SHA-256 that seals an entry to its place in the chain.

    :raises TypeError: if a column holds bytes
    """
    return hashlib.sha256((PREFIX + content_text(row)).encode()).hexdigest()


def _refuse_inexact(value: object) -> None:
    kind = type(value)
    if value is None or kind is str or kind is int:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(f"Audit payload key {key!r} is not text")
            _refuse_inexact(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_inexact(inner)
    elif isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"Audit payload holds {value!r}, which is no text, integer or null")
