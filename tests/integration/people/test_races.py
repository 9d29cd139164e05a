"""Two at once: one name, one link, one winner."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from riskconsole.people.models import ApiToken, User
from riskconsole.people.services import (
    BadToken,
    LinkNotUsable,
    create_first_admin,
    create_token,
    first_admin_link,
)
from tests.clock import NOON

RACERS = 6


def outcomes(act: Callable[[int], object]) -> list[object]:
    """Let several threads begin together; return what each got, or the error it met."""
    start = Barrier(RACERS)

    def run(number: int) -> object:
        try:
            start.wait()
            return act(number)
        except (BadToken, LinkNotUsable) as error:
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
