"""The limits of the file, the breaker's column of each, and which way each one loosens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from breaker.services.desired.document import HUNDRED
from riskconsole.kernel.numbers import EXACT, plain_text

LimitValue = Decimal | timedelta | bool
FOR_EVER = timedelta.max


def _is_higher(before: Any, after: Any) -> bool:  # noqa: ANN401
    return bool(after > before)


def _is_lower(before: Any, after: Any) -> bool:  # noqa: ANN401
    return bool(after < before)


def _is_other(_before: LimitValue, _after: LimitValue) -> bool:
    return True


def _is_longer_or_never(before: timedelta, after: timedelta) -> bool:
    return (after or FOR_EVER) > (before or FOR_EVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitField:
    """One limit.

    :param loosens: tells of two different values whether going from one to the other loosens
    """

    key: str
    column: str
    loosens: Callable[[Any, Any], bool]


LIMIT_FIELDS = (
    LimitField(key="warning", column="warning_ratio", loosens=_is_higher),
    LimitField(key="trip", column="trip_ratio", loosens=_is_higher),
    LimitField(key="hysteresis", column="hysteresis_ratio", loosens=_is_lower),
    LimitField(key="warning_dwell", column="warning_dwell", loosens=_is_lower),
    LimitField(key="max_mark_age", column="max_mark_age", loosens=_is_higher),
    LimitField(key="max_snapshot_age", column="max_snapshot_age", loosens=_is_higher),
    LimitField(key="blind_trip_after", column="blind_trip_after", loosens=_is_longer_or_never),
    LimitField(key="cooldown", column="cooldown", loosens=_is_lower),
    LimitField(key="lifetime_floor", column="floor_ratio", loosens=_is_higher),
    LimitField(key="close_positions", column="close_positions", loosens=_is_other),
    LimitField(key="keep_reduce_only", column="keep_reduce_only", loosens=_is_other),
)
FIELD_BY_KEY = {field.key: field for field in LIMIT_FIELDS}


def limit_text(value: LimitValue) -> str:
    """Return a limit as a person reads it: 3 %, 10 s, yes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return f"{plain_text(_seconds(value))} s"
    return f"{plain_text(EXACT.multiply(value, HUNDRED))} %"


def _seconds(value: timedelta) -> Decimal:
    return EXACT.divide(Decimal(value // timedelta(microseconds=1)), Decimal(1_000_000))
