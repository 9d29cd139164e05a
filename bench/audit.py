"""A log of a million entries: how fast it is checked, and how fast a page of it is found.

The floor is SHA-256 alone over the bytes of a thousand entries, and a check is measured by the
thousand too: 20 ms are 50,000 entries a second. Lists are read on the engine that DATABASE_URL
names; the notes are its plans of one range of each list.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from itertools import islice, pairwise
from time import perf_counter_ns
from typing import TYPE_CHECKING

from bench.long_log import long_log
from bench.report import Report, path_of

if TYPE_CHECKING:
    from riskconsole.audit.paging import LogQuery
    from riskconsole.audit.verify_export import Row

THOUSAND, CHECKED = 1_000, 200_000
PAGE, READS, RECORDS = 51, 40, 300
_NS_PER_MS = 1_000_000


def run() -> Report:
    """Return one run: the log is long enough to be its own repetition."""
    with long_log():
        from riskconsole.audit.verification import stored_rows
        from riskconsole.audit.verify_export import rows_of

        rows = list(islice(stored_rows(), CHECKED))
        floor = path_of(_floor(rows))
        compare = partial(path_of, floor_ms=floor.p50_ms)
        paths = {
            "verify_log_1000": compare(_check(islice(stored_rows(), CHECKED))),
            "verify_export_1000": compare(_check(rows_of(_lines(rows)))),
            **{f"list_{name}": path_of(_list(query)) for name, query in _queries().items()},
            "record": path_of(_record()),
        }
        return Report(paths=paths, floor_ms=floor.p50_ms, notes=list(_plans()))


def _floor(rows: list["Row"]) -> list[float]:
    from riskconsole.audit.verify_export import PREFIX, content_text

    texts = [(PREFIX + content_text(row)).encode() for row in rows]
    parts = [texts[start : start + THOUSAND] for start in range(0, len(texts), THOUSAND)]
    return [_milliseconds(partial(_hash_all, part)) for part in parts]


def _hash_all(texts: Iterable[bytes]) -> None:
    for text in texts:
        sha256(text).hexdigest()


def _lines(rows: list["Row"]) -> list[bytes]:
    from riskconsole.audit.export import line_of

    return [line_of(row) for row in rows]


def _check(rows: Iterable["Row | None"]) -> list[float]:
    """Return the milliseconds that each thousand of entries took, from its reading on."""
    from riskconsole.audit.verify_export import verify

    times: list[int] = []

    def watched() -> Iterator["Row | None"]:
        for place, row in enumerate(rows):
            if place % THOUSAND == 0:
                times.append(perf_counter_ns())
            yield row

    broken = verify(watched()).broken
    if broken is not None:
        raise AssertionError(broken)
    return [(after - before) / _NS_PER_MS for before, after in pairwise(times)]


def _queries() -> dict[str, "LogQuery"]:
    """Return pairs of filters, also such that both are common and never meet."""
    from riskconsole.audit.paging import LogQuery

    everything = partial(LogQuery, slugs=None)
    quarter = partial(everything, since="2026-04-01T00:00:00", until="2026-07-01T00:00:00")
    return {
        "all": everything(),
        "portfolio_action": everything(portfolio="book-3", action="breaker.trip"),
        "portfolio_app": everything(portfolio="book-3", action="breaker."),
        "never_meet": everything(portfolio="book-0", action="breaker.trip.began"),
        "portfolio_actor": everything(portfolio="book-0", actor="person-7"),
        "actor_action": everything(actor="person-7", action="people."),
        "actor": everything(actor="person-7"),
        "subject_portfolio": everything(subject="trip:77", portfolio="book-5"),
        "subject_action": everything(subject="trip:77", action="breaker."),
        "quarter_portfolio": quarter(portfolio="book-5"),
        "quarter_action": quarter(action="oms.leg"),
        "since_action": everything(action="oms.leg", since="2026-02-01T00:00:00"),
        "range_actor": everything(actor="person-7", first=200_000, last=300_000),
        "member_action": LogQuery(slugs=[f"book-{at}" for at in range(8)], action="breaker."),
    }


def _list(query: "LogQuery") -> list[float]:
    from riskconsole.audit.paging import newest_sequences

    return [_milliseconds(partial(newest_sequences, query, limit=PAGE)) for _ in range(READS)]


def _record() -> list[float]:
    """Return what an entry costs its transaction, before the commit."""
    return [_recorded() for _ in range(RECORDS)]


def _recorded() -> float:
    from django.db import transaction

    from riskconsole.audit.services import record

    with transaction.atomic():
        return _milliseconds(
            partial(
                record,
                action="breaker.trip.happened",
                subject="trip:1",
                portfolio="book-1",
                payload={"cause": "LOSS", "loss_ratio": "0.055"},
                now=datetime.now(UTC),
            )
        )


def _plans() -> Iterator[str]:
    """Yield how the engine reads one range of each list."""
    from django.db import connection

    from riskconsole.audit.paging import ranges_of

    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    for name, query in _queries().items():
        text, ranges = ranges_of(query, limit=PAGE)
        with connection.cursor() as cursor:
            cursor.execute(f"{explain} {text}", ranges[0])
            plan = "; ".join(str(row[-1]).strip() for row in cursor.fetchall())
        yield f"{name}, {len(ranges)} ranges: {plan}"


def _milliseconds(call: Callable[[], object]) -> float:
    began = perf_counter_ns()
    call()
    return (perf_counter_ns() - began) / _NS_PER_MS
