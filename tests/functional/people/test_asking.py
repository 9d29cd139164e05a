"""Once a portfolio is armed, an admin asks another one for what loosens."""

import json

import pytest
from django.test import Client

from breaker.domain.approval import RequestKind
from breaker.models import ChangeRequest
from portfolio.models import Membership, Portfolio, Role
from riskconsole.people.models import User
from tests.clock import NOON
from tests.factories import make_portfolio, make_user

pytestmark = pytest.mark.django_db
REASON = "she takes over from Tom next week"


@pytest.fixture
def admin(client: Client) -> Client:
    portfolio = make_portfolio()
    Portfolio.objects.filter(pk=portfolio.pk).update(armed_at=NOON)
    make_user("alice", portfolio=portfolio, role=Role.OPERATOR)
    client.force_login(make_user("admin", site="ADMIN"))
    return client


def post(client: Client, path: str, **fields: str) -> str:
    user = User.objects.get(username="alice")
    answer = client.post(f"/settings/people/{user.pk}/{path}/", fields, follow=True)
    return answer.content.decode()


def test_a_new_approver_is_asked_for_with_a_reason(admin: Client) -> None:
    page = post(admin, "roles/add", portfolio="main", role="APPROVER", reason=REASON)

    request = ChangeRequest.objects.get()
    assert (request.kind, request.portfolio, request.reason) == (RequestKind.CHANGE, None, REASON)
    assert json.loads(request.payload)["changes"] == ["alice becomes APPROVER of Main"]
    assert "another admin has to approve" in page
    assert not Membership.objects.filter(role=Role.APPROVER).exists()


def test_without_a_reason_it_is_refused_with_what_is_missing(admin: Client) -> None:
    page = post(admin, "roles/add", portfolio="main", role="APPROVER", reason="because")

    assert "at least 20 characters, this has 7" in page
    assert not ChangeRequest.objects.exists()


def test_a_new_admin_is_asked_for(admin: Client) -> None:
    post(admin, "site-role", site_role="ADMIN", reason=REASON)

    assert json.loads(ChangeRequest.objects.get().payload)["changes"] == [
        "alice becomes ADMIN of the site"
    ]
    assert User.objects.get(username="alice").site_role == ""


def test_a_second_factor_is_asked_for(admin: Client) -> None:
    post(admin, "second-factor/reset", reason=REASON)

    assert ChangeRequest.objects.get().kind == RequestKind.SECOND_FACTOR
