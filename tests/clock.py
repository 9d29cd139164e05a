"""The time at which tests play."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)
