"""What admins do about people and tokens; for everybody else these pages do not exist."""

import re
from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone

from portfolio.models import Portfolio, Role
from riskconsole.audit.models import AuditEntry
from riskconsole.people.models import ApiToken, User
from riskconsole.people.services import authenticate_token, create_token
from tests.clock import NOON
from tests.factories import make_portfolio, make_user
from tests.second_factors import add_app

pytestmark = pytest.mark.django_db
PATHS = (
    "/settings/people/",
    "/settings/people/invite/",
    "/settings/people/{bob}/",
    "/settings/tokens/",
    "/settings/tokens/create/",
)
DEEDS = (
    "/settings/people/invite/",
    "/settings/people/{bob}/roles/add/",
    "/settings/people/{bob}/roles/remove/",
    "/settings/people/{bob}/site-role/",
    "/settings/people/{bob}/password-link/",
    "/settings/people/{bob}/second-factor/reset/",
    "/settings/people/{bob}/deactivate/",
    "/settings/people/{bob}/activate/",
    "/settings/people/invitations/1/revoke/",
    "/settings/tokens/create/",
    "/settings/tokens/bot/revoke/",
)


@pytest.fixture
def main() -> Portfolio:
    return make_portfolio("main")


@pytest.fixture
def bob(main: Portfolio) -> User:
    return make_user("bob", portfolio=main, role=Role.VIEWER)


@pytest.fixture
def adam() -> User:
    return make_user("adam", site="ADMIN")


@pytest.fixture
def desk(adam: User, bob: User) -> Client:
    client = Client()
    client.force_login(adam)
    return client


@pytest.fixture
def do(desk: Client, bob: User) -> Callable[..., str]:
    def do(deed: str, **fields: str) -> str:
        """Post one deed about bob; return what the page after it says."""
        answer = desk.post(f"/settings/people/{bob.pk}/{deed}/", fields)
        assert answer.status_code == 302
        return str(desk.get(answer["Location"]).content.decode())

    return do


def arm() -> None:
    Portfolio.objects.update(armed_at=timezone.now())


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("sequence").values_list("action", flat=True))


@pytest.mark.parametrize("site", ["", "AUDITOR"])
@pytest.mark.parametrize("path", PATHS)
def test_pages_are_for_admins(bob: User, site: str, path: str) -> None:
    client = Client()
    client.force_login(make_user("eve", site=site))

    assert client.get(path.format(bob=bob.pk)).status_code == 404
    assert actions() == ["people.access.refused"]


@pytest.mark.parametrize("path", DEEDS)
def test_deeds_are_for_admins(bob: User, main: Portfolio, path: str) -> None:
    superuser = User.objects.create_superuser("eve", password="x")
    superuser.memberships.create(portfolio=main, role=Role.APPROVER, since=NOON)
    client = Client()
    client.force_login(superuser)

    assert client.post(path.format(bob=bob.pk), {"role": "APPROVER"}).status_code == 404
    assert actions() == ["people.access.refused"]


@pytest.mark.parametrize("path", [*PATHS, *DEEDS])
def test_strangers_are_asked_to_sign_in(client: Client, bob: User, path: str) -> None:
    address = path.format(bob=bob.pk)

    assert client.post(address)["Location"] == f"/sign-in/?next={address}"


@pytest.mark.parametrize("path", PATHS)
def test_every_page_opens(desk: Client, bob: User, path: str) -> None:
    assert desk.get(path.format(bob=bob.pk)).status_code == 200


def test_the_list_shows_roles_and_second_factors(desk: Client, bob: User) -> None:
    add_app(bob)

    rows = {row.username: row for row in desk.get("/settings/people/").context["people"]}

    assert [(one.name, one.role) for one in rows["bob"].members] == [("Main", Role.VIEWER)]
    assert (rows["bob"].has_second_factor, rows["adam"].has_second_factor) == (True, False)
    assert (rows["adam"].site_role, rows["adam"].is_oneself) == ("ADMIN", True)
    assert rows["bob"].seen_at is None


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.APPROVER])
def test_roles_are_given_and_taken(do: Callable[..., str], bob: User, role: Role) -> None:
    do("roles/add", portfolio="main", role=role)
    assert set(bob.memberships.values_list("role", flat=True)) == {Role.VIEWER, role}

    do("roles/remove", portfolio="main", role=role)

    assert [one.role for one in bob.memberships.all()] == [Role.VIEWER]
    assert actions() == ["portfolio.member.added", "portfolio.member.removed"]


def test_a_role_tells_since_when(do: Callable[..., str], bob: User) -> None:
    before = timezone.now()

    do("roles/add", portfolio="main", role="OPERATOR")

    assert bob.memberships.get(role=Role.OPERATOR).since >= before


def test_once_armed_an_approver_takes_two(do: Callable[..., str], bob: User) -> None:
    arm()

    assert "second person" in do("roles/add", portfolio="main", role="APPROVER")
    do("roles/add", portfolio="main", role="OPERATOR")

    assert set(bob.memberships.values_list("role", flat=True)) == {Role.VIEWER, Role.OPERATOR}


