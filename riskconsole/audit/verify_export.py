"""Check an export of riskconsole's audit log. This one file is enough: copy it anywhere.

    python verify_export.py EXPORT [--checkpoint FILE... --public-key FILE] [--root SIZE:ROOT...]

It needs Python 3.11, and the package cryptography where a checkpoint is given. Exit status: 0 intact,
1 broken (the first bad entry is named), 2 unreadable. The console checks its own log with this code.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from json.encoder import encode_basestring
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = "0" * 64
PREFIX = "riskconsole/1\n"
CHECKPOINT_PREFIX = "riskconsole/checkpoint/1\n"
INTACT, BROKEN, UNREADABLE = 0, 1, 2
LIMITS = (
    "No checkpoint was given: entries cut off the end, or a whole chain made anew, show only against"
    " a root kept elsewhere."
)

encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class Unreadable(Exception):
    """A file is not there, or is not what it was given as."""


class Row(NamedTuple):
    """An entry as it is stored; at and payload are the very text that was hashed."""

    sequence: int
    at: str
    actor: str
    address: str
    action: str
    subject: str
    portfolio: str
    payload: str
    previous_hash: str
    hash: str = ""


class End(NamedTuple):
    """Where the log ended once: its size and root, and who says so."""

    size: int
    root: str
    source: str


class Checkpoint(NamedTuple):
    """A signed statement: at this time the log had this size and this root."""

    size: int
    root: str
    at: str
    key_id: str
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The first entry that is not as it was written, and how that shows."""

    sequence: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found.

    :param entries: how many are intact, from the first one
    :param root: the hash of the last of them
    """

    entries: int
    root: str
    broken: Broken | None = None


# The chain


def content_text(row: Row) -> str:
    """Return the text that is hashed: the stored payload is taken as it is, byte for byte.

    :raises TypeError: if a column holds bytes
    """
    text = encode_basestring
    return (
        f'{{"action":{text(row.action)},"actor":{text(row.actor)},"address":{text(row.address)}'
        f',"at":{text(row.at)},"payload":{row.payload},"portfolio":{text(row.portfolio)}'
        f',"previous_hash":{text(row.previous_hash)},"sequence":{row.sequence}'
        f',"subject":{text(row.subject)}}}'
    )


def hash_of(row: Row) -> str:
    """Return the SHA-256 that seals an entry to its place in the chain.

    :raises TypeError: if a column holds bytes
    """
    return sha256((PREFIX + content_text(row)).encode()).hexdigest()


def is_hash_right(row: Row) -> bool:
    """Return whether the row is what its hash was made of, whatever its columns hold."""
    try:
        return row.hash == hash_of(row)
    except (TypeError, UnicodeEncodeError):
        return False


def verify(rows: Iterable[Row | None], *, ends: Iterable[End] = ()) -> Verdict:
    """Return how far the rows are a chain from the first entry on.

    :param rows: in order; None stands for a line that is no entry
    :param ends: the log must have been that long, with that root
    """
    known = sorted(ends)
    sizes = {end.size for end in known}
    size, root, roots = 0, GENESIS, {0: GENESIS}
    for row in rows:
        if reason := _flaw(row, size=size, root=root):
            return _broken(size, root, reason)
        size, root = size + 1, row.hash if row else root
        if size in sizes:
            roots[size] = root
    for end in known:
        if end.size > size:
            return _broken(size, root, f"is missing: {end.source} states {end.size} entries")
        if end.root != roots[end.size]:
            return _broken(end.size - 1, root, f"is not the one that {end.source} states")
    return Verdict(entries=size, root=root)


def _flaw(row: Row | None, *, size: int, root: str) -> str:
    """Return why the row cannot be the entry behind these; empty if it is."""
    if row is None:
        return "is not readable as an entry"
    if row.sequence != size + 1:
        return f"is missing: entry {row.sequence} follows entry {size}"
    if row.previous_hash != root:
        return "does not follow the entry before it"
    return "" if is_hash_right(row) else "is not what its hash was made of"


def _broken(size: int, root: str, reason: str) -> Verdict:
    return Verdict(entries=size, root=root, broken=Broken(sequence=size + 1, reason=reason))


# Checkpoints


def statement_of(checkpoint: Checkpoint) -> bytes:
    """Return the bytes that are signed."""
    facts = checkpoint._asdict()
    del facts["signature"]
    return (CHECKPOINT_PREFIX + encode(facts)).encode()


def key_id_of(key: "Ed25519PublicKey") -> str:
    """Return the name of a key: the first half of the SHA-256 of its 32 bytes."""
    return sha256(key.public_bytes_raw()).hexdigest()[:32]


def is_signed(checkpoint: Checkpoint, key: "Ed25519PublicKey") -> bool:
    """Return whether this key signed the checkpoint as it stands."""
    # Imported where a signature is checked: it costs everyone else 12 MB and 70 ms of their start.
    from cryptography.exceptions import InvalidSignature

    if checkpoint.key_id != key_id_of(key):
        return False
    try:
        key.verify(bytes.fromhex(checkpoint.signature), statement_of(checkpoint))
    except (InvalidSignature, ValueError):
        return False
    return True


def end_of(checkpoint: Checkpoint) -> End:
    """Return the end of the log that a checkpoint states."""
    return End(checkpoint.size, checkpoint.root, f"the checkpoint of {checkpoint.at}")


# Files


def verify_file(path: Path, *, ends: Iterable[End] = ()) -> Verdict:
    """Check an export.

    :raises Unreadable: if it cannot be read, or no line of it is an entry
    """
    try:
        with path.open("rb") as file:
            verdict = verify(rows_of(file), ends=ends)
            file.seek(0)
            if verdict.broken and not verdict.entries and not _has_entries(file):
                raise Unreadable(f"{path} is no export: no line of it is an entry of the log")
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from error
    return verdict


def rows_of(lines: Iterable[bytes]) -> Iterator[Row | None]:
    """Yield the entry that each line states; None for a line that states none."""
    for line in lines:
        try:
            yield _row(_decode(line.decode()))
        except (ValueError, TypeError, RecursionError):
            yield None


def read_key(path: Path) -> "Ed25519PublicKey":
    """Return the public key of a PEM file.

    :raises Unreadable: if there is none in it
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_read(path).encode())
    except ValueError as error:
        raise Unreadable(f"{path} holds no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Unreadable(f"{path} holds a key that is not of Ed25519")
    return key


def read_checkpoints(path: Path) -> list[Checkpoint]:
    """Return the checkpoints of a file, one a line.

    :raises Unreadable: if a line is none, or there is no line
    """
    try:
        found = [_checkpoint(_decode(line)) for line in _read(path).splitlines() if line.strip()]
    except (ValueError, TypeError, RecursionError) as error:
        raise Unreadable(f"{path} holds a line that is no checkpoint") from error
    if not found:
        raise Unreadable(f"{path} holds no checkpoint")
    return found


def read_end(text: str) -> End:
    """Return the end that a size:root text states, as every alert carries it.

    :raises Unreadable: if it is none
    """
    found = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text.strip())
    if found is None:
        raise Unreadable(f"{text[:100]!r} is not SIZE:ROOT as an alert states it")
    return End(int(found[1]), found[2], f"the root given for {found[1]}")


