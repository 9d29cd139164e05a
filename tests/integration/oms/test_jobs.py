"""Jobs side by side, in threads that stay with their connections open."""

from collections.abc import Callable
from datetime import datetime
from threading import Event, current_thread, get_ident

import pytest
from django.db import connection

from oms.services import jobs
from oms.services.jobs import WAITING_AT_MOST, Job, start_jobs
from tests.integration.oms.desk import NOON

pytestmark = pytest.mark.usefixtures("flushable_db")


def run_all(work: Callable[[int, datetime], object], *, count: int) -> None:
    for job in start_jobs(work, range(count), now=NOON):
        job.join(timeout=20)


def test_a_thread_that_is_done_takes_the_next_job_with_its_connection() -> None:
    seen: list[tuple[int, object]] = []

    def look(_number: int, _now: datetime) -> None:
        connection.ensure_connection()
        seen.append((get_ident(), connection.connection))

    for _ in range(3):
        run_all(look, count=1)

    assert seen[0] == seen[1] == seen[2]


def test_more_jobs_than_threads_that_wait_all_run_at_once() -> None:
    count = 2 * WAITING_AT_MOST
    may_end = Event()
    begun = [Event() for _ in range(count)]

    def wait(number: int, _now: datetime) -> None:
        begun[number].set()
        may_end.wait(timeout=20)

    started = start_jobs(wait, range(count), now=NOON)
    have_begun = [event.wait(timeout=20) for event in begun]
    may_end.set()
    for job in started:
        job.join(timeout=20)

    assert all(have_begun)
    assert len(jobs.crew._waiting) == WAITING_AT_MOST


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_job_that_fails_is_done_and_takes_its_thread_with_it() -> None:
    failed = []

    def fail() -> None:
        failed.append(current_thread())
        raise ValueError("no")

    job = Job(fail)
    jobs.crew.start(job)
    job.join(timeout=20)
    failed[0].join(timeout=20)

    assert (job.is_alive(), failed[0].is_alive()) == (False, False)
    assert jobs.crew._waiting == []
