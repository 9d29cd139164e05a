"""An incident line by line, from the prices it was decided on to the reset.

Every line is bound to an entry of the log: its own, the one that settled what it tells, or for
prices the trip's, which holds the hash of the evidence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Min, Q

from breaker.domain.incident import quiet_before
from breaker.models import Trip
from breaker.selectors.entry_words import RESET, SETTLED, TRIPPED, payload_of, told, who
from breaker.selectors.evidence import EvidenceRow
from oms.models import LegOrder
from riskconsole.alerts.models import Alert, Delivery, DeliveryStatus
from riskconsole.audit.models import AuditEntry
from riskconsole.audit.verification import stored_rows
from riskconsole.audit.verify_export import Row
from riskconsole.kernel.clock import time_from, time_text
from riskconsole.kernel.numbers import plain_text

NEWEST_PRICES = 3
MOST_LINES = 400


class Show(StrEnum):
    ALL = "all"
    SYSTEM = "system"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that happened, and the entry that it is bound to.

    :param person: who did it; empty for the console
    :param account: whose orders it tells of
    :param repeats: how often the same was written again right after it
    """

    at: datetime
    title: str
    detail: str
    tone: str
    icon: str
    source: str
    person: str
    sequence: int | None
    hash: str
    account: str = ""
    repeats: int = 0

    @property
    def short_hash(self) -> str:
        return f"{self.hash[:4]}…{self.hash[-2:]}" if self.hash else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """A line with its distance from the trip, and how long it was quiet before it."""

    line: Line
    after: timedelta
    quiet: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """:param left_out: lines in the middle that only the log and the export have"""

    rows: tuple[TimelineRow, ...]
    left_out: int


def entries_of(trip: Trip) -> list[Row]:
    """Return the log's entries of an incident, the oldest first.

    Its own, those of its requests, those of its portfolio while it was open, and the warning
    that came before it.
    """
    own = f"trip:{trip.pk}"
    requests = [f"request:{pk}" for pk in trip.reset_requests.values_list("pk", flat=True)]
    begin = _begin_of(own)
    wanted = Q(subject__in=[own, *requests])
    if begin is not None:
        wanted |= _meanwhile(trip, begin=begin)
    return list(stored_rows(AuditEntry.objects.filter(wanted)))


def trip_entry(entries: Iterable[Row]) -> Row | None:
    return next((row for row in entries if row.action == TRIPPED), None)


def lines_of(trip: Trip, *, entries: Sequence[Row], evidence: Sequence[EvidenceRow]) -> list[Line]:
    """Return every line in the order of its time."""
    lines = [
        *_price_lines(evidence, entry=trip_entry(entries)),
        *(_entry_line(row, otherwise=trip.at) for row in entries),
        *_cancel_lines(trip, entries=entries),
        *_delivery_lines(trip, entries=entries),
    ]
    return sorted(lines, key=lambda line: line.at)


def timeline_of(lines: Sequence[Line], *, tripped_at: datetime, show: Show) -> Timeline:
    """Return the lines that are to be shown, at most so many, with the quiet between them."""
    shown = [
        line for line in lines if show is Show.ALL or bool(line.person) is (show is Show.PEOPLE)
    ]
    left_out = max(0, len(shown) - MOST_LINES)
    half = MOST_LINES // 2
    kept = [*shown[:half], *shown[-half:]] if left_out else shown
    quiet = quiet_before([line.at for line in kept])
    rows = (
        TimelineRow(line=line, after=line.at - tripped_at, quiet=gap)
        for line, gap in zip(kept, quiet, strict=True)
    )
    return Timeline(rows=tuple(rows), left_out=left_out)


def folded(lines: Iterable[Line]) -> list[Line]:
    """Return the lines with what an account repeats told once: a stuck one is tried for hours."""
    found: list[Line] = []
    last_of: dict[str, int] = {}
    for line in lines:
        place = last_of.get(line.account)
        if line.account and place is not None and _says_the_same(found[place], line):
            found[place] = replace(found[place], repeats=found[place].repeats + 1)
            continue
        last_of[line.account] = len(found)
        found.append(line)
    return found


def _says_the_same(one: Line, other: Line) -> bool:
    return (one.title, one.detail) == (other.title, other.detail)


def _begin_of(subject: str) -> int | None:
    found = AuditEntry.objects.filter(subject=subject, action=TRIPPED)
    begin: int | None = found.aggregate(begin=Min("sequence"))["begin"]
    return begin


def _meanwhile(trip: Trip, *, begin: int) -> Q:
    portfolio = AuditEntry.objects.filter(subject=f"portfolio:{trip.breaker.portfolio.slug}")
    warnings = portfolio.filter(action__startswith="breaker.warning.", sequence__lt=begin)
    last = warnings.order_by("-sequence").first()
    wanted = Q(subject=f"portfolio:{trip.breaker.portfolio.slug}", sequence__gt=begin)
    end = _end_of(trip, begin=begin)
    if end is not None:
        wanted &= Q(sequence__lte=end)
    has_warned = last is not None and last.action.endswith(".began")
    return wanted | Q(sequence=last.sequence) if last and has_warned else wanted


