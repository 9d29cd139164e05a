"""The one-time link of the first admin."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from riskconsole.audit.models import AuditEntry
from riskconsole.people.models import FirstAdminLink, User
from riskconsole.people.services import LinkNotUsable, create_first_admin, first_admin_link
from tests.factories import make_user

pytestmark = pytest.mark.django_db
FORM = {
    "username": "ada",
    "email": "ada@example.com",
    "password1": "correct horse staple",
    "password2": "correct horse staple",
}


@pytest.fixture
def link() -> str:
    path = first_admin_link(now=timezone.now())
    assert path is not None
    return path


def test_the_link_makes_an_admin_and_signs_in(client: Client, link: str) -> None:
    assert client.get(link).status_code == 200

    response = client.post(link, FORM)

    assert response.status_code == 302
    ada = User.objects.get()
    assert (ada.username, ada.email, ada.site_role) == ("ada", "ada@example.com", "ADMIN")
    assert (ada.is_superuser, ada.is_staff) == (False, False)
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert list(AuditEntry.objects.order_by("sequence").values_list("action", flat=True)) == [
        "people.first_admin_link.created",
        "people.user.created",
        "people.user.signed_in",
    ]


def test_the_link_works_once(client: Client, link: str) -> None:
    client.post(link, FORM)

    response = Client().post(link, FORM | {"username": "eve"})

    assert response.status_code == 404
    assert User.objects.count() == 1


def test_the_link_ends_after_a_day(client: Client, link: str) -> None:
    FirstAdminLink.objects.update(created_at=timezone.now() - timedelta(hours=24))

    assert client.get(link).status_code == 404
    assert client.post(link, FORM).status_code == 404
    assert not User.objects.exists()


def test_a_newer_link_voids_the_older(client: Client, link: str) -> None:
    newer = first_admin_link(now=timezone.now())

    assert newer is not None
    assert client.post(link, FORM).status_code == 404
    assert client.post(newer, FORM).status_code == 302


def test_a_wrong_secret_makes_nobody(client: Client, link: str) -> None:
    assert client.post("/first-admin/guessed/", FORM).status_code == 404
    assert not User.objects.exists()


def test_there_is_no_link_once_somebody_is_there() -> None:
    make_user("operator")

    assert first_admin_link(now=timezone.now()) is None
    assert not FirstAdminLink.objects.exists()


def test_a_link_is_void_once_somebody_is_there(client: Client, link: str) -> None:
    make_user("operator")

    assert client.post(link, FORM).status_code == 404
    with pytest.raises(LinkNotUsable):
        create_first_admin(
            secret=link.split("/")[2],
            username="ada",
            email="",
            password="x",
            now=timezone.now(),
            address="",
        )
    assert FirstAdminLink.objects.get().used_at is None


def test_only_a_digest_of_the_link_is_stored(link: str) -> None:
    secret = link.split("/")[2]

    assert len(secret) >= 43
    assert secret not in str(FirstAdminLink.objects.values().get())
    assert secret not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    "change",
    [
        {"password1": "short", "password2": "short"},
        {"password2": "another horse staple"},
        {"email": ""},
        {"email": "ada"},
        {"username": ""},
        {"username": "a b"},
    ],
)
def test_a_form_that_is_wrong_leaves_the_link_as_it_was(
    client: Client, link: str, change: dict[str, str]
) -> None:
    assert client.post(link, FORM | change).status_code == 200
    assert not User.objects.exists()

    assert client.post(link, FORM).status_code == 302


def test_a_form_sets_nothing_that_it_does_not_show(client: Client, link: str) -> None:
    client.post(link, FORM | {"is_superuser": "on", "is_staff": "on", "is_active": ""})

    ada = User.objects.get()
    assert (ada.is_superuser, ada.is_staff, ada.is_active) == (False, False, True)
