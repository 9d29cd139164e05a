"""One file, copied elsewhere, checks an export: no console, no Django, nothing on the path."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from riskconsole.audit import checkpoints, signing, verify_export
from riskconsole.audit.models import AuditCheckpoint, AuditHead
from tests.clock import after
from tests.integration.audit.test_append_only import write

ENTRIES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditor:
    """A folder of somebody else with the verifier, an export, checkpoints and the key."""

    folder: Path
    roots: tuple[str, str]

    def check(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-W", "error", "verify_export.py", *arguments],
            cwd=self.folder,
            env={"PYTHONPATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    def lines(self) -> list[str]:
        return (self.folder / "log.ndjson").read_text().splitlines(keepends=True)

    def keep(self, lines: list[str]) -> None:
        (self.folder / "log.ndjson").write_text("".join(lines))


@pytest.fixture
def auditor(db: None, settings: Settings, tmp_path: Path) -> Auditor:
    settings.RISKCONSOLE_HOME = tmp_path / "home"
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    source = Path(verify_export.__file__).read_text()
    (folder / "verify_export.py").write_text(source)
    write(3)
    first = AuditHead.objects.get().hash
    checkpoints.take(now=after(0))
    write(3)
    checkpoints.take(now=after(1))
    call_command("audit_export", str(folder / "log.ndjson"))
    rows = AuditCheckpoint.objects.order_by("size")
    (folder / "seals").write_text("".join(map(checkpoints.text_of, rows)))
    (folder / "key.pem").write_text(signing.public_key_text())
    return Auditor(folder=folder, roots=(first, AuditHead.objects.get().hash))


SEALED = ("log.ndjson", "--checkpoint", "seals", "--public-key", "key.pem")


def test_it_imports_nothing_of_the_console() -> None:
    text = Path(verify_export.__file__).read_text()
    imported = [line for line in text.splitlines() if line.strip().startswith(("import ", "from "))]
    assert imported
    assert not [line for line in imported if "riskconsole" in line or "django" in line]


def test_an_intact_export_is_said_to_be_so_with_what_cannot_be_seen(auditor: Auditor) -> None:
    done = auditor.check("log.ndjson")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"Intact: 6 entries, root {auditor.roots[1]}\n"
        "No checkpoint was given: entries cut off the end, or a whole chain made anew, show only"
        " against a root kept elsewhere.\n"
    )


def test_with_checkpoints_it_says_how_far_they_reach(auditor: Auditor) -> None:
    done = auditor.check(*SEALED)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(
        "As kept elsewhere up to entry 6; what follows rests on the chain alone.\n"
    )


def test_a_root_from_a_mailbox_is_a_witness(auditor: Auditor) -> None:
    kept = f"3:{auditor.roots[0]}"
    assert "up to entry 3;" in auditor.check("log.ndjson", "--root", kept).stdout
    other = auditor.check("log.ndjson", "--root", f"3:{auditor.roots[1]}")
    assert other.returncode == 1
    assert other.stderr == "Broken: entry 3 is not the one that the root given for 3 states\n"


def test_a_truncated_export_is_intact_alone_and_broken_by_a_checkpoint(auditor: Auditor) -> None:
    auditor.keep(auditor.lines()[:4])
    assert auditor.check("log.ndjson").returncode == 0
    done = auditor.check(*SEALED)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "Broken: entry 5 is missing: the checkpoint of 2030-01-02T12:00:01Z"
    )


def test_a_changed_entry_is_named(auditor: Auditor) -> None:
    lines = auditor.lines()
    lines[2] = lines[2].replace("system", "sistem")
    auditor.keep(lines)
    done = auditor.check("log.ndjson")
    assert done.returncode == 1
    assert done.stderr == "Broken: entry 3 is not what its hash was made of\n"


@pytest.mark.parametrize("change", [{"size": 5}, {"root": "0" * 64}, {"key_id": "0" * 32}])
def test_a_forged_checkpoint_is_found(auditor: Auditor, change: dict[str, object]) -> None:
    kept = json.loads((auditor.folder / "seals").read_text().splitlines()[1])
    (auditor.folder / "seals").write_text(json.dumps(kept | change))
    done = auditor.check(*SEALED)
    assert done.returncode == 1
    assert "that this key did not sign" in done.stderr


def test_checkpoints_of_another_key_are_not_taken(auditor: Auditor) -> None:
    Path(auditor.folder.parent / "home" / signing.FILE_NAME).unlink()
    (auditor.folder / "key.pem").write_text(signing.public_key_text())
    assert auditor.check(*SEALED).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("none",), "cannot be read: No such file"),
        (("key.pem",), "is no export"),
        (("log.ndjson", "--checkpoint", "seals"), "give --public-key FILE too"),
        (("log.ndjson", "--checkpoint", "none", "--public-key", "key.pem"), "cannot be read"),
        (("log.ndjson", "--checkpoint", "key.pem", "--public-key", "key.pem"), "no checkpoint"),
        (("log.ndjson", "--checkpoint", "seals", "--public-key", "seals"), "no public key in PEM"),
        (("log.ndjson", "--root", "3"), "is not SIZE:ROOT"),
        (("log.ndjson", "--root", "3:xyz"), "is not SIZE:ROOT"),
        ((), "usage:"),
    ],
)
def test_what_cannot_be_read_ends_with_two_and_a_sentence(
    auditor: Auditor, arguments: tuple[str, ...], reason: str
) -> None:
    done = auditor.check(*arguments)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_takes_the_same_witnesses(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = auditor.folder
    options = ["--checkpoint", str(folder / "seals"), "--public-key", str(folder / "key.pem")]
    for checked in ([], ["--export", str(folder / "log.ndjson")]):
        call_command("audit_verify", *checked, *options)
        assert "As kept elsewhere up to entry 6" in capsys.readouterr().out
