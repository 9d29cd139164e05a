"""Change a portfolio in the browser: what tightens at once, what loosens by a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from breaker.models import ChangeRequest
from breaker.services.asking import ask_change
from breaker.services.desired.changes import Change, NewPortfolio
from breaker.services.desired.document import document_of
from breaker.services.desired.execution import changes_of, make_so
from breaker.services.desired.existing import read_existing
from breaker.services.desired.places import Problem, bad_file
from breaker.services.desired.steps import By
from portfolio.models import Portfolio
from riskconsole.people.models import User

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What was changed at once, and the request for the rest."""

    made: Sequence[Change]
    request: ChangeRequest | None


def preview(raw: Table) -> Sequence[Change]:
    """Return what the document would change.

    :raises BadFile: naming everything that cannot be done
    """
    return changes_of(document_of(raw), read_existing(), {})


@transaction.atomic
def edit(
    *, portfolio: Portfolio, raw: Table, editor: User, reason: str, address: str, now: datetime
) -> Edit:
    """Make what tightens so, and ask for what loosens: both, or nothing.

    :param raw: a document of this portfolio alone
    :raises BadFile: naming everything that cannot be done
    :raises RequestRefused: if what loosens cannot be asked for
    """
    changes = preview(raw)
    at_once = [change for change in changes if not change.loosens]
    later = [change for change in changes if change.loosens]
    made: Sequence[Change] = ()
    if at_once:
        by = By(now=now, actor=f"user:{editor.username}", address=address)
        made = make_so(document_of(_part(raw, at_once)), {}, by=by)
    return Edit(
        made=made,
        request=ask_change(
            portfolio=portfolio,
            requester=editor,
            reason=reason,
            wanted=_part(raw, later),
            lines=[str(change) for change in later],
            address=address,
            now=now,
        )
        if later
        else None,
    )


@transaction.atomic
def create_portfolio(*, raw: Table, creator: User, address: str, now: datetime) -> None:
    """Make a new portfolio; nothing of it is armed, so nothing loosens.

    :raises BadFile: naming everything that cannot be done, and if it is there already
    """
    by = By(now=now, actor=f"user:{creator.username}", address=address)
    is_there = Portfolio.objects.filter(slug=raw["portfolio"][0]["slug"]).exists()
    changes = () if is_there else make_so(document_of(raw), {}, by=by)
    if not any(isinstance(change, NewPortfolio) for change in changes):
        taken = Problem(place=("portfolio", 0, "slug"), what="There is a portfolio of that name")
        raise bad_file([taken], {})


def _part(raw: Table, changes: Sequence[Change]) -> dict[str, Any]:
    """Return the document with nothing in it but what these changes come from."""
    (table,) = raw["portfolio"]
    part: dict[str, Any] = {"slug": table["slug"]}
    for change in changes:
        key, *inner = change.place[2:]
        if key == "limits":
            part.setdefault("limits", {})[inner[0]] = table["limits"][inner[0]]
        elif key == "account":
            part.setdefault("account", []).append(table["account"][inner[0]])
        else:
            part[str(key)] = table[key]
    return {"portfolio": [part]}
