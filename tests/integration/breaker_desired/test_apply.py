"""`apply`: what the file says becomes so, all of it or nothing, and twice is once."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from breaker.models import Breaker
from oms.models import PaperOrder, PaperPosition
from portfolio.models import Evaluation, Membership, Portfolio, Venue, VenueAccount
from riskconsole.audit.models import AuditEntry
from riskconsole.people.models import User
from tests.integration.breaker_desired.conftest import Applying, contents

pytestmark = pytest.mark.django_db

BOOK = """\
[[portfolio]]
slug = "main"
name = "Main book"
reference_currency = "USDT"
initial_capital = "10000"
pegs = ["USDC"]
[portfolio.limits]
warning = "3"
trip = 5.0
hysteresis = 0.25
warning_dwell = 10
max_mark_age = "12.5"
[[portfolio.account]]
slug = "cash"
venue = "manual"
kind = "spot"
[[portfolio.account]]
slug = "perp"
venue = "paper"
kind = "margin"
[portfolio.account.paper]
seed = 1
balances = { USDT = "10000" }
positions = [{ instrument = "BTC/USDT:USDT", side = "LONG", quantity = 0.1, entry_price = "60000" }]
orders = [{ instrument = "BTC/USDT:USDT", side = "BUY", type = "LIMIT", quantity = "0.1", price = "55000", reduce_only = false }]
[[portfolio.member]]
user = "operator"
role = "OPERATOR"

[[user]]
username = "operator"
email = "operator@example.com"
password_env = "OPERATOR_PASSWORD"
site_role = "AUDITOR"

