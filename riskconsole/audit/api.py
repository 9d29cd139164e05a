"""The log over HTTP: entries with their hashes, by sequence."""

import json
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router
from typing_extensions import TypedDict

from riskconsole.audit.models import AuditEntry
from riskconsole.wire import answers

router = Router(tags=["audit"])
MAX_ITEMS = 500
MAX_SEQUENCE = 2**63 - 1


class EntryFacts(TypedDict):
    """Every field that is hashed, and the hash."""

    sequence: int
    at: str
    actor: str
    address: str
    action: str
    subject: str
    portfolio: str
    payload: dict[str, Any]
    previous_hash: str
    hash: str


class EntryPage(TypedDict):
    items: list[EntryFacts]
    next: str | None


@router.get("audit", response=answers(EntryPage))
def entries(
    request: HttpRequest,
    after: Annotated[int, Query(ge=0, le=MAX_SEQUENCE)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_ITEMS)] = 100,
) -> EntryPage:
    """Return the entries behind the sequence `after`, oldest first, with their hashes."""
    found = list(AuditEntry.objects.filter(sequence__gt=after).order_by("sequence")[: limit + 1])
    items = found[:limit]
    return {
        "items": [entry_facts(entry) for entry in items],
        "next": str(items[-1].sequence) if len(found) > limit else None,
    }


def entry_facts(entry: AuditEntry) -> EntryFacts:
    """Return every hashed field of an entry, and its hash."""
    return {
        "sequence": entry.sequence,
        "at": entry.at,
        "actor": entry.actor,
        "address": entry.address,
        "action": entry.action,
        "subject": entry.subject,
        "portfolio": entry.portfolio,
        "payload": json.loads(entry.payload),
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }
