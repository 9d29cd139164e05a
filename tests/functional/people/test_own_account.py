"""One's own account: password, sessions, where one signs in."""

from datetime import timedelta

import pytest
from allauth.account.adapter import get_adapter
from allauth.account.utils import perform_login
from allauth.core.context import request_context
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client, RequestFactory
from django.utils import timezone

from riskconsole.audit.models import AuditEntry
from riskconsole.people.models import User
from riskconsole.people.selectors import FAILURES_PER_NAME, browser_of
from tests.factories import make_user
from tests.functional.people.conftest import PASSWORD

pytestmark = pytest.mark.django_db
CHANGE = "/settings/password/"
NEW = {"oldpassword": PASSWORD, "password1": "correct horse staple"} | {
    "password2": "correct horse staple"
}


def signed_in(**headers: str) -> Client:
    client = Client(**headers)  # type: ignore[arg-type]
    client.post("/sign-in/", {"username": "alice", "password": PASSWORD})
    return client


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("sequence").values_list("action", flat=True))


def test_a_new_password_signs_the_other_browsers_out(alice: User) -> None:
    here, elsewhere = signed_in(), signed_in()

    assert here.post(CHANGE, NEW)["Location"] == "/settings/"

    assert here.get("/settings/").status_code == 200
    assert elsewhere.get("/settings/").status_code == 302
    assert actions().count("people.password.changed") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"oldpassword": "wrong"},
        {"password1": "short", "password2": "short"},
        {"password2": "another horse staple"},
    ],
)
def test_a_password_that_may_not_be_changes_nothing(alice: User, change: dict[str, str]) -> None:
    here = signed_in()

    assert here.post(CHANGE, NEW | change).status_code == 200

    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert "people.password.changed" not in actions()


def test_guessing_the_old_password_is_slowed(alice: User) -> None:
    here = signed_in()
    for _ in range(FAILURES_PER_NAME):
        here.post(CHANGE, NEW | {"oldpassword": "wrong"})

    assert here.post(CHANGE, NEW).status_code == 200
    assert actions().count("people.sign_in.failed") == FAILURES_PER_NAME


def test_one_sees_ones_sessions_and_ends_another(alice: User) -> None:
    here, elsewhere = signed_in(), signed_in(REMOTE_ADDR="198.51.100.1")
    rows = here.get("/settings/sessions/").context["rows"]
    assert [(row.address, row.is_current) for row in rows] == [
        ("127.0.0.1", True),
        ("198.51.100.1", False),
    ]

    here.post(f"/settings/sessions/{rows[1].pk}/end/")

    assert elsewhere.get("/settings/").status_code == 302
    assert len(here.get("/settings/sessions/").context["rows"]) == 1
    entry = AuditEntry.objects.get(action="people.session.ended")
    assert (entry.actor, entry.subject) == ("user:alice", "user:alice")
    assert "198.51.100.1" in entry.payload


def test_nobody_ends_a_session_of_somebody_else(alice: User) -> None:
    make_user("bob")
    bob = Client()
    bob.post("/sign-in/", {"username": "bob", "password": PASSWORD})
    theirs = UserSession.objects.get(user__username="bob")

    assert signed_in().post(f"/settings/sessions/{theirs.pk}/end/").status_code == 404

    assert bob.get("/settings/").status_code == 200


def test_a_session_is_seen_at_most_once_a_minute(alice: User) -> None:
    here = signed_in()
    seen = UserSession.objects.get().last_seen_at

    here.get("/settings/")
    assert UserSession.objects.get().last_seen_at == seen

    UserSession.objects.update(last_seen_at=timezone.now() - timedelta(seconds=61))
    here.get("/settings/")
    assert UserSession.objects.get().last_seen_at > seen


def test_a_session_that_comes_from_elsewhere_says_so_at_once(alice: User) -> None:
    here = signed_in()

    here.get("/settings/", REMOTE_ADDR="203.0.113.7")

    assert UserSession.objects.get().ip == "203.0.113.7"


@pytest.mark.parametrize(
    "path",
    [
        "/sign-up/",
        "/signup/",
        "/accounts/signup/",
        "/sign-in/signup/",
        "/accounts/password/reset/",
        "/password/reset/",
    ],
)
def test_nobody_signs_up_and_nothing_is_mailed(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path, {"username": "eve", "password1": PASSWORD}).status_code == 404


def test_a_passkey_of_somebody_deactivated_signs_nobody_in(alice: User) -> None:
    User.objects.update(is_active=False)
    alice.refresh_from_db()
    request = RequestFactory().post("/sign-in/passkey/")
    request.session, request.user = SessionStore(), AnonymousUser()

    with request_context(request):
        answer = perform_login(request, alice)

    assert answer["Location"] == "/sign-in/"
    assert "_auth_user_id" not in request.session
    assert actions() == ["people.sign_in.failed"]


def test_the_adapter_is_closed_to_strangers_too() -> None:
    assert get_adapter().is_open_for_signup(None) is False


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]:8000", "127.0.0.1"])
def test_signing_in_moves_to_a_name(client: Client, host: str) -> None:
    answer = client.get("/sign-in/?next=/audit/", headers={"host": host})

    port = ":8000" if host.endswith("8000") else ""
    assert answer["Location"] == f"http://localhost{port}/sign-in/?next=/audit/"


@pytest.mark.parametrize("host", ["localhost:8000", "testserver"])
def test_a_name_is_left_as_it_is(client: Client, host: str) -> None:
    assert client.get("/sign-in/", headers={"host": host}).status_code == 200


def test_in_production_nothing_moves(client: Client, settings: object) -> None:
    settings.IS_PRODUCTION = True  # type: ignore[attr-defined]

    assert client.get("/sign-in/", headers={"host": "127.0.0.1:8000"}).status_code == 200


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36 Edg/156.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1", "Safari on iPhone"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 15.0; rv:140.0) Firefox/140.0",
            "Firefox on macOS",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
    ],
)
def test_a_browser_is_named_as_people_name_it(agent: str, words: str) -> None:
    assert browser_of(agent) == words
