"""Whoever gets past the triggers is found by the check, in the database and in an export."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from riskconsole import triggers
from riskconsole.audit import witness
from riskconsole.audit.models import AuditEntry, AuditHead
from riskconsole.audit.triggers import TRIGGERS
from tests.integration.audit.test_append_only import COLUMNS, run, write

ENTRIES = 5
TEXTS = [column for column in COLUMNS if column != "sequence"]


@pytest.fixture
def log(db: None) -> None:
    """A log of five entries that anyone may change."""
    write(ENTRIES)
    triggers.remove(connection, TRIGGERS)


@pytest.fixture
def exported(log: None, tmp_path: Path) -> Path:
    path = tmp_path / "log.ndjson"
    call_command("audit_export", str(path))
    return path


@pytest.fixture
def _no_witness(db: None) -> Iterator[None]:
    path = Path(settings.RISKCONSOLE_HOME) / witness.FILE_NAME
    path.unlink(missing_ok=True)
    yield
    path.unlink(missing_ok=True)


pytestmark = pytest.mark.usefixtures("_no_witness")


def refusal(*options: str) -> str:
    """Return why the check says that the log is broken."""
    with pytest.raises(CommandError) as error:
        call_command("audit_verify", *options)
    assert error.value.returncode == 1
    return str(error.value)


@pytest.mark.usefixtures("log")
def test_an_intact_log_is_said_to_be_so_with_its_limits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("audit_verify")
    out = capsys.readouterr().out
    assert out.startswith(f"Intact: 5 entries, root {AuditHead.objects.get().hash}\n")
    assert "show only against a root kept elsewhere" in out


@pytest.mark.django_db
def test_an_empty_log_is_intact(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("audit_verify")
    assert capsys.readouterr().out.startswith("Intact: 0 entries")


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("sequence", [1, 3, 5])
@pytest.mark.parametrize("column", TEXTS)
def test_one_byte_changed_in_any_column_is_found(column: str, sequence: int) -> None:
    before = getattr(AuditEntry.objects.get(pk=sequence), column)
    after = before[:-1] + chr(ord(before[-1]) ^ 1) if before else "x"
    statement = f"UPDATE audit_auditentry SET {column} = %s WHERE sequence = %s"  # noqa: S608
    run(statement, after, sequence)
    assert refusal().startswith(f"Broken: entry {sequence} ")


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("sequence", [1, 3, 5])
def test_a_changed_sequence_is_found(sequence: int) -> None:
    run("UPDATE audit_auditentry SET sequence = 99 WHERE sequence = %s", sequence)
    assert refusal().startswith(f"Broken: entry {sequence} is missing")


@pytest.mark.usefixtures("log")
def test_a_payload_that_only_looks_different_is_found() -> None:
    run("UPDATE audit_auditentry SET payload = '{ \"number\": 2}' WHERE sequence = 3")
    assert refusal().startswith("Broken: entry 3 is not what its hash was made of")


@pytest.mark.usefixtures("log")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite stores any bytes as text")
@pytest.mark.parametrize("value", ["CAST(X'FF' AS TEXT)", "X'FF'", "X'73797374656D'", "7"])
@pytest.mark.parametrize("column", TEXTS)
def test_bytes_that_are_no_text_are_found_at_their_entry(column: str, value: str) -> None:
    run(f"UPDATE audit_auditentry SET {column} = {value} WHERE sequence = 3")  # noqa: S608
    assert refusal().startswith("Broken: entry 3 ")


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("sequence", [1, 3])
def test_a_removed_entry_is_found(sequence: int) -> None:
    run("DELETE FROM audit_auditentry WHERE sequence = %s", sequence)
    assert refusal().startswith(f"Broken: entry {sequence} is missing")


@pytest.mark.usefixtures("log")
def test_a_cut_end_is_found_by_the_head() -> None:
    run("DELETE FROM audit_auditentry WHERE sequence > 3")
    assert refusal() == "Broken: entry 4 is missing: the head row states 5 entries"


@pytest.mark.usefixtures("log")
def test_an_emptied_log_is_found_by_the_head() -> None:
    run("DELETE FROM audit_auditentry")
    assert refusal() == "Broken: entry 1 is missing: the head row states 5 entries"


@pytest.mark.usefixtures("log")
def test_an_end_cut_together_with_the_head_is_found_by_the_file_in_the_home() -> None:
    root = AuditEntry.objects.get(pk=3).hash
    witness.keep_head()
    run("DELETE FROM audit_auditentry WHERE sequence > 3")
    run("UPDATE audit_audithead SET sequence = 3, hash = %s", root)
    assert refusal() == "Broken: entry 4 is missing: the file audit_head states 5 entries"


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("change", "entry"),
    [
        ("UPDATE audit_audithead SET hash = REPLACE(hash, SUBSTR(hash, 1, 1), 'x')", 5),
        ("UPDATE audit_audithead SET sequence = 4", 4),
        ("UPDATE audit_audithead SET sequence = 6", 6),
        ("DELETE FROM audit_audithead", 1),
    ],
)
def test_a_changed_head_is_found(change: str, entry: int) -> None:
    run(change)
    assert refusal().startswith(f"Broken: entry {entry} ")


@pytest.mark.usefixtures("log")
def test_an_entry_put_behind_the_head_is_found() -> None:
    head = AuditHead.objects.get()
    write()
    run("UPDATE audit_audithead SET sequence = %s, hash = %s", head.sequence, head.hash)
    assert refusal() == "Broken: entry 6 is behind the end that the head row states"


def test_an_export_holds_all_hashed_fields_and_verifies(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.loads(line) for line in exported.read_text().splitlines()]
    assert [line["sequence"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[2].keys() == set(COLUMNS)
    assert lines[2]["payload"] == {"number": 2}
    capsys.readouterr()

    call_command("audit_verify", "--export", str(exported))

    out = capsys.readouterr().out
    assert out.startswith(f"Intact: 5 entries, root {lines[-1]['hash']}\n")


def test_an_export_needs_no_particular_spacing_or_order_of_keys(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.loads(line) for line in exported.read_text().splitlines()]
    turned = [dict(reversed(line.items())) for line in lines]
    exported.write_text("\n".join(json.dumps(line, indent=None) for line in turned))

    call_command("audit_verify", "--export", str(exported))

    assert capsys.readouterr().out.startswith(f"Intact: {len(lines)} entries")


def test_a_flip_of_any_byte_of_an_export_is_found(exported: Path) -> None:
    text = exported.read_bytes()
    begin = text.index(b"\n") + 1
    end = text.index(b"\n", begin)
    for place in range(begin, end):
        exported.write_bytes(text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :])
        assert refusal("--export", str(exported)).startswith("Broken: entry 2 ")


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line | {"extra": ""},
        lambda line: {key: value for key, value in line.items() if key != "actor"},
        lambda line: line | {"payload": {"number": 1.0}},
        lambda line: line | {"payload": "{}"},
        lambda line: line | {"sequence": "2"},
        lambda line: line | {"sequence": True},
        lambda line: line | {"address": None},
        lambda line: [line],
    ],
    ids=["extra", "lacking", "float", "text", "sequence", "bool", "null", "list"],
)
def test_a_line_of_another_shape_is_found(
    exported: Path, change: Callable[[dict[str, object]], object]
) -> None:
    lines = exported.read_text().splitlines()
    lines[1] = json.dumps(change(json.loads(lines[1])))
    exported.write_text("\n".join(lines))
    assert refusal("--export", str(exported)).startswith("Broken: entry 2 ")


def test_a_key_that_is_there_twice_is_found(exported: Path) -> None:
    lines = exported.read_text().splitlines()
    lines[1] = lines[1].replace('"sequence":2', '"sequence":2,"sequence":2')
    exported.write_text("\n".join(lines))
    assert refusal("--export", str(exported)).startswith("Broken: entry 2 ")


@pytest.mark.parametrize("content", [b"no export\n", b"\x89PNG\r\n\x1a\n\xff\n", b"[" * 100_000])
def test_a_file_that_is_no_export_is_unreadable(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(CommandError, match="no line of it is an entry") as error:
        call_command("audit_verify", "--export", str(path))
    assert error.value.returncode == 2


def test_a_missing_export_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file") as error:
        call_command("audit_verify", "--export", str(tmp_path / "none"))
    assert error.value.returncode == 2


@pytest.mark.django_db
def test_an_export_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written") as error:
        call_command("audit_export", str(tmp_path / "none" / "log.ndjson"))
    assert error.value.returncode == 2


@pytest.mark.usefixtures("log")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite stores any bytes as text")
def test_an_export_of_a_changed_log_shows_the_change(tmp_path: Path) -> None:
    run("UPDATE audit_auditentry SET actor = CAST(X'FF' AS TEXT) WHERE sequence = 3")
    path = tmp_path / "log.ndjson"
    call_command("audit_export", str(path))
    assert refusal("--export", str(path)).startswith("Broken: entry 3 ")
