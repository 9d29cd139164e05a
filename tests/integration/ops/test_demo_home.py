from collections.abc import Sequence

import pytest
from django.contrib.auth import authenticate

from portfolio.models import Membership, Portfolio, Role
from riskconsole.audit.models import AuditEntry
from riskconsole.ops.demo_home import prepare_demo
from riskconsole.people.models import SiteRole, User
from tests.clock import NOON

pytestmark = pytest.mark.django_db


def passwords(lines: Sequence[str]) -> dict[str, str]:
    words = [line.split() for line in lines]
    return {username: password for _, username, _, password in words}


def test_the_announced_passwords_let_the_three_people_in() -> None:
    found = passwords(prepare_demo(now=NOON))
    assert list(found) == ["operator", "approver", "auditor"]
    for username, password in found.items():
        assert authenticate(username=username, password=password)
    assert User.objects.get(username="auditor").site_role == SiteRole.AUDITOR


def test_each_start_makes_new_passwords_and_leaves_the_portfolios_alone() -> None:
    first = passwords(prepare_demo(now=NOON))
    before = Portfolio.objects.count()
    second = passwords(prepare_demo(now=NOON))
    assert Portfolio.objects.count() == before
    assert authenticate(username="operator", password=first["operator"]) is None
    assert authenticate(username="operator", password=second["operator"])
    assert AuditEntry.objects.filter(action="people.password.set").count() == 3


def test_every_portfolio_has_somebody_who_halts_and_somebody_who_approves() -> None:
    prepare_demo(now=NOON)
    for portfolio in Portfolio.objects.all():
        roles = Membership.objects.filter(portfolio=portfolio).values_list("role", flat=True)
        assert set(roles) == {Role.OPERATOR, Role.APPROVER}
        assert portfolio.accounts.exists()
