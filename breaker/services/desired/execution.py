"""Make what the file says: every change and its audit entry in one transaction."""

from collections.abc import Mapping, Sequence

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import transaction

from breaker.services.desired.changes import (
    Change,
    NewUser,
)
from breaker.services.desired.difference import difference
from breaker.services.desired.document import Document, PortfolioIn, document_of
from breaker.services.desired.existing import Existing, read_existing
from breaker.services.desired.key_files import NO_KEYS, Keys
from breaker.services.desired.places import Place, Problem, bad_file
from breaker.services.desired.steps import By, carry_out, set_limits
from breaker.services.locks import lock_breakers
from riskconsole.people.models import User
from riskconsole.settings import env


def changes_of(
    document: Document, existing: Existing, lines: Mapping[Place, int], *, keys: Keys = NO_KEYS
) -> Sequence[Change]:
    """Return what would change.

    :param keys: what stands in the files with keys that the document names
    :raises BadFile: naming line and key of everything that cannot be done
    """
    found = difference(document, existing, keys=keys)
    passwords = [problem for change in found.changes for problem in _password_problems(change)]
    if found.problems or passwords:
        raise bad_file([*found.problems, *passwords], lines)
    return found.changes


def refuse_loosening(changes: Sequence[Change], lines: Mapping[Place, int]) -> None:
    """Return if no change loosens an armed portfolio.

    :raises BadFile: naming line and key of each that does
    """
    problems = [
        Problem(place=change.place, what=f"loosens what guards an armed portfolio ({change})")
        for change in changes
        if change.loosens
    ]
    if problems:
        raise bad_file(problems, lines)


@transaction.atomic
def make_so(
    document: Document,
    lines: Mapping[Place, int],
    *,
    by: By,
    keys: Keys = NO_KEYS,
    is_approved: bool = False,
) -> Sequence[Change]:
    """Make everything that the file says, or nothing; return what has changed.

    The breakers are locked before the first audit entry, as every trip does it.

    :param keys: what stands in the files with keys that the document names
    :param is_approved: a second person has approved what loosens
    :raises BadFile: naming line and key of everything that cannot or must not be done
    """
    lock_breakers()
    changes = changes_of(document, read_existing(keys_of=keys), lines, keys=keys)
    if not is_approved:
        refuse_loosening(changes, lines)
    for change in changes:
        carry_out(change, by)
    set_limits(changes)
    return changes


def _password_problems(change: Change) -> list[Problem]:
    """Return what is wrong with the password that a new user would get."""
    if not isinstance(change, NewUser) or change.user.password_env is None:
        return []
    place = (*change.place, "password_env")
    user = User(username=change.user.username, email=change.user.email or "")
    try:
        validate_password(env(change.user.password_env), user)
    except ImproperlyConfigured as error:
        return [Problem(place=place, what=str(error))]
    except ValidationError as error:
        return [Problem(place=place, what=" ".join(error.messages))]
    return []


def make_approved(wanted: Mapping[str, object], *, portfolio: str, by: By) -> Sequence[Change]:
    """Make what an approved request asks for, as it is checked now.

    :param portfolio: slug of the one that the request concerns; empty for the site
    :raises BadFile: if it cannot be done any more, or speaks of anything else
    """
    document = concerned(wanted, portfolio=portfolio)
    return make_so(document, {}, by=by, is_approved=True)


def concerned(wanted: Mapping[str, object], *, portfolio: str) -> Document:
    """Return the document, whose approvers are those of one portfolio, or of the site.

    :param portfolio: its slug; empty for the site, which is people, their roles, and venues
    :raises BadFile: if it speaks of anything else, or is none
    """
    document = document_of(wanted)
    foreign: list[Place] = [
        ("portfolio", index)
        for index, book in enumerate(document.portfolio)
        if book.slug != portfolio and (portfolio or not _is_about_people(book))
    ]
    if portfolio:
        foreign += [("venue", index) for index in range(len(document.venue))]
        foreign += [("user", index) for index in range(len(document.user))]
    if foreign:
        what = "is not decided by the approvers of " + (portfolio or "the site")
        raise bad_file([Problem(place=place, what=what) for place in foreign], {})
    return document


def _is_about_people(book: PortfolioIn) -> bool:
    """Return whether a portfolio is named only for who has which role in it."""
    return book.model_fields_set <= {"slug", "member"}
