"""A page of the log, whatever is asked for: merged from ordered ranges of the indexes.

Each wanted portfolio, actor and action by itself is one range that an index holds in the order of
the page, so that a page reads a few entries of each range, however long the log is.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from django.db import connection
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat

from riskconsole.audit.models import AuditEntry
from riskconsole.audit.times import first_since, last_until

# SQLite takes 500 parts in one statement, PostgreSQL plans that many in a few milliseconds.
PARTS = 200
Values = tuple[str | int, ...]
_NAMES = """
WITH RECURSIVE name (action) AS (
    SELECT MIN(action) FROM audit_auditentry
    UNION ALL
    SELECT (SELECT MIN(action) FROM audit_auditentry WHERE action > name.action)
    FROM name WHERE name.action IS NOT NULL
)
SELECT action FROM name WHERE action IS NOT NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which entries are wanted.

    :param slugs: the reader's portfolios; None means the whole log
    :param action: the begin of an action's name
    :param actor: as the log has it, or the bare name of a user
    :param since: the first second, as text without a zone; until is the first one no more wanted
    :param first: the lowest sequence; last is the highest
    """

    slugs: Collection[str] | None
    portfolio: str = ""
    action: str = ""
    actor: str = ""
    subject: str = ""
    since: str = ""
    until: str = ""
    first: int | None = None
    last: int | None = None


def newest_sequences(query: LogQuery, *, limit: int) -> list[int]:
    """Return the highest sequences that are wanted, the highest first."""
    text, ranges = ranges_of(query, limit=limit)
    found: list[int] = []
    for start in range(0, len(ranges), PARTS):
        found += _merged(text, ranges[start : start + PARTS], limit)
    return sorted(found, reverse=True)[:limit]


def ranges_of(query: LogQuery, *, limit: int) -> tuple[str, list[Values]]:
    """Return the statement that reads the newest of a range, and the values of each range."""
    choices = _choices(query)
    if not all(choices.values()):
        return "", []
    if query.subject:
        text, values = _sql(_about(query), limit)
        return text, [values]
    columns, combinations = _combinations(query, choices)
    if not combinations:
        return "", []
    # The values of a combination come last, and in the order of their columns' names.
    entries = _within(query).filter(**dict(zip(columns, combinations[0], strict=True)))
    text, values = _sql(entries, limit)
    common = values[: len(values) - len(columns)]
    return text, [(*common, *combination) for combination in combinations]


def wanted(query: LogQuery) -> QuerySet[AuditEntry]:
    """Return the wanted entries without an order, for who reads the log range by range."""
    entries = _within_time(query)
    for name, values in _choices(query).items():
        entries = entries.filter(**{f"{name}__in": values})
    if query.subject:
        entries = entries.filter(subject=query.subject)
    return entries.filter(action__startswith=query.action) if query.action else entries


def action_names() -> list[str]:
    """Return every action that the log knows, jumping from one to the next in its index."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES)
        return [row[0] for row in cursor.fetchall()]


def _within(query: LogQuery) -> QuerySet[AuditEntry]:
    """Return the entries in the wanted times, of which an index by another column knows nothing."""
    entries = _within_time(query)
    if query.since:
        entries = entries.filter(sequence__gte=first_since(query.since))
    if query.until:
        entries = entries.filter(sequence__lte=last_until(query.until))
    return entries


def _within_time(query: LogQuery) -> QuerySet[AuditEntry]:
    wanted = {
        "at__gte": query.since,
        "at__lt": query.until,
        "sequence__gte": query.first,
        "sequence__lte": query.last,
    }
    given = {name: value for name, value in wanted.items() if value not in {None, ""}}
    return AuditEntry.objects.filter(**given)


def _about(query: LogQuery) -> QuerySet[AuditEntry]:
    """Return the entries about one subject, which are few: no other index may be chosen."""
    entries = _within_time(query).filter(subject=query.subject)
    for name, values in _choices(query).items():
        entries = entries.alias(**{f"plain_{name}": Concat(F(name), Value(""))})
        entries = entries.filter(**{f"plain_{name}__in": values})
    return entries.filter(action__startswith=query.action) if query.action else entries


def _combinations(
    query: LogQuery, choices: Mapping[str, Sequence[str]]
) -> tuple[list[str], list[Values]]:
    """Return columns, and what they may hold together: each combination is a range of an index.

    There is an index for any two of portfolio, actor and action.
    """
    if query.action:
        names = [name for name in action_names() if name.startswith(query.action)]
        choices = {**choices, "action": names}
    columns = sorted(choices)
    return columns, list(product(*(choices[column] for column in columns)))


def _choices(query: LogQuery) -> dict[str, Sequence[str]]:
    """Return the values that each column may have, where not all of them are wanted."""
    choices: dict[str, Sequence[str]] = {}
    if query.slugs is not None:
        choices["portfolio"] = sorted(query.slugs)
    if query.portfolio:
        may_be_read = query.slugs is None or query.portfolio in query.slugs
        choices["portfolio"] = [query.portfolio] if may_be_read else []
    if query.actor:
        choices["actor"] = [query.actor, f"user:{query.actor}"]
    return choices


def _sql(entries: QuerySet[AuditEntry], limit: int) -> tuple[str, Values]:
    newest = entries.order_by("-sequence").values_list("sequence", flat=True)[:limit]
    return newest.query.sql_with_params()


def _merged(text: str, ranges: Sequence[Values], limit: int) -> list[int]:
    """Return the highest sequences of several ranges, read by one statement.

    The ORM refuses a limited part of a union on SQLite, which takes it as a subquery.
    """
    union = " UNION ALL ".join([f"SELECT * FROM ({text}) AS part"] * len(ranges))  # noqa: S608
    with connection.cursor() as cursor:
        values = [value for part in ranges for value in part]
        cursor.execute(f"{union} ORDER BY 1 DESC LIMIT %s", [*values, limit])
        return [row[0] for row in cursor.fetchall()]
