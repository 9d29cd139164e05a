"""Side by side: one thread per account, so that one that hangs holds up no other."""

from collections.abc import Callable, Iterable
from datetime import datetime
from threading import Thread

from django.db import connection


def start_threads(
    work: Callable[[int, datetime], object], ids: Iterable[int], *, now: datetime
) -> list[Thread]:
    """Start one thread per id and return them; the caller need not wait."""
    threads = [Thread(target=_run, args=(work, pk, now), daemon=True) for pk in ids]
    for thread in threads:
        thread.start()
    return threads


def _run(work: Callable[[int, datetime], object], pk: int, now: datetime) -> None:
    try:
        work(pk, now)
    finally:
        connection.close()
