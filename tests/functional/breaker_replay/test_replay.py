"""The command `replay` on real crashes, and what it refuses."""

import gzip
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from tests.conftest import missing_part
from tests.unit.breaker.tapes import HEADER, row

DATA = Path(os.environ.get("RISKCONSOLE_CRASH_DATA", settings.BASE_DIR / "../shared/data"))


def real(name: str) -> str:
    path = DATA / f"{name}.csv.gz"
    if not path.exists():
        missing_part(f"no recorded crash at RISKCONSOLE_CRASH_DATA ({path.name})")
    return str(path)


def replay(*arguments: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    call_command("replay", *arguments, "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command("replay", *arguments)
    assert error.value.returncode == 2
    return str(error.value)


@pytest.mark.parametrize(
    ("file", "stakes", "warning_at", "trip", "lowest"),
    [
        (
            "crash_2021-05-19__binance-spot__1m",
            "--cash 20000 --spot BTC=0.5 --spot ETH=6 --spot SOL=100",
            "2021-05-19T01:37:00Z",
            ("2021-05-19T03:02:00Z", "63772.485"),
            "49753.46",
        ),
        (
            "crash_2022-06-13__binance-usdm-perp__1m",
            "--cash 50000 --perp BTCUSDT=1.5@28000 --perp ETHUSDT=-4@1500",
            "2022-06-12T14:16:00Z",
            ("2022-06-13T00:51:00Z", "47878.15"),
            "40845.57",
        ),
        (
            "crash_2024-08-05__binance-spot__1m",
            "--cash 30000 --spot BTC=0.6 --spot ETH=12",
            "2024-08-04T17:11:00Z",
            ("2024-08-04T17:45:00Z", "96250.32"),
            "85715.814",
        ),
        (
            "calm_2023-09-22__binance-usdm-perp__1m",
            "--cash 30000 --perp BTCUSDT=1@26550",
            None,
            None,
            "29616.60",
        ),
    ],
)
def test_a_real_market_gives_the_known_outcome(
    file: str,
    stakes: str,
    warning_at: str | None,
    trip: tuple[str, str] | None,
    lowest: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = replay(real(file), *stakes.split(), capsys=capsys)
    assert found["warning_at"] == warning_at
    assert (found["trip"] and (found["trip"]["at"], found["trip"]["equity"])) == trip
    assert found["lowest_equity"] == lowest


def test_judging_the_data_does_not_hide_a_real_crash(capsys: pytest.CaptureFixture[str]) -> None:
    stakes = ["--cash", "30000", "--spot", "BTC=0.6", "--spot", "ETH=12", "--data-quality"]
    found = replay(real("crash_2024-08-05__binance-spot__1m"), *stakes, capsys=capsys)
    assert found["trip"]["at"] == "2024-08-04T17:45:00Z"
    assert found["data_quality"]["blind"] == 0


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    path = tmp_path / "bars.csv"
    closes = ("100", "96", "94", "90", "93")
    rows = [row(minute=minute, close=close) for minute, close in enumerate(closes)]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def test_json_has_the_promised_shape(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(str(bars), "--spot", "BTC=1", capsys=capsys) == {
        "bars": 5,
        "first_at": "2024-08-05T00:01:00Z",
        "last_at": "2024-08-05T00:05:00Z",
        "initial_equity": "100.00",
        "warning_at": "2024-08-05T00:02:00Z",
        "trip": {
            "at": "2024-08-05T00:03:00Z",
            "equity": "94.00",
            "loss_ratio": "0.06",
            "cause": "LOSS",
        },
        "lowest_equity": "90.00",
        "lowest_at": "2024-08-05T00:04:00Z",
        "final_equity": "93.00",
        "loss_avoided": "4.00",
        "data_quality": None,
    }


def test_a_person_reads_the_same_facts(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("replay", str(bars), "--spot", "BTC=1")
    out, err = capsys.readouterr()
    assert "Trip           2024-08-05T00:03:00Z at 94.00 USDT, loss 0.06 (LOSS)" in out
    assert "Loss avoided   4.00 USDT" in out
    assert err == ""  # no progress bar where nobody watches


def test_capital_and_limits_are_taken_in_percent(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--spot", "BTC=1", "--capital", "200", "--warning", "50", "--trip", "55"]
    found = replay(str(bars), *options, capsys=capsys)
    assert found["warning_at"] == "2024-08-05T00:01:00Z"
    assert found["trip"]["at"] == "2024-08-05T00:04:00Z"
    assert found["trip"]["loss_ratio"] == "0.55"


def test_symbols_split_against_another_currency(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bars.csv"
    rows = [row(minute=m, close="100", symbol="BTCEUR") for m in range(2)]
    path.write_text("\n".join([HEADER, *rows]))
    options = ["--spot", "BTC=1", "--currency", "EUR"]
    assert replay(str(path), *options, capsys=capsys)["initial_equity"] == "100.00"


def test_the_chart_is_one_svg_file_that_runs_nothing(bars: Path, tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    call_command("replay", str(bars), "--spot", "BTC=1", "--chart", str(chart))
    text = chart.read_text()
    root = ET.fromstring(text)  # noqa: S314 - the file was just made here
    kinds = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert kinds.count("polyline") == 1
    assert kinds.count("circle") == 1
    assert not {"script", "style", "image", "use"} & set(kinds)
    assert "href" not in text
    assert "Trip 5 % 95.00" in text
    assert "Trip 2024-08-05T00:03:00Z at 94.00 USDT" in text


def test_the_chart_of_a_calm_market_has_no_trip_marker(tmp_path: Path) -> None:
    path, chart = tmp_path / "bars.csv", tmp_path / "chart.svg"
    path.write_text("\n".join([HEADER, *(row(minute=m, close="1") for m in range(2))]))
    call_command("replay", str(path), "--spot", "BTC=1", "--chart", str(chart))
    assert "circle" not in chart.read_text()
    assert "The breaker never trips" in chart.read_text()


def test_a_chart_that_cannot_be_written_is_refused(bars: Path, tmp_path: Path) -> None:
    chart = tmp_path / "nowhere" / "chart.svg"
    message = refusal(str(bars), "--spot", "BTC=1", "--chart", str(chart))
    assert message == f"--chart {chart}: cannot be written: No such file or directory"


def test_gzip_and_plain_text_are_the_same(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = bars.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(bars.read_bytes()))
    plain = replay(str(bars), "--spot", "BTC=1", capsys=capsys)
    assert replay(str(packed), "--spot", "BTC=1", capsys=capsys) == plain


def test_a_broken_gzip_is_refused(bars: Path) -> None:
    packed = bars.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(bars.read_bytes())[:-9])
    assert refusal(str(packed), "--spot", "BTC=1").startswith(f"{packed} line ")
    packed.write_bytes(bars.read_bytes())
    assert refusal(str(packed), "--spot", "BTC=1").startswith(f"{packed} line 1: cannot be read")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    message = refusal(str(path), "--spot", "BTC=1")
    assert message == f"{path} line 1: cannot be read: No such file or directory"


def test_a_line_that_is_not_utf_8_is_refused_by_its_number(bars: Path) -> None:
    bars.write_bytes(bars.read_bytes() + b"\xff\n")
    assert refusal(str(bars), "--spot", "BTC=1").startswith(f"{bars} line 7: cannot be read")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--spot BTC=1 --warning x", "--warning: 'x' is not a plain finite number"),
        ("--spot BTC=1 --trip 0", "--trip: '0' is not above zero"),
        ("--spot BTC=1 --capital -1", "--capital: '-1' is not above zero"),
        ("--spot BTC=1 --warning 5", "Limits must be 0 < warning < trip < 100 percent"),
        ("--spot SOL=1", "SOLUSDT is held, but no line has a bar of it"),
        ("", "Nothing is held"),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(bars: Path, options: str, message: str) -> None:
    found = refusal(str(bars), *options.split())
    assert message in found
    assert "\n" not in found


def test_it_needs_no_database_and_ends_with_status_2_on_bad_input(
    bars: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    environment = os.environ | {
        "RISKCONSOLE_HOME": str(home),
        "DATABASE_URL": "postgres://nobody@localhost:1/none",
    }

    def status(*arguments: str) -> int:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "replay", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode

    assert status(str(bars), "--spot", "BTC=1") == 0
    assert status(str(bars), "--spot", "BTC=x") == 2
    assert not list(home.glob("*.sqlite3"))
