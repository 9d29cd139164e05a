"""Side by side: one thread per account, so that one that hangs holds up no other.

A thread that is done waits for the next job with its database connection open; a job that finds
nobody waiting gets a new thread. No job ever stands in a line.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import TypeVar

from django.db import close_old_connections, connection

Item = TypeVar("Item")

# More than most desks have accounts; what a crowd leaves behind goes home.
WAITING_AT_MOST = 8


class Job:
    """Work that was handed to a thread."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work
        self.done = Event()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the work is done or has failed."""
        self.done.wait(timeout)

    def is_alive(self) -> bool:
        return not self.done.is_set()


class Hand(Thread):
    """One thread of the crew; it takes jobs from an inbox of its own until it finds None."""

    def __init__(self, crew: "Crew") -> None:
        super().__init__(daemon=True)
        self.inbox: SimpleQueue[Job | None] = SimpleQueue()
        self._crew = crew

    def run(self) -> None:
        try:
            while (job := self.inbox.get()) and self._is_kept_after(job):
                pass
        finally:
            connection.close()

    def _is_kept_after(self, job: Job) -> bool:
        """Do a job; one that raises ends the thread, as it would have ended one of its own."""
        try:
            close_old_connections()
            job.work()
            close_old_connections()
            return self._crew.takes_back(self)
        finally:
            job.done.set()


class Crew:
    """The threads of this process that wait for jobs."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: list[Hand] = []

    def start(self, job: Job) -> None:
        """Hand a job to a thread that waits, else to a new one."""
        with self._lock:
            hand = self._waiting.pop() if self._waiting else None
        if hand is None:
            hand = Hand(self)
            hand.start()
        hand.inbox.put(job)

    def takes_back(self, hand: Hand) -> bool:
        """Let a thread wait for the next job, unless enough of them do."""
        with self._lock:
            is_wanted = len(self._waiting) < WAITING_AT_MOST
            if is_wanted:
                self._waiting.append(hand)
        return is_wanted

    def dismiss(self) -> None:
        """End every thread that waits; return when their connections are closed."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for hand in waiting:
            hand.inbox.put(None)
        for hand in waiting:
            hand.join()


crew = Crew()


def start_jobs(
    work: Callable[[Item, datetime], object], items: Iterable[Item], *, now: datetime
) -> list[Job]:
    """Start one job per item and return them; the caller need not wait."""
    jobs = [Job(partial(work, item, now)) for item in items]
    for job in jobs:
        crew.start(job)
    return jobs
