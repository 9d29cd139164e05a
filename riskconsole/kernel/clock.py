"""Times as text, and a wall clock that notices when it is moved."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

JUMP = timedelta(seconds=2)


def time_text(at: datetime) -> str:
    """Return ISO 8601 UTC with Z; a fraction only where there is one."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def time_from(text: str) -> datetime:
    """Return the UTC time that an ISO 8601 text with an offset or Z states.

    :raises ValueError: for any other text, and for a time without an offset
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return at.astimezone(UTC)


@dataclass(slots=True, kw_only=True)
class JumpWatch:
    """Tells a wall clock that was moved from one that ran.

    :param monotonic: seconds that no one can set
    """

    monotonic: Callable[[], float]
    _last: tuple[datetime, float] | None = None

    def has_jumped(self, now: datetime) -> bool:
        """Return whether the wall moved over 2 s more or less than the monotonic clock did."""
        ticks = self.monotonic()
        previous, self._last = self._last, (now, ticks)
        if previous is None:
            return False
        ran = timedelta(seconds=ticks - previous[1])
        return abs((now - previous[0]) - ran) > JUMP