def _end_of(trip: Trip, *, begin: int) -> int | None:
    """Return the entry of the reset that ended the trip; None while it is open."""
    if trip.reset_at is None:
        return None
    subject = f"portfolio:{trip.breaker.portfolio.slug}"
    resets = AuditEntry.objects.filter(subject=subject, action=RESET, sequence__gt=begin)
    end: int | None = resets.aggregate(end=Min("sequence"))["end"]
    return end


def _price_lines(evidence: Sequence[EvidenceRow], *, entry: Row | None) -> Iterable[Line]:
    """Yield the newest prices that the trip was decided on, each once."""
    priced = {
        (row.name, row.confirmed_at): row for row in evidence if row.price and row.confirmed_at
    }
    newest = sorted(priced.values(), key=lambda row: row.confirmed_at, reverse=True)  # type: ignore[arg-type, return-value]
    for row in newest[:NEWEST_PRICES]:
        if row.confirmed_at is None:
            continue
        stated = f"{row.source_at:%H:%M:%S.%f}"[:-3] if row.source_at else "not stated"
        yield Line(
            at=row.confirmed_at,
            title=f"{row.name} {plain_text(row.price)} received" if row.price else row.name,
            detail=f"From {row.source or 'an unnamed source'}; its own time: {stated}",
            tone="",
            icon="price",
            source="price feed",
            person="",
            sequence=entry.sequence if entry else None,
            hash=entry.hash if entry else "",
        )


def _entry_line(row: Row, *, otherwise: datetime) -> Line:
    words, person = told(row), who(row)
    return Line(
        at=time_of(row) or otherwise,
        title=f"{person} {words.deed}" if person else words.deed[:1].upper() + words.deed[1:],
        detail=words.detail,
        tone=words.tone,
        icon=words.icon,
        source=_source_of(row, person=person),
        person=person,
        sequence=row.sequence,
        hash=row.hash,
        account=str(payload_of(row)["account"]) if row.action.startswith("oms.") else "",
    )


def _source_of(row: Row, *, person: str) -> str:
    if person:
        return "person"
    return "order manager" if row.action.startswith("oms.") else "breaker"


def _cancel_lines(trip: Trip, *, entries: Sequence[Row]) -> Iterable[Line]:
    """Yield when the orders of each account were first asked to go."""
    asked = LegOrder.objects.filter(leg__run__cause=f"trip:{trip.pk}", was_asked=True)
    first = asked.values_list("leg__account__slug").annotate(at=Min("first_seen_at"))
    for account, at in first.order_by("at"):
        entry = _settling(account, at=at, entries=entries)
        yield Line(
            at=at,
            title=f"{account}: cancels on their way",
            detail="orders found open are asked to go",
            tone="",
            icon="send",
            source="order manager",
            person="",
            sequence=entry.sequence if entry else None,
            hash=entry.hash if entry else "",
        )


def _settling(account: str, *, at: datetime, entries: Iterable[Row]) -> Row | None:
    return next(
        (
            row
            for row in entries
            if row.action == SETTLED
            and payload_of(row)["account"] == account
            and (time_of(row) or at) >= at
        ),
        None,
    )


def _delivery_lines(trip: Trip, *, entries: Sequence[Row]) -> Iterable[Line]:
    """Yield what each route took, or did not take yet."""
    alerts = Alert.objects.filter(cause=f"trip:{trip.pk}").prefetch_related("deliveries")
    raised = {row.at: row for row in reversed(entries)}
    for alert in alerts.order_by("pk"):
        entry = raised.get(time_text(alert.raised_at))
        for delivery in alert.deliveries.all():
            yield _delivery_line(delivery, alert=alert, entry=entry)


def _delivery_line(delivery: Delivery, *, alert: Alert, entry: Row | None) -> Line:
    is_told = delivery.status == DeliveryStatus.DELIVERED and delivery.delivered_at is not None
    tries = f"{delivery.attempts} attempt{'' if delivery.attempts == 1 else 's'}"
    return Line(
        at=delivery.delivered_at or alert.raised_at,
        title=f"Told over {delivery.route}" if is_told else f"{delivery.route} has not taken it",
        detail=f"{alert.subject} ({tries})",
        tone="ok" if is_told else "trip",
        icon="bell",
        source="alerts",
        person="",
        sequence=entry.sequence if entry else None,
        hash=entry.hash if entry else "",
    )


def time_of(row: Row) -> datetime | None:
    try:
        return time_from(row.at)
    except (TypeError, ValueError):
        return None
