"""The files with keys that a file names: read beside it, before anything is changed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from django.views.decorators.debug import sensitive_variables

from breaker.services.desired.document import Document
from breaker.services.desired.places import Place, Problem, bad_file, line_of, lines_of
from oms.domain.credentials import Credentials, KeyPurpose
from oms.services.key_text import BadKeyText, read_key_file, text_of

AccountName = tuple[str, str]
Keys = Mapping[AccountName, Mapping[KeyPurpose, Credentials]]
NO_KEYS: Keys = MappingProxyType({})


def read_key_files(document: Document, lines: Mapping[Place, int], *, folder: Path) -> Keys:
    """Return the keys by portfolio and account.

    :param folder: where the names of the files begin
    :raises BadFile: naming line and key, in both files, and nothing that stands in the second
    """
    keys: dict[AccountName, Mapping[KeyPurpose, Credentials]] = {}
    problems: list[Problem] = []
    for name, file, place in _named(document):
        found = _read(folder / file, place)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            keys[name] = found
    if problems:
        raise bad_file(problems, lines)
    return keys


def _named(document: Document) -> Iterator[tuple[AccountName, str, Place]]:
    for index, book in enumerate(document.portfolio):
        for number, account in enumerate(book.account):
            if account.credentials_file is not None:
                place: Place = ("portfolio", index, "account", number, "credentials_file")
                yield (book.slug, account.slug), account.credentials_file, place


@sensitive_variables()
def _read(file: Path, place: Place) -> Mapping[KeyPurpose, Credentials] | Problem:
    """Return what the file holds, or what is wrong; somebody may have put a key for its name."""
    text = ""
    try:
        text = text_of(file.read_bytes())
        return read_key_file(text)
    except OSError as error:
        return Problem(place=place, what=f"cannot be read: {error.strerror}")
    except BadKeyText as error:
        where = "" if error.line else f"line {line_of(error.place, lines_of(text))}: "
        return Problem(place=place, what=f"in that file {where}{error}")
