"""What an entry may hold, and its one text; how it is hashed says verify_export. Pure."""

from collections.abc import Mapping, Sequence
from typing import Union

from riskconsole.audit.verify_export import encode

Value = Union[str, int, None, "Mapping[str, Value]", "Sequence[Value]"]
Payload = Mapping[str, Value]


def canonical(value: Value) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, UTF-8.

    :raises TypeError: for a float, a Decimal or anything else that JSON has no exact text for
    """
    _refuse_inexact(value)
    return encode(value)


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