[[venue]]
slug = "desk"
exchange = "kraken"
source = "push"
"""


def test_everything_in_the_file_is_there_afterwards(applying: Applying) -> None:
    applying(BOOK)

    portfolio = Portfolio.objects.get()
    assert portfolio.name == "Main book"
    assert portfolio.initial_capital == Decimal(10000)
    assert portfolio.reference_equity == portfolio.floor_base == Decimal(10000)
    assert portfolio.pegs == ["USDC"]
    breaker = Breaker.objects.get()
    assert (breaker.warning_ratio, breaker.trip_ratio) == (Decimal("0.03"), Decimal("0.05"))
    assert breaker.hysteresis_ratio == Decimal("0.0025")
    assert breaker.max_mark_age.total_seconds() == 12.5
    assert Evaluation.objects.filter(portfolio=portfolio).exists()
    accounts = VenueAccount.objects.order_by("slug").values_list("slug", "venue__slug", "kind")
    assert list(accounts) == [("cash", "manual", "SPOT"), ("perp", "paper", "MARGIN")]
    assert PaperPosition.objects.get().quantity == Decimal("0.1")
    assert PaperOrder.objects.get().price == Decimal(55000)
    member = Membership.objects.get()
    assert (member.user.username, member.role) == ("operator", "OPERATOR")
    assert (member.user.email, member.user.site_role) == ("operator@example.com", "AUDITOR")
    assert member.user.check_password("correct horse staple")
    assert Venue.objects.get(slug="desk").source == "PUSH"


def test_every_change_has_its_audit_entry(applying: Applying) -> None:
    applying(BOOK)

    entries = AuditEntry.objects.order_by("sequence").values_list("action", "subject", "actor")
    assert sorted(entries) == [
        ("people.user.created", "user:operator", "command"),
        ("portfolio.account.added", "portfolio:main", "command"),
        ("portfolio.account.added", "portfolio:main", "command"),
        ("portfolio.member.added", "portfolio:main", "command"),
        ("portfolio.portfolio.created", "portfolio:main", "command"),
        ("portfolio.venue.created", "venue:desk", "command"),
    ]
    assert "correct horse staple" not in str(list(AuditEntry.objects.values()))


def test_applying_twice_changes_nothing_the_second_time(applying: Applying) -> None:
    applying(BOOK)
    before = contents()

    assert applying(BOOK) == "Nothing to change\n"
    assert contents() == before


def test_check_prints_what_apply_would_do_and_does_nothing(applying: Applying) -> None:
    before = contents()

    promised = applying(BOOK, "--check")

    assert contents() == before
    assert applying(BOOK) == promised
    assert "+ portfolio main 10000.00 USDT" in promised.splitlines()
    assert applying(BOOK, "--check") == "Nothing to change\n"


def test_what_the_file_does_not_name_is_left_alone(applying: Applying) -> None:
    applying(BOOK)
    before = contents()

    assert applying('[[portfolio]]\nslug = "main"\n') == "Nothing to change\n"
    assert contents() == before


def test_a_number_as_text_or_as_number_is_the_same(applying: Applying) -> None:
    applying(BOOK)
    other = BOOK.replace('"3"', "3").replace("5.0", '"5"').replace('"10000"\npegs', "1e4\npegs")

    assert applying(other) == "Nothing to change\n"


def test_a_portfolio_without_capital_is_not_protected_until_it_has_one(applying: Applying) -> None:
    text = BOOK.replace('initial_capital = "10000"\n', "")
    applying(text)
    breaker = Breaker.objects.select_related("portfolio").get()
    assert not breaker.is_protected

    printed = applying(BOOK)

    breaker = Breaker.objects.select_related("portfolio").get()
    assert breaker.is_protected
    assert printed == "~ portfolio main: initial_capital none -> 10000.00\n"


def test_an_existing_user_keeps_the_password(
    applying: Applying, monkeypatch: pytest.MonkeyPatch
) -> None:
    applying(BOOK)
    monkeypatch.delenv("OPERATOR_PASSWORD")

    assert applying(BOOK) == "Nothing to change\n"
    assert User.objects.get().check_password("correct horse staple")


def test_an_account_that_exists_is_never_set_up_again(applying: Applying) -> None:
    applying(BOOK)
    PaperOrder.objects.all().delete()

    applying(BOOK.replace("seed = 1", "seed = 2"))

    assert not PaperOrder.objects.exists()


WRONG = [
    ('slug = "main"', 'slug = "main"\nsloug = 1', 3, "portfolio.sloug"),
    ('slug = "main"', 'slug = "ma in"', 2, "portfolio.slug"),
    ('slug = "main"', "slug = 5", 2, "portfolio.slug"),
    ('name = "Main book"', 'name = ""', 3, "portfolio.name"),
    ('"USDT"\ninitial', '"US DT"\ninitial', 4, "portfolio.reference_currency"),
    ('capital = "10000"', "capital = 0", 5, "portfolio.initial_capital"),
    ('capital = "10000"', "capital = -1", 5, "portfolio.initial_capital"),
    ('capital = "10000"', "capital = nan", 5, "portfolio.initial_capital"),
    ('capital = "10000"', "capital = 1e400", 5, "portfolio.initial_capital"),
    ('capital = "10000"', 'capital = "10,000"', 5, "portfolio.initial_capital"),
    ('capital = "10000"', "capital = true", 5, "portfolio.initial_capital"),
    ('warning = "3"', "warning = 0", 8, "portfolio.limits.warning"),
    ('warning = "3"', "warning = 5", 8, "portfolio.limits.warning"),
    ('warning = "3"', "warning = inf", 8, "portfolio.limits.warning"),
    ("trip = 5.0", "trip = 100", 9, "portfolio.limits.trip"),
    ("trip = 5.0", "trip = 2.9", 8, "portfolio.limits.warning"),
    ("trip = 5.0", 'trip = "5 %"', 9, "portfolio.limits.trip"),
    ("hysteresis = 0.25", "hysteresis = -1", 10, "portfolio.limits.hysteresis"),
    ("hysteresis = 0.25", "hysteresis = 3", 10, "portfolio.limits.hysteresis"),
    ("warning_dwell = 10", "warning_dwell = -1", 11, "portfolio.limits.warning_dwell"),
    ("warning_dwell = 10", "warning_dwell = 1e30", 11, "portfolio.limits.warning_dwell"),
    ('age = "12.5"', "age = 0", 12, "portfolio.limits.max_mark_age"),
    ('age = "12.5"', 'age = 1\nclose_positions = "no"', 13, "portfolio.limits.close_positions"),
    ('venue = "manual"', 'venue = "nowhere"', 15, "portfolio.account.venue"),
    ('kind = "spot"', 'kind = "SPOT"', 16, "portfolio.account.kind"),
    (
        'kind = "spot"',
        'kind = "spot"\ncredentials_file = "k"',
        17,
        "portfolio.account.credentials_file",
    ),
    ('slug = "perp"', 'slug = "cash"', 18, "portfolio.account.slug"),
    ("seed = 1", 'seed = "one"', 22, "portfolio.account.paper.seed"),
    ('USDT = "10000" }', "USDT = inf }", 23, "portfolio.account.paper.balances.USDT"),
    ("quantity = 0.1, e", "quantity = 0, e", 24, "portfolio.account.paper.positions.quantity"),
    ('type = "LIMIT"', 'type = "MARKET"', 25, "portfolio.account.paper.orders.type"),
    ('user = "operator"', 'user = "nobody"', 27, "portfolio.member.user"),
    ('role = "OPERATOR"', 'role = "BOSS"', 28, "portfolio.member.role"),
    ('"operator@example.com"', '"operator"', 32, "user.email"),
    ('"OPERATOR_PASSWORD"', '"NOT_SET_ANYWHERE"', 33, "user.password_env"),
    ('password_env = "OPERATOR_PASSWORD"\n', "", 30, "user.password_env"),
    ('site_role = "AUDITOR"', 'site_role = "ROOT"', 34, "user.site_role"),
    ('slug = "desk"', 'slug = "manual"', 37, "venue.slug"),
    ('source = "push"', 'source = "pull"', 39, "venue.source"),
]


@pytest.mark.parametrize(("old", "new", "line", "key"), WRONG)
def test_what_is_wrong_is_named_by_line_and_key_and_nothing_is_done(
    applying: Applying, old: str, new: str, line: int, key: str
) -> None:
    assert old in BOOK
    before = contents()

    refusal = applying.refused(BOOK.replace(old, new, 1))

    assert refusal.startswith(f"line {line}: {key}: ")
    assert len(refusal.splitlines()) == 1
    assert contents() == before
    assert applying.refused(BOOK.replace(old, new, 1), "--check") == refusal


def test_every_mistake_is_named_at_once(applying: Applying) -> None:
    text = BOOK.replace('warning = "3"', "warning = 0").replace('kind = "spot"', 'kind = "x"')

    lines = applying.refused(text).splitlines()

    assert [line.split(":")[0] for line in lines] == ["line 8", "line 16"]


@pytest.mark.parametrize(
    "text", ['slug = "main', "[[portfolio]\n", "a = 1\na = 2\n", "a = 0x\n", "a = " + "1" * 5000]
)
def test_what_is_not_toml_is_called_that(applying: Applying, text: str) -> None:
    assert "is not TOML" in applying.refused(text)


def test_a_weak_password_is_refused_and_never_shown(
    applying: Applying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPERATOR_PASSWORD", "hunter2")

    refusal = applying.refused(BOOK)

    assert refusal.startswith("line 33: user.password_env: ")
    assert "hunter2" not in refusal
    assert not User.objects.exists()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none\.toml: cannot be read") as caught:
        call_command("apply", str(tmp_path / "none.toml"))

    assert caught.value.returncode == 2


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "desk.toml"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(CommandError, match="is not UTF-8"):
        call_command("apply", str(file))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"USDT"\ninitial', '"EUR"\ninitial', "portfolio.reference_currency"),
        ('venue = "manual"', 'venue = "desk"', "portfolio.account.venue"),
        ('kind = "spot"', 'kind = "margin"', "portfolio.account.kind"),
        ('exchange = "kraken"', 'exchange = "mexc"', "venue.exchange"),
    ],
)
def test_what_can_never_change_is_refused(applying: Applying, old: str, new: str, key: str) -> None:
    applying(BOOK)
    before = contents()

    assert f"{key}: " in applying.refused(BOOK.replace(old, new))
    assert contents() == before
