"""Two at once: one name, one link, one winner."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from riskconsole.ops.joining import join
from riskconsole.people.invitations import NewPerson, invite
from riskconsole.people.models import ApiToken, SiteRole, User
from riskconsole.people.services import (
    BadToken,
    LinkNotUsable,
    create_first_admin,
    create_token,
    first_admin_link,
)
from riskconsole.people.standing import BadStanding, change_site_role
from tests.clock import NOON
from tests.factories import make_user

RACERS = 6


def outcomes(act: Callable[[int], object]) -> list[object]:
    """Let several threads begin together; return what each got, or the error it met."""
    start = Barrier(RACERS)

    def run(number: int) -> object:
        try:
            start.wait()
            return act(number)
        except (BadStanding, BadToken, LinkNotUsable) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(RACERS) as pool:
        return list(pool.map(run, range(RACERS)))


@pytest.mark.usefixtures("flushable_db")
def test_one_link_makes_one_admin_however_many_click_it() -> None:
    secret = str(first_admin_link(now=NOON)).split("/")[2]

    found = outcomes(
        lambda number: create_first_admin(
            secret=secret,
            username=f"admin-{number}",
            email="",
            password="correct horse staple",
            now=NOON,
            address="",
        )
    )

    assert sum(isinstance(one, User) for one in found) == 1
    assert User.objects.count() == 1


@pytest.mark.usefixtures("flushable_db")
def test_one_name_is_given_to_one_token() -> None:
    found = outcomes(lambda _: create_token(name="bot", scopes=["read"], portfolios=[], now=NOON))

    assert sum(isinstance(one, str) for one in found) == 1
    assert sum(isinstance(one, BadToken) for one in found) == RACERS - 1
    assert ApiToken.objects.count() == 1


@pytest.mark.usefixtures("flushable_db")
def test_one_invitation_lets_one_person_in() -> None:
    admin = make_user("adam", site="ADMIN")
    person = NewPerson(username="bob", email="bob@example.com")
    secret = invite(person=person, invited_by=admin, is_any_armed=False, address="", now=NOON)

    found = outcomes(lambda _: join(secret=secret, password="x", address="", now=NOON))

    assert sum(isinstance(one, User) for one in found) == 1
    assert User.objects.filter(username="bob").count() == 1


@pytest.mark.usefixtures("flushable_db")
def test_admins_who_remove_each_other_leave_one() -> None:
    admins = [make_user(f"admin-{number}", site="ADMIN") for number in range(RACERS)]

    def remove_the_next(number: int) -> None:
        change_site_role(
            user=admins[(number + 1) % RACERS],
            site_role=None,
            by=admins[number],
            is_any_armed=False,
            address="",
            now=NOON,
        )

    found = outcomes(remove_the_next)

    assert sum(isinstance(one, BadStanding) for one in found) == 1
    assert User.objects.filter(site_role=SiteRole.ADMIN).count() == 1
