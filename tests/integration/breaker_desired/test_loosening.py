"""An armed portfolio is tightened at once and never loosened by a file."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from breaker.models import Breaker
from portfolio.models import Portfolio
from riskconsole.audit.models import AuditEntry
from riskconsole.people.models import User
from tests.clock import NOON
from tests.integration.breaker_desired.conftest import Applying, contents

pytestmark = pytest.mark.django_db

BOOK = """\
[[portfolio]]
slug = "main"
reference_currency = "USDT"
initial_capital = 10000
pegs = ["USDC"]
[portfolio.limits]
warning = 3
trip = 5
hysteresis = 0.25
warning_dwell = 10
max_mark_age = 10
max_snapshot_age = 60
blind_trip_after = 300
cooldown = 900
lifetime_floor = 15
keep_reduce_only = false
[[portfolio.account]]
slug = "cash"
venue = "manual"
kind = "spot"
[[user]]
username = "alice"
email = "alice@example.com"
password_env = "OPERATOR_PASSWORD"
"""

MEMBER = '\n[[portfolio.member]]\nuser = "alice"\nrole = "{role}"\n'
ACCOUNT = '\n[[portfolio.account]]\nslug = "new"\nvenue = "manual"\nkind = "spot"\n'
ADMIN = (
    '\n[[user]]\nusername = "bob"\nemail = "bob@example.com"\n'
    'password_env = "OPERATOR_PASSWORD"\nsite_role = "{role}"\n'
)
ALICE = 'email = "alice@example.com"'

LOOSENING = [
    ("warning = 3", "warning = 3.1", 7, "portfolio.limits.warning"),
    ("trip = 5", "trip = 5.000001", 8, "portfolio.limits.trip"),
    ("hysteresis = 0.25", "hysteresis = 0.2", 9, "portfolio.limits.hysteresis"),
    ("warning_dwell = 10", "warning_dwell = 9", 10, "portfolio.limits.warning_dwell"),
    ("max_mark_age = 10", "max_mark_age = 11", 11, "portfolio.limits.max_mark_age"),
    ("max_snapshot_age = 60", "max_snapshot_age = 61", 12, "portfolio.limits.max_snapshot_age"),
    ("blind_trip_after = 300", "blind_trip_after = 301", 13, "portfolio.limits.blind_trip_after"),
    ("blind_trip_after = 300", "blind_trip_after = 0", 13, "portfolio.limits.blind_trip_after"),
    ("cooldown = 900", "cooldown = 899", 14, "portfolio.limits.cooldown"),
    ("lifetime_floor = 15", "lifetime_floor = 16", 15, "portfolio.limits.lifetime_floor"),
    (
        "keep_reduce_only = false",
        "keep_reduce_only = true",
        16,
        "portfolio.limits.keep_reduce_only",
    ),
    ("initial_capital = 10000", "initial_capital = 9999.99", 4, "portfolio.initial_capital"),
    ('pegs = ["USDC"]', 'pegs = ["USDC", "DAI"]', 5, "portfolio.pegs"),
    ('kind = "spot"\n', f'kind = "spot"\n{ACCOUNT}', 22, "portfolio.account"),
    ('kind = "spot"\n', f'kind = "spot"\n{MEMBER.format(role="APPROVER")}', 22, "portfolio.member"),
    (ALICE, f'{ALICE}\nsite_role = "ADMIN"', 24, "user.site_role"),
    (
        'password_env = "OPERATOR_PASSWORD"\n',
        f'password_env = "OPERATOR_PASSWORD"\n{ADMIN.format(role="ADMIN")}',
        26,
        "user",
    ),
]
NEUTRAL = [
    ('slug = "main"', 'slug = "main"\nname = "Another name"'),
    ('kind = "spot"\n', f'kind = "spot"\n{MEMBER.format(role="OPERATOR")}'),
    ('kind = "spot"\n', f'kind = "spot"\n{MEMBER.format(role="VIEWER")}'),
    (ALICE, f'{ALICE}\nsite_role = "AUDITOR"'),
    (ALICE, 'email = "alice@example.org"'),
    (
        'password_env = "OPERATOR_PASSWORD"\n',
        f'password_env = "OPERATOR_PASSWORD"\n{ADMIN.format(role="AUDITOR")}',
    ),
]
TIGHTENING = [
    ("warning = 3", "warning = 2.9", "warning_ratio", Decimal("0.029")),
    ("trip = 5", "trip = 4", "trip_ratio", Decimal("0.04")),
    ("hysteresis = 0.25", "hysteresis = 0.3", "hysteresis_ratio", Decimal("0.003")),
    ("warning_dwell = 10", "warning_dwell = 11", "warning_dwell", timedelta(seconds=11)),
    ("max_mark_age = 10", "max_mark_age = 9", "max_mark_age", timedelta(seconds=9)),
    ("max_snapshot_age = 60", "max_snapshot_age = 59", "max_snapshot_age", timedelta(seconds=59)),
    ("blind_trip_after = 300", "blind_trip_after = 1", "blind_trip_after", timedelta(seconds=1)),
    ("cooldown = 900", "cooldown = 901", "cooldown", timedelta(seconds=901)),
    ("lifetime_floor = 15", "lifetime_floor = 14", "floor_ratio", Decimal("0.14")),
]


@pytest.fixture
def armed(applying: Applying) -> Applying:
    applying(BOOK)
    Portfolio.objects.update(armed_at=NOON)
    return applying


def version() -> int:
    return Breaker.objects.get().version


@pytest.mark.parametrize(("old", "new", "line", "key"), LOOSENING)
def test_a_file_that_loosens_is_refused_whole(
    armed: Applying, old: str, new: str, line: int, key: str
) -> None:
    before = contents()
    text = BOOK.replace(old, new, 1)

    refusal = armed.refused(text)

    assert refusal.startswith(f"line {line}: {key}: ")
    assert "armed" in refusal
    assert contents() == before


@pytest.mark.parametrize(("old", "new", "line", "key"), LOOSENING)
def test_the_same_file_is_fine_before_the_portfolio_is_armed(
    applying: Applying,
    old: str,
    new: str,
    line: int,
    key: str,
) -> None:
    applying(BOOK)

    assert applying(BOOK.replace(old, new, 1)) != "Nothing to change\n"


def test_one_loosening_line_takes_every_tightening_line_with_it(armed: Applying) -> None:
    before = contents()

    armed.refused(BOOK.replace("trip = 5", "trip = 4").replace("cooldown = 900", "cooldown = 1"))

    assert contents() == before


def test_check_shows_the_difference_and_then_the_refusal(armed: Applying) -> None:
    assert "line 8: portfolio.limits.trip" in armed.refused(
        BOOK.replace("trip = 5", "trip = 6"), "--check"
    )


@pytest.mark.parametrize(("old", "new", "column", "value"), TIGHTENING)
def test_what_tightens_counts_at_once_under_a_new_version_and_is_recorded(
    armed: Applying, old: str, new: str, column: str, value: object
) -> None:
    before = version()

    armed(BOOK.replace(old, new, 1))

    assert getattr(Breaker.objects.get(), column) == value
    assert version() == before + 1
    entry = AuditEntry.objects.get(action="breaker.limits.changed")
    payload = json.loads(entry.payload)
    assert payload["field"] == old.split(" ")[0]
    assert payload["before"] != payload["after"]
    assert entry.portfolio == "main"


def test_never_for_blindness_is_tightened_by_any_time(applying: Applying) -> None:
    applying(BOOK.replace("blind_trip_after = 300", "blind_trip_after = 0"))
    Portfolio.objects.update(armed_at=NOON)

    applying(BOOK)

    assert Breaker.objects.get().blind_trip_after == timedelta(seconds=300)


def test_limits_that_change_together_never_cross_each_other(armed: Applying) -> None:
    armed(BOOK.replace("warning = 3", "warning = 1").replace("trip = 5", "trip = 2"))

    breaker = Breaker.objects.get()
    assert (breaker.warning_ratio, breaker.trip_ratio) == (Decimal("0.01"), Decimal("0.02"))
    changed = AuditEntry.objects.filter(action="breaker.limits.changed")
    assert changed.count() == 2


@pytest.mark.parametrize(("old", "new"), NEUTRAL)
def test_what_neither_loosens_nor_tightens_is_done(armed: Applying, old: str, new: str) -> None:
    before = version()

    assert armed(BOOK.replace(old, new, 1)) != "Nothing to change\n"
    assert version() == before


def test_fewer_pegs_tighten(armed: Applying) -> None:
    before = Portfolio.objects.get().holdings_version

    armed(BOOK.replace('pegs = ["USDC"]', "pegs = []"))

    portfolio = Portfolio.objects.get()
    assert portfolio.pegs == []
    assert portfolio.holdings_version == before + 1


def test_a_capital_that_was_taken_away_is_not_set_anew_by_a_file(applying: Applying) -> None:
    applying(BOOK.replace("initial_capital = 10000\n", ""))
    Portfolio.objects.update(armed_at=NOON)

    assert applying.refused(BOOK).startswith("line 4: portfolio.initial_capital: ")


def test_a_higher_capital_scales_the_reference_and_the_floor_with_it(applying: Applying) -> None:
    applying(BOOK)
    Portfolio.objects.update(
        reference_equity=Decimal(9000), floor_base=Decimal(8000), armed_at=NOON
    )
    before = version()

    applying(BOOK.replace("initial_capital = 10000", "initial_capital = 12000"))

    portfolio = Portfolio.objects.get()
    assert portfolio.initial_capital == Decimal(12000)
    assert portfolio.reference_equity == Decimal(10800)
    assert portfolio.floor_base == Decimal(9600)
    assert version() == before + 1


def test_an_admin_is_refused_while_any_portfolio_is_armed(armed: Applying) -> None:
    text = ADMIN.format(role="ADMIN")

    assert armed.refused(text).startswith("line 2: user: ")
    assert not User.objects.filter(username="bob").exists()