def test_a_role_is_taken_at_once_even_when_armed(do: Callable[..., str], bob: User) -> None:
    do("roles/add", portfolio="main", role="APPROVER")
    arm()

    do("roles/remove", portfolio="main", role="APPROVER")

    assert not bob.memberships.filter(role=Role.APPROVER).exists()


@pytest.mark.parametrize(
    ("deed", "role", "words"),
    [("roles/add", "VIEWER", "already"), ("roles/remove", "OPERATOR", "is not OPERATOR")],
)
def test_what_cannot_be_is_said(do: Callable[..., str], deed: str, role: str, words: str) -> None:
    assert words in do(deed, portfolio="main", role=role)
    assert actions() == []


@pytest.mark.parametrize(
    "fields", [{"portfolio": "none", "role": "VIEWER"}, {"portfolio": "main", "role": "ADMIN"}, {}]
)
def test_an_unknown_role_or_portfolio_changes_nothing(
    do: Callable[..., str], fields: dict[str, str]
) -> None:
    do("roles/add", **fields)

    assert actions() == []


def test_once_armed_an_admin_takes_two_and_an_auditor_one(
    do: Callable[..., str], bob: User
) -> None:
    arm()

    assert "second person" in do("site-role", site_role="ADMIN")
    do("site-role", site_role="AUDITOR")

    bob.refresh_from_db()
    assert bob.site_role == "AUDITOR"
    assert actions() == ["people.user.changed"]


def test_before_anything_is_armed_one_admin_makes_another(
    do: Callable[..., str], bob: User
) -> None:
    do("site-role", site_role="ADMIN")

    bob.refresh_from_db()
    assert bob.site_role == "ADMIN"


def test_the_last_admin_stays(desk: Client, adam: User) -> None:
    desk.post(f"/settings/people/{adam.pk}/site-role/", {"site_role": ""})
    desk.post(f"/settings/people/{adam.pk}/deactivate/")

    adam.refresh_from_db()
    assert (adam.site_role, adam.is_active) == ("ADMIN", True)
    assert actions() == []


def test_nobody_deactivates_themselves(desk: Client, adam: User) -> None:
    make_user("ann", site="ADMIN")

    desk.post(f"/settings/people/{adam.pk}/deactivate/")

    adam.refresh_from_db()
    assert adam.is_active


def test_deactivating_ends_every_session_at_once(do: Callable[..., str], bob: User) -> None:
    theirs = Client()
    theirs.post("/sign-in/", {"username": "bob", "password": "a long password"})
    assert theirs.get("/settings/").status_code == 200

    do("deactivate")

    assert theirs.get("/settings/").status_code == 302
    theirs.post("/sign-in/", {"username": "bob", "password": "a long password"})
    assert "_auth_user_id" not in theirs.session
    assert actions()[1:] == ["people.user.deactivated", "people.sign_in.failed"]


def test_activating_lets_in_again(do: Callable[..., str], bob: User) -> None:
    do("deactivate")

    do("activate")

    bob.refresh_from_db()
    assert bob.is_active


@pytest.mark.parametrize("role", [Role.APPROVER, Role.OPERATOR])
def test_once_armed_an_approver_comes_back_by_two(
    do: Callable[..., str], bob: User, role: Role
) -> None:
    do("roles/add", portfolio="main", role=role)
    do("deactivate")
    arm()

    do("activate")

    bob.refresh_from_db()
    assert bob.is_active is (role is Role.OPERATOR)


def test_a_lost_second_factor_is_reset_until_something_is_armed(
    do: Callable[..., str], bob: User
) -> None:
    add_app(bob)
    do("second-factor/reset")
    assert not Authenticator.objects.exists()
    assert actions() == ["people.second_factor.reset"]

    add_app(bob)
    arm()

    assert "second person" in do("second-factor/reset")
    assert Authenticator.objects.exists()


def test_a_token_is_shown_once_and_revoked_at_once(desk: Client, main: Portfolio) -> None:
    page = desk.post(
        "/settings/tokens/create/",
        {"name": "bot", "scopes": ["gate", "read"], "portfolios": ["main"]},
    ).content.decode()
    found = re.search(r"data-secret>(rc_[\w-]+)<", page)
    assert found
    token = authenticate_token(found[1])
    assert token is not None
    assert (token.scopes, token.portfolios) == (["gate", "read"], ["main"])
    assert found[1] not in desk.get("/settings/tokens/").content.decode()

    desk.post("/settings/tokens/bot/revoke/")

    assert authenticate_token(found[1]) is None
    made, revoked = AuditEntry.objects.order_by("sequence")
    assert (made.action, made.actor) == ("people.token.created", "user:adam")
    assert (revoked.action, revoked.actor) == ("people.token.revoked", "user:adam")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "taken"},
        {"scopes": []},
        {"scopes": ["write"]},
        {"portfolios": ["none"]},
    ],
)
def test_a_token_form_that_is_wrong_makes_none(desk: Client, fields: dict[str, object]) -> None:
    create_token(name="taken", scopes=["read"], portfolios=[], now=NOON)
    body: dict[str, object] = {"name": "bot", "scopes": ["read"]}

    answer = desk.post("/settings/tokens/create/", body | fields)

    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert ApiToken.objects.count() == 1
