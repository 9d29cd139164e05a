"""Read keys from the text that people hand over; what is wrong is said without a word of it.

The error of a parser holds the whole text, so ours is raised only when that one is gone.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from django.views.decorators.debug import sensitive_variables

from oms.domain.credentials import Credentials, KeyPurpose
from riskconsole.kernel.errors import RiskConsoleError

SHORTEST_KEY = 8
_FIELDS = frozenset({"key", "secret", "passphrase"})
_AT_LINE = re.compile(r"at line (\d+)")

Table = Mapping[str, Any]


class BadKeyText(RiskConsoleError):
    """A text holds no key.

    :param place: the key of the text that is wrong, or the table around it
    :param line: where, if the text is not even well-formed
    """

    def __init__(self, what: str, *, place: tuple[str, ...] = (), line: int | None = None) -> None:
        parts = (f"line {line}:" if line else "", ".".join(place), what)
        super().__init__(" ".join(part for part in parts if part))
        self.place = place
        self.line = line


@sensitive_variables()
def text_of(raw: bytes) -> str:
    """Return the text of a file or of standard input.

    :raises BadKeyText: if it is not UTF-8
    """
    text = None
    with suppress(UnicodeDecodeError):
        text = raw.decode("utf-8-sig")
    if text is None:
        raise BadKeyText("is not UTF-8")
    return text


@sensitive_variables()
def read_credentials(text: str) -> Credentials:
    """Return the key in a JSON object or TOML text with key, secret and perhaps passphrase.

    :raises BadKeyText: naming the key that is wrong
    """
    is_json = text.lstrip().startswith("{")
    return _credentials(_parsed(text, json.loads if is_json else tomllib.loads), place=())


@sensitive_variables()
def read_key_file(text: str) -> Mapping[KeyPurpose, Credentials]:
    """Return the keys in a TOML text with the tables read and emergency, one of them or both.

    :raises BadKeyText: naming the key that is wrong
    """
    table = _parsed(text, tomllib.loads)
    purposes = {purpose.lower(): purpose for purpose in KeyPurpose}
    if not table or table.keys() - purposes.keys():
        raise BadKeyText("holds something else than the tables read and emergency")
    return {purposes[name]: _credentials(inner, place=(name,)) for name, inner in table.items()}


def _parsed(text: str, parse: Callable[[str], object]) -> Table:
    line = None
    found: object = None
    try:
        found = parse(text)
    except (ValueError, RecursionError) as error:
        line = _line_of(error, text)
    if not isinstance(found, dict):
        raise BadKeyText("is not well-formed", line=line)
    return found


def _line_of(error: Exception, text: str) -> int:
    if isinstance(error, json.JSONDecodeError):
        return error.lineno
    named = _AT_LINE.search(str(error))
    return int(named[1]) if named else max(1, len(text.splitlines()))


def _credentials(table: object, *, place: tuple[str, ...]) -> Credentials:
    if not isinstance(table, dict):
        raise BadKeyText("is not a table", place=place)
    if table.keys() - _FIELDS:
        raise BadKeyText("holds something else than key, secret and passphrase", place=place)
    key = _text(table, "key", place=place)
    if len(key) < SHORTEST_KEY or not key.isprintable() or " " in key:
        what = f"is shorter than {SHORTEST_KEY} characters, or has spaces or unprintable ones"
        raise BadKeyText(what, place=(*place, "key"))
    return Credentials(
        key=key,
        secret=_text(table, "secret", place=place),
        passphrase=_text(table, "passphrase", place=place, default=""),
    )


def _text(table: Table, name: str, *, place: tuple[str, ...], default: str | None = None) -> str:
    value = table.get(name, default)
    if value is None:
        raise BadKeyText("is missing", place=(*place, name))
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise BadKeyText("is empty or not text", place=(*place, name))
    return value
