"""The chain is checked byte for byte, against every end that is known."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskconsole.audit.chain import canonical
from riskconsole.audit.verify_export import GENESIS, End, Row, hash_of, verify

texts = st.text(st.characters(codec="utf-8"), max_size=30)
values = st.recursive(
    texts | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
entries: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    sequence=st.integers(min_value=1),
    at=texts,
    actor=texts,
    address=texts,
    action=texts,
    subject=texts,
    portfolio=texts,
    payload=st.dictionaries(texts, values, max_size=4),
    previous_hash=texts,
)


def row_of(entry: dict[str, Any]) -> Row:
    row = Row(**entry | {"payload": canonical(entry["payload"])})
    return row._replace(hash=hash_of(row))


def chain(length: int) -> list[Row]:
    rows, root = [], GENESIS
    for sequence in range(1, length + 1):
        entry: dict[str, Any] = dict(  # noqa: C408
            sequence=sequence,
            at="2030-01-02T12:00:00Z",
            actor="system",
            address="",
            action="ops.thing.happened",
            subject=f"thing:{sequence}",
            portfolio="main",
            payload={"note": "é", "number": sequence},
            previous_hash=root,
        )
        rows.append(row_of(entry))
        root = rows[-1].hash
    return rows


@given(entries)
def test_what_is_hashed_is_the_canonical_text_of_the_whole_entry(entry: dict[str, Any]) -> None:
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert row_of(entry).hash == sha256(f"riskconsole/1\n{text}".encode()).hexdigest()


def test_an_intact_chain_gives_its_size_and_root() -> None:
    rows = chain(3)
    verdict = verify(rows)
    assert (verdict.entries, verdict.root, verdict.broken) == (3, rows[-1].hash, None)


def test_an_empty_log_is_intact() -> None:
    assert verify([], ends=[End(0, GENESIS, "the head row")]).broken is None


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("column", Row._fields)
def test_a_change_of_any_column_is_found_at_its_entry(column: str, place: int) -> None:
    rows = chain(3)
    facts = rows[place]._asdict()
    rows[place] = Row(**facts | {column: 9 if column == "sequence" else facts[column] + " "})
    verdict = verify(rows)
    assert verdict.entries == place
    assert verdict.broken is not None
    assert verdict.broken.sequence == place + 1


@pytest.mark.parametrize(
    ("rows", "sequence"),
    [
        (lambda r: [r[0], r[2]], 2),
        (lambda r: r[1:], 1),
        (lambda r: [r[0], r[2], r[1]], 2),
        (lambda r: [r[0], r[0], r[1], r[2]], 2),
        (lambda r: [r[0], None, r[2]], 2),
    ],
    ids=["removed", "begins late", "swapped", "twice", "unreadable"],
)
def test_entries_that_are_missing_moved_or_unreadable_are_named(
    rows: Callable[[list[Row]], list[Row | None]], sequence: int
) -> None:
    broken = verify(rows(chain(3))).broken
    assert broken is not None
    assert broken.sequence == sequence


def test_an_entry_that_was_made_anew_breaks_the_next_one() -> None:
    rows = chain(3)
    anew = rows[1]._replace(payload=canonical({"note": "new"}))
    rows[1] = anew._replace(hash=hash_of(anew))
    broken = verify(rows).broken
    assert broken is not None
    assert (broken.sequence, broken.reason) == (3, "does not follow the entry before it")


def test_a_cut_end_shows_against_an_end_that_is_known() -> None:
    rows = chain(3)
    assert verify(rows[:2]).broken is None
    broken = verify(rows[:2], ends=[End(3, rows[2].hash, "the head row")]).broken
    assert broken is not None
    assert (broken.sequence, broken.reason) == (3, "is missing: the head row states 3 entries")


def test_a_chain_made_anew_shows_against_an_end_that_is_known() -> None:
    rows = chain(3)
    ends = [End(3, rows[2].hash, "head"), End(2, "0" * 64, "a file")]
    broken = verify(rows, ends=ends).broken
    assert broken is not None
    assert (broken.sequence, broken.reason) == (2, "is not the one that a file states")


def test_an_end_on_the_way_is_met_though_the_log_went_on() -> None:
    rows = chain(3)
    assert verify(rows, ends=[End(2, rows[1].hash, "head")]).broken is None


def test_bytes_in_a_column_are_a_broken_entry() -> None:
    (row,) = chain(1)
    broken = verify([row._replace(actor=b"system")]).broken  # type: ignore[arg-type]
    assert broken is not None
    assert broken.sequence == 1
