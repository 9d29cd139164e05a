"""The back office: for admins of the site, for names and venues, and nothing else."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from portfolio.models import Portfolio, Venue
from riskconsole.audit.models import AuditEntry
from riskconsole.people.back_office import back_office
from riskconsole.people.models import User
from tests.factories import make_portfolio, make_user

pytestmark = pytest.mark.django_db
PAGES = ("/admin/", "/admin/people/user/", "/admin/portfolio/venue/", "/admin/portfolio/venue/add/")
KRAKEN = {"slug": "kraken", "exchange": "kraken", "source": "VENUE", "urls": "{}"}


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(make_user("adam", site="ADMIN"))
    return client


@pytest.fixture
def kraken(desk: Client) -> Venue:
    desk.post("/admin/portfolio/venue/add/", KRAKEN)
    return Venue.objects.get(slug="kraken")


def payload_of(action: str) -> str:
    return AuditEntry.objects.get(action=action).payload


def test_nothing_but_users_and_venues_is_there(desk: Client) -> None:
    assert desk.get("/admin/").status_code == 200
    assert {model._meta.label for model in back_office._registry} == {
        "people.User",
        "portfolio.Venue",
    }


@pytest.mark.parametrize("path", PAGES)
def test_an_admin_of_the_site_comes_in(desk: Client, path: str) -> None:
    assert desk.get(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_a_superuser_without_the_role_does_not(path: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("eve", password="x"))

    answer = client.get(path)

    assert answer["Location"] == f"/admin/login/?next={path}"
    assert client.get(answer["Location"])["Location"] == "/settings/"


@pytest.mark.parametrize("site", ["", "AUDITOR"])
def test_neither_does_staff(site: str, bob: User) -> None:
    eve = make_user("eve", site=site)
    User.objects.filter(pk=eve.pk).update(is_staff=True)
    client = Client()
    client.force_login(eve)

    assert (
        client.post(f"/admin/people/user/{bob.pk}/change/", {"email": "x@x.xx"}).status_code == 302
    )
    bob.refresh_from_db()
    assert bob.email == ""


def test_strangers_sign_in_where_everybody_does(client: Client) -> None:
    login = client.get("/admin/")["Location"]

    assert client.get(login)["Location"] == "/sign-in/?next=/admin/"


def test_names_and_addresses_are_changed_and_written_down(desk: Client, bob: User) -> None:
    desk.post(
        f"/admin/people/user/{bob.pk}/change/",
        {"email": "bob@example.com", "first_name": "Bob", "last_name": ""},
    )

    bob.refresh_from_db()
    assert (bob.email, bob.first_name) == ("bob@example.com", "Bob")
    entry = AuditEntry.objects.get(action="people.user.changed")
    assert (entry.actor, entry.subject) == ("user:adam", "user:bob")
    assert entry.payload == '{"email":"bob@example.com","first_name":"Bob"}'
    assert not LogEntry.objects.exists()


def test_a_form_that_changes_nothing_writes_nothing(desk: Client, bob: User) -> None:
    desk.post(f"/admin/people/user/{bob.pk}/change/", {"email": "", "first_name": ""})

    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "field",
    ["username", "password", "site_role", "is_superuser", "is_staff", "is_active", "totp_step"],
)
def test_roles_passwords_and_standing_are_not_changed_here(
    desk: Client, bob: User, field: str
) -> None:
    before = User.objects.filter(pk=bob.pk).values().get()

    desk.post(f"/admin/people/user/{bob.pk}/change/", {field: "1", "email": ""})

    assert User.objects.filter(pk=bob.pk).values().get() == before


@pytest.mark.parametrize(
    "path",
    [
        "/admin/people/user/add/",
        "/admin/people/user/{bob}/delete/",
        "/admin/people/user/{bob}/password/",
        "/admin/password_change/",
        "/admin/logout/",
        "/admin/portfolio/venue/1/delete/",
        "/admin/auth/group/",
        "/admin/mfa/authenticator/",
        "/admin/usersessions/usersession/",
        "/admin/audit/auditentry/",
        "/admin/breaker/breaker/",
        "/admin/breaker/trip/",
    ],
)
def test_the_rest_is_not_there(desk: Client, bob: User, path: str) -> None:
    assert desk.post(path.format(bob=bob.pk), {"post": "yes"}).status_code in {302, 403, 404}
    assert desk.get(path.format(bob=bob.pk)).status_code in {302, 403, 404}
    assert User.objects.count() == 2
    assert Venue.objects.count() == 2
    assert desk.get("/admin/").status_code == 200


def test_a_bulk_delete_is_not_offered(desk: Client, bob: User) -> None:
    desk.post(
        "/admin/people/user/",
        {"action": "delete_selected", "_selected_action": [str(bob.pk)], "post": "yes"},
    )

    assert User.objects.filter(pk=bob.pk).exists()


def test_a_venue_is_made_as_a_file_makes_it(kraken: Venue) -> None:
    assert (kraken.kind, kraken.exchange, kraken.urls) == ("EXCHANGE", "kraken", {})
    assert '"exchange":"kraken"' in payload_of("portfolio.venue.created")


@pytest.mark.parametrize(
    "change",
    [
        {"exchange": "No such"},
        {"urls": "[1]"},
        {"urls": '{"api": 1}'},
        {"source": "MOON"},
        {"slug": ""},
    ],
)
def test_a_venue_that_a_file_would_not_make_is_refused(
    desk: Client, change: dict[str, str]
) -> None:
    assert desk.post("/admin/portfolio/venue/add/", KRAKEN | change).status_code == 200

    assert not Venue.objects.filter(kind="EXCHANGE").exists()


def test_a_venue_changes_until_something_is_armed(desk: Client, kraken: Venue) -> None:
    path = f"/admin/portfolio/venue/{kraken.pk}/change/"
    desk.post(path, {"source": "PUSH", "urls": "{}"})
    kraken.refresh_from_db()
    assert kraken.source == "PUSH"
    assert payload_of("portfolio.venue.changed") == '{"source":"PUSH"}'

    make_portfolio("main")
    Portfolio.objects.update(armed_at=timezone.now())
    desk.post(path, {"source": "VENUE", "urls": '{"api": "https://example.com"}'})

    kraken.refresh_from_db()
    assert (kraken.source, kraken.urls) == ("PUSH", {})


def test_the_built_in_venues_never_change(desk: Client) -> None:
    paper = Venue.objects.get(slug="paper")

    answer = desk.post(f"/admin/portfolio/venue/{paper.pk}/change/", KRAKEN)

    assert answer.status_code == 403
    assert Venue.objects.get(pk=paper.pk).slug == "paper"
