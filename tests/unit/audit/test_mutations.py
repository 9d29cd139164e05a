"""1,600 random changes of an export: each is found, given a checkpoint."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from riskconsole.audit.chain import canonical
from riskconsole.audit.export import line_of
from riskconsole.audit.verify_export import (
    GENESIS,
    Checkpoint,
    End,
    Row,
    Unreadable,
    encode,
    hash_of,
    key_id_of,
    main,
    rows_of,
    statement_of,
    verify_file,
    witnesses,
)

ENTRIES, EACH = 12, 200
KEY, OTHER_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()

Mutation = Callable[[random.Random, list[bytes]], list[bytes]]


def entry(sequence: int, root: str, note: str = "é, a note") -> Row:
    row = Row(
        sequence=sequence,
        at=f"2030-01-02T12:00:{sequence:02d}Z",
        actor="user:olga" if sequence % 3 else "system",
        address="192.0.2.1" if sequence % 3 else "",
        action="breaker.limits.changed",
        subject=f"portfolio:main{sequence}",
        portfolio="main",
        payload=canonical({"field": "trip", "note": note, "number": sequence}),
        previous_hash=root,
    )
    return row._replace(hash=hash_of(row))


def chain(length: int = ENTRIES) -> list[Row]:
    rows, root = [], GENESIS
    for sequence in range(1, length + 1):
        rows.append(entry(sequence, root))
        root = rows[-1].hash
    return rows


def seal(size: int, root: str, *, key: Ed25519PrivateKey = KEY) -> Checkpoint:
    bare = Checkpoint(
        size=size, root=root, at="2030-01-02T13:00:00Z", key_id=key_id_of(key.public_key())
    )
    return bare._replace(signature=key.sign(statement_of(bare)).hex())


def flip(chance: random.Random, lines: list[bytes]) -> list[bytes]:
    text = bytearray(b"".join(lines))
    text[chance.randrange(len(text))] ^= 1 << chance.randrange(8)
    return bytes(text).splitlines(keepends=True)


def delete(chance: random.Random, lines: list[bytes]) -> list[bytes]:
    begin = chance.randrange(ENTRIES)
    end = chance.randrange(begin, ENTRIES) + 1
    return lines[:begin] + lines[end:]


def insert(chance: random.Random, lines: list[bytes]) -> list[bytes]:
    place = chance.randrange(ENTRIES)
    roots = [GENESIS, *(row.hash for row in rows_of(lines) if row)]
    new = [chance.choice(lines), line_of(entry(place + 1, roots[place], "put in")), b"{}\n", b"\n"]
    return [*lines[:place], chance.choice(new), *lines[place:]]


def reorder(chance: random.Random, lines: list[bytes]) -> list[bytes]:
    one, other = chance.sample(range(ENTRIES), 2)
    turned = list(lines)
    turned[one], turned[other] = turned[other], turned[one]
    return turned


def truncate(chance: random.Random, lines: list[bytes]) -> list[bytes]:
    text = b"".join(lines)
    return text[: chance.randrange(len(text) - 1)].splitlines(keepends=True)


def old_copy(chance: random.Random, lines: list[bytes]) -> list[bytes]:
    return lines[: chance.randrange(ENTRIES)]


def rechain(chance: random.Random, lines: list[bytes]) -> list[bytes]:
    """Change one entry and make the chain anew from there, as who has the code can."""
    rows = [row for row in rows_of(lines) if row]
    place = chance.randrange(ENTRIES)
    rows[place] = rows[place]._replace(actor=f"user:{chance.randrange(1000)}")
    for at in range(place, ENTRIES):
        previous = rows[at - 1].hash if at else GENESIS
        anew = rows[at]._replace(previous_hash=previous)
        rows[at] = anew._replace(hash=hash_of(anew))
    return [line_of(row) for row in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = chain()
    (tmp_path / "log").write_bytes(b"".join(map(line_of, rows)))
    seals = [seal(6, rows[5].hash), seal(ENTRIES, rows[-1].hash)]
    (tmp_path / "seals").write_text("".join(f"{encode(one._asdict())}\n" for one in seals))
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key").write_bytes(pem)
    return tmp_path


def is_found(path: Path, ends: list[End]) -> bool:
    """Return whether the export is said to be anything but intact."""
    try:
        return verify_file(path, ends=ends).broken is not None
    except Unreadable:
        return True


def test_without_a_change_it_is_intact(folder: Path) -> None:
    options = ["--checkpoint", str(folder / "seals"), "--public-key", str(folder / "key")]
    assert main([str(folder / "log"), *options]) == 0


@pytest.mark.parametrize(
    "mutation",
    [flip, delete, insert, reorder, truncate, old_copy, rechain],
    ids=lambda one: one.__name__,
)
def test_every_change_of_an_export_is_found(folder: Path, mutation: Mutation) -> None:
    chance, path = random.Random(mutation.__name__), folder / "log"  # noqa: S311 - changes
    lines = path.read_bytes().splitlines(keepends=True)
    ends, forged = witnesses(checkpoints=[folder / "seals"], public_key=folder / "key", roots=())
    assert forged is None
    for _ in range(EACH):
        changed = mutation(chance, lines)
        path.write_bytes(b"".join(changed))
        assert is_found(path, ends), changed


def test_every_forged_checkpoint_is_found(folder: Path) -> None:
    chance, rows = random.Random(5), chain()  # noqa: S311 - changes, not secrets
    options = ["--checkpoint", str(folder / "seals"), "--public-key", str(folder / "key")]
    true = seal(ENTRIES, rows[-1].hash)
    forgeries: list[Callable[[], Checkpoint]] = [
        lambda: true._replace(size=chance.randrange(1, ENTRIES)),
        lambda: true._replace(root=chance.choice(rows[:-1]).hash),
        lambda: true._replace(at=f"2030-01-02T13:00:{chance.randrange(1, 60):02d}Z"),
        lambda: true._replace(signature=_flipped(chance, true.signature)),
        lambda: true._replace(key_id=_flipped(chance, true.key_id)),
        lambda: true._replace(signature=""),
        lambda: seal(ENTRIES, rows[-1].hash, key=OTHER_KEY),
        lambda: seal(ENTRIES, rows[-1].hash, key=OTHER_KEY)._replace(key_id=true.key_id),
        lambda: seal(chance.randrange(1, ENTRIES), rows[-1].hash),
    ]
    for _ in range(EACH):
        forged = chance.choice(forgeries)()
        (folder / "seals").write_text(encode(forged._asdict()))
        assert main([str(folder / "log"), *options]) == 1, forged


def _flipped(chance: random.Random, digits: str) -> str:
    place = chance.randrange(len(digits))
    digit = f"{int(digits[place], 16) ^ 1 << chance.randrange(4):x}"
    return f"{digits[:place]}{digit}{digits[place + 1 :]}"