def _has_entries(file: Iterable[bytes]) -> bool:
    return any(row is not None for row in rows_of(file))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path} is no text") from error


def _row(facts: object) -> Row:
    """Return the entry that a line states.

    :raises TypeError: if it states anything else
    """
    if not isinstance(facts, dict) or facts.keys() != _KEYS:
        raise TypeError("An entry has exactly the keys that are hashed, and its hash")
    if not isinstance(facts["payload"], dict):
        raise TypeError("An entry has an object for payload")
    row = Row(**facts | {"payload": encode(facts["payload"])})
    if [type(value) for value in row] != _TYPES:
        raise TypeError("An entry has an integer for sequence; all else of it is text")
    return row


def _checkpoint(facts: object) -> Checkpoint:
    if not isinstance(facts, dict) or facts.keys() != set(Checkpoint._fields):
        raise TypeError("A checkpoint has exactly its keys")
    if type(facts["size"]) is not int or facts["size"] < 1:
        raise TypeError("A checkpoint states at least one entry")
    if not all(isinstance(value, str) for name, value in facts.items() if name != "size"):
        raise TypeError("All else of a checkpoint is text")
    return Checkpoint(**facts)


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A key is there twice")
    return found


_KEYS = frozenset(Row._fields)
_TYPES = [int, *[str] * 9]
_decode = json.JSONDecoder(object_pairs_hook=_unambiguous).decode


# The command line


def add_witness_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--checkpoint", nargs="+", action="extend", default=[], type=Path, metavar="FILE")
    add("--public-key", type=Path, metavar="FILE", help="the key that signed the checkpoints")
    add("--root", nargs="+", action="extend", default=[], metavar="SIZE:ROOT", help="as alerts say")


def witnesses(
    *, checkpoints: Sequence[Path], public_key: Path | None, roots: Sequence[str]
) -> tuple[list[End], Broken | None]:
    """Return what was kept outside the log, and the first checkpoint that the key did not sign.

    :raises Unreadable: if a file is not what it should be, or checkpoints have no key
    """
    ends = [read_end(text) for text in roots]
    if not checkpoints:
        return ends, None
    if public_key is None:
        raise Unreadable("A checkpoint is worth what its signature is: give --public-key FILE too")
    key = read_key(public_key)
    for checkpoint in [found for path in checkpoints for found in read_checkpoints(path)]:
        if not is_signed(checkpoint, key):
            reason = f"is stated by a checkpoint of {checkpoint.at} that this key did not sign"
            return ends, Broken(sequence=checkpoint.size, reason=reason)
        ends.append(end_of(checkpoint))
    return ends, None


def told(verdict: Verdict, ends: Sequence[End]) -> str:
    """Return what an intact log is said to be, with the limits of the check."""
    covered = max((end.size for end in ends), default=0)
    proof = f"As kept elsewhere up to entry {covered}; what follows rests on the chain alone."
    limits = proof if ends else LIMITS
    return f"Intact: {verdict.entries} entries, root {verdict.root}\n{limits}"


def broken_text(broken: Broken) -> str:
    return f"Broken: entry {broken.sequence} {broken.reason}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the export that the arguments name; return the exit status."""
    parser = argparse.ArgumentParser(description="Check an export of riskconsole's audit log.")
    parser.add_argument("export", type=Path, metavar="EXPORT")
    add_witness_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        ends, forged = witnesses(
            checkpoints=options.checkpoint, public_key=options.public_key, roots=options.root
        )
        verdict = verify_file(options.export, ends=ends)
    except Unreadable as error:
        sys.stderr.write(f"{error}\n")
        return UNREADABLE
    if broken := verdict.broken or forged:
        sys.stderr.write(f"{broken_text(broken)}\n")
        return BROKEN
    sys.stdout.write(f"{told(verdict, ends)}\n")
    return INTACT


if __name__ == "__main__":
    sys.exit(main())
