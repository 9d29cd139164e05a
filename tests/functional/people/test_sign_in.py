"""Signing in and out: recorded, throttled, and never led away."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from riskconsole.audit.models import AuditEntry
from riskconsole.people.models import SignInFailure, Theme, User
from riskconsole.people.selectors import FAILURES_PER_ADDRESS, FAILURES_PER_NAME
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PASSWORD = "a long password"
SIGN_IN = "/sign-in/"


@pytest.fixture
def alice() -> User:
    return make_user("alice")


def sign_in(client: Client, username: str = "alice", password: str = PASSWORD, **more: str) -> int:
    body = {"username": username, "password": password, **more}
    return client.post(SIGN_IN, body).status_code


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("sequence").values_list("action", flat=True))


def test_the_right_password_signs_in_and_is_recorded(client: Client, alice: User) -> None:
    response = client.post(SIGN_IN, {"username": "alice", "password": PASSWORD})

    assert response["Location"] == reverse("breaker:overview")
    assert is_signed_in(client)
    entry = AuditEntry.objects.get(action="people.user.signed_in")
    assert (entry.actor, entry.address) == ("user:alice", "127.0.0.1")


def test_a_wrong_password_is_recorded_and_nobody_is_signed_in(client: Client, alice: User) -> None:
    assert sign_in(client, password="wrong") == 200

    assert not is_signed_in(client)
    assert AuditEntry.objects.get(action="people.sign_in.failed").subject == "user:alice"


def test_an_unknown_name_is_never_written_down(client: Client) -> None:
    sign_in(client, username="hunter2 is my password")

    assert SignInFailure.objects.get().username == ""
    assert "hunter2" not in str(list(AuditEntry.objects.values()))


def test_a_user_who_was_deactivated_is_refused(client: Client, alice: User) -> None:
    User.objects.update(is_active=False)

    sign_in(client)

    assert not is_signed_in(client)


def test_guessing_one_name_is_throttled_from_that_address_only(alice: User) -> None:
    attacker, owner = Client(REMOTE_ADDR="203.0.113.7"), Client(REMOTE_ADDR="198.51.100.1")
    for _ in range(FAILURES_PER_NAME):
        assert sign_in(attacker, password="wrong") == 200

    assert sign_in(attacker) == 429
    assert not is_signed_in(attacker)
    assert sign_in(owner) == 302
    assert actions().count("people.sign_in.failed") == FAILURES_PER_NAME


def test_guessing_many_names_is_throttled_by_address(alice: User, client: Client) -> None:
    for number in range(FAILURES_PER_ADDRESS):
        sign_in(client, username=f"user{number}", password="wrong")

    assert sign_in(client) == 429


def test_a_throttle_passes_by_itself(alice: User, client: Client) -> None:
    for _ in range(FAILURES_PER_NAME):
        sign_in(client, password="wrong")
    SignInFailure.objects.update(at=timezone.now() - timedelta(minutes=5))

    assert sign_in(client) == 302


def test_one_failure_less_than_the_throttle_still_signs_in(alice: User, client: Client) -> None:
    for _ in range(FAILURES_PER_NAME - 1):
        sign_in(client, password="wrong")

    assert sign_in(client) == 302


def test_signing_in_goes_on_to_the_page_that_was_asked_for(client: Client, alice: User) -> None:
    response = client.post(
        SIGN_IN, {"username": "alice", "password": PASSWORD, "next": "/audit/?x=1"}
    )

    assert response["Location"] == "/audit/?x=1"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"],
)
def test_signing_in_never_leads_to_another_site(
    client: Client, alice: User, elsewhere: str
) -> None:
    response = client.post(SIGN_IN, {"username": "alice", "password": PASSWORD, "next": elsewhere})

    assert response["Location"] == reverse("breaker:overview")


def test_a_session_gets_a_new_key_when_it_is_signed_in(client: Client, alice: User) -> None:
    session = client.session
    session["from"] = "before"
    session.save()
    before = session.session_key

    sign_in(client)

    assert client.session.session_key != before


def test_a_form_from_another_site_is_refused(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)

    assert sign_in(strict) == 403
    assert not is_signed_in(strict)


def test_signing_out_needs_a_post_and_is_recorded(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert client.get("/sign-out/").status_code == 405
    assert is_signed_in(client)
    assert client.post("/sign-out/")["Location"] == SIGN_IN
    assert not is_signed_in(client)
    assert "people.user.signed_out" in actions()


def test_the_page_of_a_signed_in_user_is_the_overview(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert client.get(SIGN_IN)["Location"] == reverse("breaker:overview")


def test_a_theme_is_kept_with_the_user(client: Client, alice: User) -> None:
    client.force_login(alice)

    response = client.post("/theme/", {"theme": "LIGHT", "next": "/audit/"})

    alice.refresh_from_db()
    assert alice.theme == Theme.LIGHT
    assert response["Location"] == "/audit/"


def test_an_unknown_theme_changes_nothing(client: Client, alice: User) -> None:
    client.force_login(alice)

    client.post("/theme/", {"theme": "PINK"})

    alice.refresh_from_db()
    assert alice.theme == Theme.SYSTEM


def test_a_theme_changes_nothing_but_the_theme(client: Client, alice: User) -> None:
    client.force_login(alice)

    client.post("/theme/", {"theme": "DARK", "site_role": "ADMIN", "is_superuser": "on"})

    alice.refresh_from_db()
    assert (alice.theme, alice.site_role, alice.is_superuser) == (Theme.DARK, "", False)


def test_a_stranger_has_no_theme(client: Client) -> None:
    assert client.post("/theme/", {"theme": "DARK"})["Location"].startswith(SIGN_IN)
