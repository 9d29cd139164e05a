"""A whole console on a home of its own, with books that one tick can trip."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep

import django

ROOT = Path(__file__).parents[1]
PORTFOLIOS, INSTRUMENTS = 20, 50
SHARED = tuple(f"A{number}/USDT" for number in range(INSTRUMENTS))
OPENING = Decimal(100)
READY_SECONDS = 60.0

# Four fifths of each book hang on an instrument of its own: 8 % down there is a loss of 6.4 %.
_BOOK = """
[[portfolio]]
slug = "book-{number}"
name = "Book {number}"
reference_currency = "USDT"
initial_capital = "10000"
limits = {{ max_mark_age = 3600 }}
[[portfolio.account]]
slug = "paper"
venue = "paper"
kind = "spot"
[portfolio.account.paper]
balances = {{ P{number} = "80", {shared} }}
orders = [{{ instrument = "A0/USDT", side = "BUY", type = "LIMIT", quantity = "1", price = "10" }}]
"""


@contextmanager
def console() -> Iterator[str]:
    """Run a console on a new home until the block ends; yield its address.

    The settings of this process are read once, so each process runs one console at most.
    """
    with tempfile.TemporaryDirectory(prefix="rc-bench-", ignore_cleanup_errors=True) as home:
        os.environ["RISKCONSOLE_HOME"] = home
        os.environ["DJANGO_SETTINGS_MODULE"] = "riskconsole.settings"
        django.setup()
        _prepare()
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "up", "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield _address(process)
        finally:
            process.terminate()
            process.wait()


def private(number: int) -> str:
    """Return the instrument that only this book holds."""
    return f"P{number}/USDT"


def arm() -> None:
    """Push every opening price twice, as only the second of a new instrument counts, and wait."""
    from portfolio.marks import NewMark, accept
    from portfolio.models import Portfolio

    instruments = (*SHARED, *(private(number) for number in range(PORTFOLIOS)))
    marks = [NewMark(instrument=instrument, price=OPENING) for instrument in instruments]
    for _ in range(2):
        accept(venue="paper", marks=marks, now=datetime.now(UTC))
    deadline = monotonic() + READY_SECONDS
    while Portfolio.objects.filter(armed_at=None).exists():
        if monotonic() > deadline:
            raise TimeoutError("The books were not armed in time")
        sleep(0.1)


def session_cookie() -> str:
    """Return the cookie of a signed-in auditor, who sees every book."""
    from django.conf import settings
    from django.test import Client

    from riskconsole.people.models import User

    client = Client(HTTP_HOST="localhost")
    client.force_login(User.objects.get(username="auditor"))
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


def _prepare() -> None:
    from django.core.management import call_command

    from breaker.services.desired.document import read_document
    from breaker.services.desired.execution import make_so
    from breaker.services.desired.steps import By
    from riskconsole.people.models import SiteRole, User

    call_command("migrate", verbosity=0, interactive=False)
    shared = ", ".join(f'{instrument.split("/")[0]} = "0.4"' for instrument in SHARED)
    books = [_BOOK.format(number=number, shared=shared) for number in range(PORTFOLIOS)]
    document, lines = read_document("".join(books))
    make_so(document, lines, by=By(now=datetime.now(UTC)))
    User.objects.create(username="auditor", site_role=SiteRole.AUDITOR)


def _address(process: subprocess.Popen[str]) -> str:
    said = []
    for line in process.stdout or ():
        if found := re.fullmatch(r"ready (http://\S+)\n", line):
            return found[1]
        said.append(line)
    raise RuntimeError(f"`up` ended before it was ready:\n{''.join(said)}")
