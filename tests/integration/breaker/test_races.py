"""Real processes against the real database: exactly one of them trips a breaker."""

import os
import subprocess
import sys
from urllib.parse import quote

import pytest
from django.db import connection

from breaker.models import Breaker, Trip
from oms.models import CancelRun
from tests.factories import make_portfolio
from tests.history import check_history

RACERS, BREAKERS = 8, 60


def database_url() -> str:
    """Return the URL of the database that the tests run on."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    user, password, host = (
        quote(str(settings[part]), safe="") for part in ("USER", "PASSWORD", "HOST")
    )
    return f"postgresql://{user}:{password}@{host}:{settings['PORT']}/{settings['NAME']}"


def start_racer(home: str) -> subprocess.Popen[str]:
    environment = os.environ | {"DATABASE_URL": database_url(), "RISKCONSOLE_HOME": home}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.racer"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.usefixtures("flushable_db")
def test_eight_processes_trip_sixty_breakers_once_each_without_an_error(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for number in range(BREAKERS):
        make_portfolio(f"book-{number}")
    connection.close()
    home = str(tmp_path_factory.mktemp("home"))
    racers = [start_racer(home) for _ in range(RACERS)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"

    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    endings = [racer.communicate(timeout=120) for racer in racers]

    assert [racer.returncode for racer in racers] == [0] * RACERS, endings
    assert sum(int(output) for output, _ in endings) == BREAKERS
    assert Trip.objects.count() == Breaker.objects.filter(state="TRIGGERED").count() == BREAKERS
    assert CancelRun.objects.count() == BREAKERS
    check_history()
