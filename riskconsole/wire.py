"""How JSON and TOML from outside become exact values, and how what is wrong is said.

No float ever exists on the way.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from riskconsole.kernel.clock import time_from
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import NotANumber, decimal_from, positive_from

MOST_TOLD = 3
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "number"}]}
_PLAIN_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "string_type": "is not text",
    "string_unicode": "is not text",
    "bool_type": "is not true or false",
    "list_type": "is not a list",
    "dict_type": "is not an object",
    "model_type": "is not an object",
}


@dataclass(frozen=True, slots=True)
class NumberText:
    """A number as it was written; no field but a number's takes it, so 5 is never a name."""

    text: str


class GivenTwice:
    """Stands where an object holds a key twice, and is a valid value of nothing."""


class WrongFields(RiskConsoleError):
    """Values from outside are wrong; fields says what is wrong by dotted place."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        told = [f"{place}: {what}" for place, what in fields.items()]
        more = [f"and {len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
        super().__init__("; ".join(told[:MOST_TOLD] + more))
        self.fields = dict(fields)


class ErrorFacts(TypedDict):
    """What went wrong; fields names each wrong value by its place: balances.USDT."""

    code: str
    message: str
    fields: dict[str, str]


class Failure(TypedDict):
    error: ErrorFacts


FAILURES = frozenset({400, 401, 403, 404, 405, 409, 413, 422, 429, 503})


class WireModel(BaseModel):
    """An object from outside: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def answers(success: Any) -> dict[Any, Any]:  # noqa: ANN401
    """Return what a call answers with, as the description of the API shows it."""
    return {200: success, FAILURES: Failure}


def read_json(body: bytes) -> Any:  # noqa: ANN401
    """Return the parsed JSON, its numbers as NumberText, NaN and Infinity too.

    :raises ValueError: for anything but JSON in UTF-8
    :raises RecursionError: for JSON nested too deep
    """
    return json.loads(
        body.decode(),
        parse_float=NumberText,
        parse_int=NumberText,
        parse_constant=NumberText,
        object_pairs_hook=_object_of,
    )


def field_errors(errors: Sequence[ErrorDetails], *, skip: int = 0) -> dict[str, str]:
    """Return what is wrong by dotted place: {"balances.USDT": "'1,234' is not ..."}.

    :param skip: leading parts of each place that the sender does not know
    """
    return {
        ".".join(str(part) for part in error["loc"][skip:]) or "body": sentence_of(error)
        for error in errors
    }


def sentence_of(error: ErrorDetails) -> str:
    """Return what is wrong with one value, in plain words."""
    if isinstance(error["input"], GivenTwice):
        return "is given twice"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return _PLAIN_WORDS.get(error["type"]) or error["msg"]


def _object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        found[key] = GivenTwice() if key in found else value
    return found


def exact_number(value: object) -> Decimal:
    """Return the number that came as text or as a number of its format.

    :raises ValueError: for anything else
    """
    return _as_value_error(decimal_from, value)


def _positive_number(value: object) -> Decimal:
    return _as_value_error(positive_from, value)


def _as_value_error(read: Callable[[str | int], Decimal], value: object) -> Decimal:
    text = value.text if isinstance(value, NumberText) else value
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise ValueError("is not a number")  # noqa: TRY004 - what pydantic collects
    try:
        return read(text)
    except NotANumber as error:
        raise ValueError(str(error)) from error


def _moment(value: object) -> datetime:
    try:
        at = time_from(value if isinstance(value, str) else "")
    except (ValueError, OverflowError) as error:
        raise ValueError("is not an ISO 8601 time with an offset or Z") from error
    if at < EARLIEST:
        raise ValueError("is before 1970")
    return at


def _printable(value: str) -> str:
    if not value or not value.isprintable() or " " in value:
        raise ValueError("is empty or has spaces or unprintable characters")
    return value


Number = Annotated[Decimal, BeforeValidator(exact_number), WithJsonSchema(_NUMBER_SCHEMA)]
PositiveNumber = Annotated[
    Decimal, BeforeValidator(_positive_number), WithJsonSchema(_NUMBER_SCHEMA)
]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Word = Annotated[str, AfterValidator(_printable)]
