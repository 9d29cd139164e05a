"""An incident as a bundle: files that a program reads, and a manifest of their hashes."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.db.models import Q

from breaker.models import Trip
from breaker.selectors.incidents import acknowledgement_of
from breaker.selectors.timeline import entries_of
from portfolio.models import EquityPoint, MarkPoint, Resolution
from portfolio.services.history import KEEP_AROUND
from riskconsole.audit import checkpoints, witness
from riskconsole.audit.export import line_of
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import money_text, plain_text

IN_MEMORY = 8 * 1024 * 1024
MANIFEST = "manifest.json"

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A file that leaves the console, and the hash that the log keeps of it."""

    name: str
    content_type: str
    file: IO[bytes]

    @property
    def sha256(self) -> str:
        self.file.seek(0)
        found = hashlib.file_digest(self.file, "sha256").hexdigest()  # type: ignore[arg-type]
        self.file.seek(0)
        return found


def copy_name(trip: Trip, *, now: datetime, ending: str) -> str:
    return f"incident-{trip.pk}-{trip.breaker.portfolio.slug}-{now:%Y%m%d-%H%M%S}.{ending}"


def write(trip: Trip, *, facts: Facts, taken_by: str, now: datetime) -> Copy:
    """Write the bundle; what is long is written as it is read.

    :param facts: the trip as the API shows it
    """
    file: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the answer closes it
    with ZipFile(file, "w", ZIP_DEFLATED) as bundle:
        hashes = {
            name: _add(bundle, name, chunks, now=now)
            for name, chunks in _files(trip, facts=facts).items()
        }
        manifest = _manifest(trip, hashes=hashes, taken_by=taken_by, now=now)
        _add(bundle, MANIFEST, [_json(manifest)], now=now)
    name = copy_name(trip, now=now, ending="zip")
    return Copy(name=name, content_type="application/zip", file=file)


def _files(trip: Trip, *, facts: Facts) -> dict[str, Iterable[bytes]]:
    return {
        "incident.json": [_json({**facts, "acknowledged": _acknowledged(trip)})],
        "notes.json": _array(_note_facts(trip)),
        "audit.ndjson": map(line_of, entries_of(trip)),
        "equity.json": _array(_equity_facts(trip)),
        "marks.json": _array(_mark_facts(trip)),
    }


def _manifest(
    trip: Trip, *, hashes: Mapping[str, Facts], taken_by: str, now: datetime
) -> dict[str, object]:
    newest = checkpoints.newest()
    return {
        "incident": trip.pk,
        "portfolio": trip.breaker.portfolio.slug,
        "taken_at": time_text(now),
        "taken_by": taken_by,
        "log": witness.seen_now().text,
        "checkpoint": checkpoints.facts_of(newest)._asdict() if newest else None,
        "files": hashes,
    }


def _add(bundle: ZipFile, name: str, chunks: Iterable[bytes], *, now: datetime) -> Facts:
    """Add a file; return its hash and length."""
    digest, length = hashlib.sha256(), 0
    info = ZipInfo(name, date_time=now.timetuple()[:6])
    info.compress_type = ZIP_DEFLATED
    with bundle.open(info, "w") as file:
        for chunk in chunks:
            digest.update(chunk)
            length += file.write(chunk)
    return {"sha256": digest.hexdigest(), "bytes": length}


def _acknowledged(trip: Trip) -> Facts | None:
    found = acknowledgement_of(trip)
    return None if found is None else {"by": found.by.username, "at": time_text(found.at)}


def _note_facts(trip: Trip) -> Iterator[Facts]:
    for note in trip.notes.select_related("author").order_by("pk"):
        yield {"author": note.author.username, "at": time_text(note.at), "text": note.text}


def _equity_facts(trip: Trip) -> Iterator[Facts]:
    points = EquityPoint.objects.filter(
        _around(trip), portfolio=trip.breaker.portfolio, resolution=Resolution.SECOND
    )
    for point in points.order_by("at").iterator():
        yield {
            "at": time_text(point.at),
            "equity": money_text(point.equity),
            "low": money_text(point.low),
            "high": money_text(point.high),
        }


def _mark_facts(trip: Trip) -> Iterator[Facts]:
    """Yield the kept marks that the lines of the evidence rest on."""
    lines = trip.evidence.get("lines", ())
    points = MarkPoint.objects.filter(
        _around(trip),
        instrument__in={name for line in lines for name in line["path"]},
        venue__slug__in={venue for line in lines for venue in line["source"].split(", ")},
    )
    ordered = points.select_related("venue").order_by("at", "venue__slug", "instrument")
    for point in ordered.iterator():
        yield {
            "at": time_text(point.at),
            "venue": point.venue.slug,
            "instrument": point.instrument,
            "price": plain_text(point.price),
        }


def _around(trip: Trip) -> Q:
    """Return the times of which every second is kept: around the trip and its reset."""
    moments = [at for at in (trip.at, trip.reset_at) if at is not None]
    wanted = Q()
    for at in moments:
        wanted |= Q(at__range=(at - KEEP_AROUND, at + KEEP_AROUND))
    return wanted


def _array(rows: Iterable[Facts]) -> Iterator[bytes]:
    """Yield a JSON array, a row a line."""
    yield b"["
    for place, row in enumerate(rows):
        yield (b",\n" if place else b"\n") + _json(row)
    yield b"\n]\n"


def _json(facts: Facts) -> bytes:
    return json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()
