"""A decision takes a fresh second factor, once; a password or a recovery code never is one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from riskconsole.audit.models import AuditEntry
from riskconsole.people.models import UsedProof, User
from riskconsole.people.selectors import FAILURES_PER_NAME
from riskconsole.people.step_up import MAX_AGE
from tests.factories import make_user
from tests.second_factors import add_app, add_recovery_codes, code_of, remember

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.functional.people.decide_urls"),
    pytest.mark.usefixtures("still_clock"),
]
STEP_UP = "/again/?next=%2Fdecide%2F"
RACERS = 2


@pytest.fixture
def app(alice: User) -> Authenticator:
    return add_app(alice)


@pytest.fixture
def desk(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def is_held(client: Client, **fields: str) -> bool:
    answer = client.post("/decide/", fields)
    if answer.status_code != 302:
        assert answer.status_code == 200
        return False
    assert answer["Location"] == STEP_UP
    return True


def prove(client: Client, **fields: str) -> Any:  # noqa: ANN401
    """Answer the page that asks for the second factor."""
    page = client.get(STEP_UP)
    return client.post("/again/", {"held": page.context["held"], "next": "/decide/", **fields})


def test_without_a_proof_the_post_is_held_and_played_again_with_one(
    desk: Client, app: Authenticator
) -> None:
    assert is_held(desk, note="because")

    answer = prove(desk, code=code_of(app))

    assert answer.json() == {"method": "totp", "credential": str(app.pk), "note": "because"}


def test_a_get_needs_no_proof(desk: Client, app: Authenticator) -> None:
    assert desk.get("/decide/").status_code == 200


def test_the_code_may_come_in_the_very_post(desk: Client, app: Authenticator) -> None:
    answer = desk.post("/decide/", {"note": "because", "code": code_of(app)})

    assert answer.json() == {"method": "totp", "credential": str(app.pk), "note": "because"}


def test_the_same_code_is_good_once(desk: Client, app: Authenticator) -> None:
    assert not is_held(desk, code=code_of(app))

    assert is_held(desk, code=code_of(app))


def test_a_code_is_good_once_in_whatever_process(desk: Client, app: Authenticator) -> None:
    assert not is_held(desk, code=code_of(app))

    cache.clear()

    assert is_held(desk, code=code_of(app))
    assert is_held(desk, code=code_of(app, later=-1))
    assert not is_held(desk, code=code_of(app, later=1))


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_clock_may_be_half_a_minute_off(desk: Client, app: Authenticator, steps: int) -> None:
    assert not is_held(desk, code=code_of(app, later=steps))


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_clock_may_not_be_a_minute_off(desk: Client, app: Authenticator, steps: int) -> None:
    assert is_held(desk, code=code_of(app, later=steps))


def test_a_wrong_code_keeps_what_was_typed_and_says_so(desk: Client, app: Authenticator) -> None:
    assert is_held(desk, note="because", code="abcdef")

    assert "Incorrect code" in desk.get(STEP_UP).content.decode()
    assert prove(desk, code=code_of(app)).json()["note"] == "because"


def test_a_code_of_somebody_else_is_wrong(desk: Client, app: Authenticator) -> None:
    assert is_held(desk, code=code_of(add_app(make_user("bob"))))


def test_guessing_codes_is_slowed_and_written_down(desk: Client, app: Authenticator) -> None:
    for _ in range(FAILURES_PER_NAME):
        assert is_held(desk, code="000000x")

    assert is_held(desk, code=code_of(app))
    failed = AuditEntry.objects.filter(action="people.sign_in.failed", subject="user:alice")
    assert failed.count() == FAILURES_PER_NAME


def test_a_recovery_code_decides_nothing_and_stays_unused(
    desk: Client, app: Authenticator, alice: User
) -> None:
    codes = add_recovery_codes(alice)

    assert is_held(desk, code=codes[0])
    answer = prove(desk, code=codes[1])

    assert "Incorrect code" in answer.content.decode()
    spare = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES)
    assert spare.wrap().get_unused_codes() == codes


@pytest.mark.parametrize(
    "record",
    [
        {"method": "password"},
        {"method": "password", "reauthenticated": True},
        {"method": "mfa", "type": "recovery_codes", "reauthenticated": True},
    ],
)
def test_a_password_or_a_recovery_code_is_no_proof(
    desk: Client, app: Authenticator, alice: User, record: dict[str, object]
) -> None:
    codes = add_recovery_codes(alice)
    assert codes
    spare = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES)
    remember(desk, alice, at=timezone.now(), id=spare.pk, **record)

    assert is_held(desk)


def test_a_code_entered_to_sign_in_counts_for_two_minutes_and_once(
    desk: Client, app: Authenticator, alice: User
) -> None:
    remember(desk, alice, at=timezone.now(), method="mfa", type="totp", id=app.pk)

    assert not is_held(desk)
    assert is_held(desk)


@pytest.mark.parametrize(("seconds", "is_good"), [(-5, True), (5, False)])
def test_a_proof_is_good_for_two_minutes(
    desk: Client, app: Authenticator, alice: User, seconds: int, is_good: bool
) -> None:
    at = timezone.now() - MAX_AGE - timedelta(seconds=seconds)
    remember(desk, alice, at=at, method="mfa", type="totp", id=app.pk)

    assert is_held(desk) is not is_good


def test_a_proof_from_the_future_is_none(desk: Client, app: Authenticator, alice: User) -> None:
    at = timezone.now() + timedelta(minutes=1)
    remember(desk, alice, at=at, method="mfa", type="totp", id=app.pk)

    assert is_held(desk)


def test_a_proof_by_an_app_that_was_removed_is_none(
    desk: Client, app: Authenticator, alice: User
) -> None:
    remember(desk, alice, at=timezone.now(), method="mfa", type="totp", id=app.pk)
    app.delete()

    assert is_held(desk)


def test_a_proof_comes_back_to_life_for_no_stale_session(
    desk: Client, app: Authenticator, alice: User
) -> None:
    at = timezone.now()
    remember(desk, alice, at=at, method="mfa", type="totp", id=app.pk)
    assert not is_held(desk)

    remember(desk, alice, at=at, method="mfa", type="totp", id=app.pk)

    assert is_held(desk)


def test_proofs_that_can_be_no_good_any_more_are_forgotten(
    desk: Client, app: Authenticator, alice: User
) -> None:
    UsedProof.objects.create(key="old", at=timezone.now() - 3 * MAX_AGE)
    remember(desk, alice, at=timezone.now(), method="mfa", type="totp", id=app.pk)

    desk.post("/decide/")

    assert not UsedProof.objects.filter(key="old").exists()
    assert UsedProof.objects.count() == 1


def test_who_has_no_second_factor_is_told_to_add_one(desk: Client) -> None:
    assert is_held(desk)

    page = desk.get(STEP_UP).content.decode()
    assert "you have none yet" in page
    assert "<input" not in page.split("</section>")[0]


def test_another_tab_decides_nothing_in_this_ones_name(desk: Client, app: Authenticator) -> None:
    assert is_held(desk, note="approve")
    page = desk.get(STEP_UP)
    assert is_held(desk, note="refuse")

    fields = {"held": page.context["held"], "next": "/decide/", "code": code_of(app)}
    answer = desk.post("/again/", fields)

    assert answer["Location"] == "/"
    assert desk.get(STEP_UP).context["held"] == ""
    assert not AuditEntry.objects.filter(action="people.sign_in.failed").exists()


@pytest.mark.usefixtures("flushable_db")
def test_of_two_requests_with_one_proof_one_decides() -> None:
    alice = make_user("alice")
    app = add_app(alice)
    first = Client()
    first.force_login(alice)
    remember(first, alice, at=timezone.now(), method="mfa", type="totp", id=app.pk)
    start = Barrier(RACERS)

    def decide(_number: int) -> bool:
        client = Client()
        client.cookies = first.cookies
        try:
            start.wait()
            return not is_held(client)
        finally:
            connection.close()

    with ThreadPoolExecutor(RACERS) as pool:
        assert sorted(pool.map(decide, range(RACERS))) == [False, True]
