"""Where in a TOML file each value stands, and what is wrong there."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from riskconsole.kernel.errors import RiskConsoleError

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with the file, and the place of the key."""

    place: Place
    what: str


class BadFile(RiskConsoleError):
    """A file cannot be applied; each line of the message names a line and a key.

    :param problems: the same by their places, for a form that has a field for each key
    """

    def __init__(self, message: str, *, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


def bad_file(problems: Sequence[Problem], lines: Mapping[Place, int]) -> BadFile:
    """Return the error that names line and key of each problem, in the order of the file."""
    placed = ((line_of(problem.place, lines), problem) for problem in problems)
    found = sorted(placed, key=lambda pair: pair[0])
    return BadFile(
        "\n".join(
            f"line {line}: {key_of(problem.place)}: {problem.what}" for line, problem in found
        ),
        problems=problems,
    )


def key_of(place: Place) -> str:
    """Return the key as a reader of the file knows it: portfolio.limits.warning."""
    return ".".join(part for part in place if isinstance(part, str)) or "file"


def line_of(place: Place, lines: Mapping[Place, int]) -> int:
    """Return the line of a place, or of the nearest table around it that the file holds."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def lines_of(text: str) -> dict[Place, int]:
    """Return the line on which each key, table and inner value of a valid TOML text begins."""
    found: dict[Place, int] = {}
    table: Place = ()
    for line, statement in _statements(text):
        if statement.lstrip().startswith("["):
            table = _open_table(statement, found)
            found[table] = line
        else:
            _note_inside(tomllib.loads(statement), table, line, found)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header and each key with its value, which may span lines.

    The fewest lines that are TOML by themselves are one statement, since the whole text is TOML.
    """
    pending, first = "", 1
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        first = first if pending else number
        pending += line
        if _is_toml(pending):
            if pending.strip() and not pending.lstrip().startswith("#"):
                yield first, pending
            pending = ""


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _open_table(header: str, found: Mapping[Place, int]) -> Place:
    """Return the place of the table that a header opens; [[ ]] opens the next of its list."""
    place: Place = ()
    inner: Any = tomllib.loads(header)
    while inner:
        name = next(iter(inner))
        inner, place = inner[name], (*place, name)
        if isinstance(inner, list):
            return (*place, _count(place, found))
        if count := _count(place, found):
            place = (*place, count - 1)
    return place


def _count(place: Place, found: Mapping[Place, int]) -> int:
    """Return how many tables of the list at this place have been opened so far."""
    count = 0
    while (*place, count) in found:
        count += 1
    return count


def _note_inside(value: object, place: Place, line: int, found: dict[Place, int]) -> None:
    pairs: Iterator[tuple[str | int, object]]
    if isinstance(value, dict):
        pairs = iter(value.items())
    elif isinstance(value, list):
        pairs = iter(enumerate(value))
    else:
        return
    for part, inner in pairs:
        found.setdefault((*place, part), line)
        _note_inside(inner, (*place, part), line, found)
