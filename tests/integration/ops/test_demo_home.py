from collections.abc import Sequence

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth import authenticate
from pytest_django import Settings

from portfolio.models import Membership, Portfolio, Role
from riskconsole.audit.models import AuditEntry
from riskconsole.ops.demo_home import demo_codes, prepare_demo
from riskconsole.people.models import SiteRole, User
from tests.clock import NOON

pytestmark = pytest.mark.django_db


def passwords(lines: Sequence[str]) -> dict[str, str]:
    words = [line.split() for line in lines]
    return {username: password for _, username, _, password, _, _ in words}


def secrets(lines: Sequence[str]) -> dict[str, str]:
    return {line.split()[1]: line.split()[5] for line in lines}


def test_the_announced_passwords_let_the_four_people_in() -> None:
    found = passwords(prepare_demo(now=NOON))
    assert list(found) == ["operator", "approver", "auditor", "admin"]
    for username, password in found.items():
        assert authenticate(username=username, password=password)
    roles = dict(User.objects.exclude(site_role="").values_list("username", "site_role"))
    assert roles == {"auditor": SiteRole.AUDITOR, "admin": SiteRole.ADMIN}


def test_the_announced_secrets_make_the_codes_of_the_banner(settings: Settings) -> None:
    settings.IS_DEMO = True
    found = secrets(prepare_demo(now=NOON))

    step = int(NOON.timestamp()) // 30
    assert {one.username: one.code for one in demo_codes(now=NOON)} == {
        username: format_hotp_value(hotp_value(secret, step)) for username, secret in found.items()
    }


def test_each_start_makes_new_secrets_and_the_old_are_worth_nothing() -> None:
    first = secrets(prepare_demo(now=NOON))
    second = secrets(prepare_demo(now=NOON))

    assert not set(first.values()) & set(second.values())
    assert Authenticator.objects.filter(type=Authenticator.Type.TOTP).count() == 4


def test_outside_a_demo_nobody_is_told_a_code() -> None:
    prepare_demo(now=NOON)

    assert demo_codes(now=NOON) == ()


def test_each_start_makes_new_passwords_and_leaves_the_portfolios_alone() -> None:
    first = passwords(prepare_demo(now=NOON))
    before = Portfolio.objects.count()
    second = passwords(prepare_demo(now=NOON))
    assert Portfolio.objects.count() == before
    assert authenticate(username="operator", password=first["operator"]) is None
    assert authenticate(username="operator", password=second["operator"])
    assert AuditEntry.objects.filter(action="people.password.set").count() == 8


def test_every_portfolio_has_somebody_who_halts_and_somebody_who_approves() -> None:
    prepare_demo(now=NOON)
    for portfolio in Portfolio.objects.all():
        roles = Membership.objects.filter(portfolio=portfolio).values_list("role", flat=True)
        assert set(roles) == {Role.OPERATOR, Role.APPROVER}
        assert portfolio.accounts.exists()
