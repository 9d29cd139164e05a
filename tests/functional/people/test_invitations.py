"""Invitations and one-time links: shown once, good once, for a day, and never for too much."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portfolio.models import Membership, Portfolio, Role
from riskconsole.audit.models import AuditEntry
from riskconsole.people.invitations import BadInvitation, NewPerson, invite
from riskconsole.people.models import Invitation, PasswordLink, SiteRole, User
from tests.factories import make_portfolio, make_user

pytestmark = pytest.mark.django_db
INVITE = "/settings/people/invite/"
BOB = {"username": "bob", "email": "bob@example.com", "site_role": ""}
PASSWORD = "correct horse staple"
CHOSEN = {"new_password1": PASSWORD, "new_password2": PASSWORD}


@pytest.fixture
def adam() -> User:
    return make_user("adam", site="ADMIN")


@pytest.fixture
def desk(adam: User) -> Client:
    client = Client()
    client.force_login(adam)
    return client


@pytest.fixture
def main() -> Portfolio:
    return make_portfolio("main")


def arm() -> None:
    Portfolio.objects.update(armed_at=timezone.now())


def invited(desk: Client, **fields: str) -> str:
    """Return the path of the link that the page shows."""
    page = desk.post(INVITE, BOB | fields).content.decode()
    found = re.search(r"data-secret>http://testserver(/[a-z-]+/[\w-]+/)<", page)
    assert found, page
    return found[1]


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("sequence").values_list("action", flat=True))


def test_an_invited_person_sets_a_password_and_is_in(
    desk: Client, client: Client, main: Portfolio
) -> None:
    link = invited(desk, **{"role-main": "OPERATOR"})

    assert "bob" in client.get(link).content.decode()
    assert client.post(link, CHOSEN)["Location"] == "/"

    bob = User.objects.get(username="bob")
    assert client.session["_auth_user_id"] == str(bob.pk)
    assert (bob.email, bob.site_role, bob.is_superuser) == ("bob@example.com", "", False)
    assert [(one.portfolio, one.role) for one in bob.memberships.all()] == [(main, Role.OPERATOR)]
    assert actions() == [
        "people.invitation.made",
        "people.user.created",
        "portfolio.member.added",
        "people.user.signed_in",
    ]
    added = AuditEntry.objects.get(action="portfolio.member.added")
    assert (added.actor, added.portfolio) == ("user:adam", "main")


def test_only_a_digest_of_the_link_is_stored(desk: Client) -> None:
    secret = invited(desk).split("/")[2]

    assert len(secret) >= 43
    assert secret not in str(list(Invitation.objects.values()))
    assert secret not in str(list(AuditEntry.objects.values()))
    assert secret not in desk.get("/settings/people/").content.decode()


def test_an_invitation_is_good_once(desk: Client) -> None:
    link = invited(desk)
    Client().post(link, CHOSEN)

    assert Client().get(link).status_code == 404
    assert Client().post(link, CHOSEN).status_code == 404
    assert User.objects.filter(username="bob").count() == 1


@pytest.mark.parametrize(("hours", "status"), [(23, 200), (24, 404)])
def test_an_invitation_ends_after_a_day(desk: Client, hours: int, status: int) -> None:
    link = invited(desk)
    Invitation.objects.update(created_at=timezone.now() - timedelta(hours=hours))

    assert Client().get(link).status_code == status


def test_an_invitation_can_be_revoked(desk: Client) -> None:
    link = invited(desk)

    desk.post(f"/settings/people/invitations/{Invitation.objects.get().pk}/revoke/")

    assert Client().post(link, CHOSEN).status_code == 404
    assert not User.objects.filter(username="bob").exists()
    assert actions()[-1] == "people.invitation.revoked"


def test_a_newer_invitation_voids_the_older(desk: Client) -> None:
    older, newer = invited(desk), invited(desk)

    assert Client().get(older).status_code == 404
    assert Client().get(newer).status_code == 200


def test_the_invitations_of_an_admin_end_with_the_admin(desk: Client, adam: User) -> None:
    link = invited(desk)
    other = make_user("ann", site="ADMIN")
    boss = Client()
    boss.force_login(other)

    boss.post(f"/settings/people/{adam.pk}/deactivate/")

    assert Client().post(link, CHOSEN).status_code == 404


@pytest.mark.parametrize("password", ["short", "bob@example.com1", "password1234"])
def test_a_weak_password_leaves_the_invitation_as_it_was(desk: Client, password: str) -> None:
    link = invited(desk)

    answer = Client().post(link, {"new_password1": password, "new_password2": password})

    assert answer.status_code == 200
    assert not User.objects.filter(username="bob").exists()
    assert Client().post(link, CHOSEN).status_code == 302


def test_a_form_sets_nothing_that_the_invitation_does_not_say(desk: Client) -> None:
    Client().post(
        invited(desk), CHOSEN | {"username": "eve", "site_role": "ADMIN", "is_superuser": "on"}
    )

    bob = User.objects.get(username="bob")
    assert (bob.site_role, bob.is_superuser, bob.is_staff) == ("", False, False)


@pytest.mark.parametrize(
    "fields",
    [
        {"username": ""},
        {"username": "a b"},
        {"username": "ADAM"},
        {"email": ""},
        {"email": "bob"},
        {"site_role": "OWNER"},
        {"role-main": "ADMIN"},
    ],
)
def test_a_form_that_is_wrong_invites_nobody(
    desk: Client, main: Portfolio, fields: dict[str, str]
) -> None:
    answer = desk.post(INVITE, BOB | fields)

    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("fields", [{"site_role": "ADMIN"}, {"role-main": "APPROVER"}])
class TestAnApproverOrAnAdmin:
    def test_takes_one_admin_before_anything_is_armed(
        self, desk: Client, main: Portfolio, fields: dict[str, str]
    ) -> None:
        assert Client().post(invited(desk, **fields), CHOSEN).status_code == 302

        assert User.objects.filter(username="bob").exists()

    def test_takes_two_people_afterwards(
        self, desk: Client, main: Portfolio, fields: dict[str, str]
    ) -> None:
        arm()

        assert "second person" in desk.post(INVITE, BOB | fields).content.decode()

        assert not Invitation.objects.exists()
        assert actions() == []

    def test_does_not_come_in_by_an_invitation_from_before(
        self, desk: Client, main: Portfolio, fields: dict[str, str]
    ) -> None:
        link = invited(desk, **fields)
        arm()

        assert Client().post(link, CHOSEN).status_code == 404

        assert not User.objects.filter(username="bob").exists()
        assert not Membership.objects.exists()
        assert Invitation.objects.get().used_at is None


@pytest.mark.parametrize(
    "fields", [{}, {"site_role": "AUDITOR"}, {"role-main": "VIEWER"}, {"role-main": "OPERATOR"}]
)
def test_the_others_take_one_admin_always(
    desk: Client, main: Portfolio, fields: dict[str, str]
) -> None:
    arm()

    assert Client().post(invited(desk, **fields), CHOSEN).status_code == 302

    assert User.objects.filter(username="bob").exists()


def test_an_approved_request_invites_an_approver_and_is_named(adam: User, main: Portfolio) -> None:
    arm()
    person = NewPerson(username="bob", email="", memberships=[("main", "APPROVER")])
    secret = invite(
        person=person,
        invited_by=adam,
        is_any_armed=True,
        approval="request:7",
        address="",
        now=timezone.now(),
    )

    assert Client().post(f"/invitation/{secret}/", CHOSEN).status_code == 302

    assert Membership.objects.get().role == Role.APPROVER
    for action in ("people.invitation.made", "portfolio.member.added"):
        assert "request:7" in AuditEntry.objects.get(action=action).payload


def test_somebody_who_is_there_is_not_invited(adam: User) -> None:
    with pytest.raises(BadInvitation):
        invite(
            person=NewPerson(username="Adam", email="", site_role=SiteRole.AUDITOR),
            invited_by=adam,
            is_any_armed=False,
            address="",
            now=timezone.now(),
        )


class TestPasswordLinks:
    @pytest.fixture
    def bob(self) -> User:
        return make_user("bob")

    def link(self, desk: Client, bob: User) -> str:
        page = desk.post(f"/settings/people/{bob.pk}/password-link/").content.decode()
        found = re.search(r"data-secret>http://testserver(/new-password/[\w-]+/)<", page)
        assert found, page
        return found[1]

    def test_set_a_password_once_and_sign_every_browser_out(self, desk: Client, bob: User) -> None:
        theirs = Client()
        theirs.post("/sign-in/", {"username": "bob", "password": "a long password"})
        link = self.link(desk, bob)

        assert Client().post(link, CHOSEN)["Location"] == "/sign-in/"

        bob.refresh_from_db()
        assert bob.check_password(PASSWORD)
        assert theirs.get("/settings/").status_code == 302
        assert Client().post(link, CHOSEN).status_code == 404
        assert actions()[-2:] == ["people.password_link.made", "people.password.set"]

    def test_sign_nobody_in_by_themselves(self, desk: Client, bob: User) -> None:
        visitor = Client()

        visitor.post(self.link(desk, bob), CHOSEN)

        assert "_auth_user_id" not in visitor.session

    def test_end_after_a_day(self, desk: Client, bob: User) -> None:
        link = self.link(desk, bob)
        PasswordLink.objects.update(created_at=timezone.now() - timedelta(hours=24))

        assert Client().post(link, CHOSEN).status_code == 404

    def test_are_voided_by_newer_ones(self, desk: Client, bob: User) -> None:
        older, newer = self.link(desk, bob), self.link(desk, bob)

        assert Client().get(older).status_code == 404
        assert Client().get(newer).status_code == 200

    def test_end_when_the_person_is_deactivated(self, desk: Client, bob: User) -> None:
        link = self.link(desk, bob)
        desk.post(f"/settings/people/{bob.pk}/deactivate/")

        assert Client().post(link, CHOSEN).status_code == 404

    def test_are_stored_as_a_digest(self, desk: Client, bob: User) -> None:
        secret = self.link(desk, bob).split("/")[2]

        assert secret not in str(list(PasswordLink.objects.values()))
        assert secret not in str(list(AuditEntry.objects.values()))
