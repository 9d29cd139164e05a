"""A switch that takes every order off the book unless it is armed again in time."""

import asyncio
from datetime import datetime, timedelta

from tests.emulators.book import Book


class DeadManSwitch:
    """Armed and fired on the loop of the emulated venue.

    :ivar fires_at: None while it is disarmed
    """

    def __init__(self, book: Book) -> None:
        self.fires_at: datetime | None = None
        self._book = book
        self._timer: asyncio.TimerHandle | None = None

    def arm(self, seconds: int, *, at: datetime) -> None:
        """Start the countdown again; 0 disarms."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.fire) if seconds else None
        self.fires_at = at + timedelta(seconds=seconds) if seconds else None

    def fire(self) -> None:
        """Cancel everything; the switch is disarmed from then on."""
        self._book.cancel()
        self._timer = self.fires_at = None
