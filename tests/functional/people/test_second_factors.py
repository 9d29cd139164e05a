"""Second factors: added, used, removed; a code is good once, and a password adds none to one."""

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from portfolio.models import Portfolio, Role
from riskconsole.audit.models import AuditEntry
from riskconsole.live.hub import Access
from riskconsole.ops.live_reads import access_of
from riskconsole.people.models import User
from riskconsole.people.selectors import FAILURES_PER_NAME
from riskconsole.sealing import unseal
from tests.factories import make_portfolio, make_user
from tests.functional.people.conftest import PASSWORD
from tests.second_factors import add_app, add_recovery_codes, code_of, remember

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_clock")]
APP = "/settings/second-factor/app/"
MINE = "/settings/second-factor/"


@pytest.fixture
def app(alice: User) -> Authenticator:
    return add_app(alice)


@pytest.fixture
def desk(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def enter_password(client: Client) -> str:
    body = {"username": "alice", "password": PASSWORD}
    return str(client.post("/sign-in/", body)["Location"])


def enter_code(client: Client, code: str) -> int:
    return client.post("/sign-in/code/", {"code": code}).status_code


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("sequence").values_list("action", flat=True))


def test_with_an_app_the_password_alone_signs_nobody_in(client: Client, app: Authenticator) -> None:
    assert enter_password(client) == "/sign-in/code/"
    assert not is_signed_in(client)
    assert client.get("/")["Location"].startswith("/sign-in/")

    assert enter_code(client, code_of(app)) == 302

    assert is_signed_in(client)
    entry = AuditEntry.objects.get(action="people.user.signed_in")
    assert '"password, totp"' in entry.payload


def test_a_code_without_the_password_signs_nobody_in(client: Client, app: Authenticator) -> None:
    enter_code(client, code_of(app))

    assert not is_signed_in(client)


def test_the_code_that_signed_one_in_signs_nobody_else_in(
    client: Client, app: Authenticator
) -> None:
    enter_password(client)
    enter_code(client, code_of(app))
    cache.clear()

    other = Client()
    enter_password(other)

    assert enter_code(other, code_of(app)) == 200
    assert not is_signed_in(other)


def test_a_recovery_code_signs_in_once(client: Client, alice: User, app: Authenticator) -> None:
    code = add_recovery_codes(alice)[0]
    enter_password(client)
    assert enter_code(client, code) == 302

    other = Client()
    enter_password(other)

    assert enter_code(other, code) == 200
    assert not is_signed_in(other)


def test_guessing_codes_is_slowed_from_that_address_only(app: Authenticator) -> None:
    attacker, owner = Client(REMOTE_ADDR="203.0.113.7"), Client(REMOTE_ADDR="198.51.100.1")
    enter_password(attacker)
    for _ in range(FAILURES_PER_NAME):
        assert enter_code(attacker, "00000x") == 200

    assert enter_code(attacker, code_of(app)) == 200
    assert not is_signed_in(attacker)
    enter_password(owner)
    assert enter_code(owner, code_of(app)) == 302
    assert actions().count("people.sign_in.failed") == FAILURES_PER_NAME


def test_garbage_instead_of_a_passkey_is_a_failed_sign_in(client: Client, alice: User) -> None:
    for credential in ("", "{}", "[1]", '{"response": {"userHandle": "MQ"}}', "null"):
        assert client.post("/sign-in/passkey/", {"credential": credential}).status_code == 302

    assert not is_signed_in(client)
    assert "people.sign_in.failed" in actions()


def test_an_app_is_added_by_its_code_and_the_codes_for_its_loss_are_shown_once(
    desk: Client, alice: User
) -> None:
    assert desk.get(APP)["Location"].startswith("/again/password/")
    desk.post(f"/again/password/?next={APP}", {"password": PASSWORD})
    secret = str(desk.get(APP).context["form"].secret)

    assert desk.post(APP, {"code": "00000x"}).status_code == 200
    assert not Authenticator.objects.exists()
    secret = desk.session["mfa.totp.secret"]
    answer = desk.post(APP, {"code": _code_of(secret)})

    assert answer["Location"] == f"{MINE}recovery-codes/"
    page = desk.get(answer["Location"]).content.decode()
    assert len(re.findall(r"<li>\d{8}</li>", page)) == 10
    assert "<li>" not in desk.get(answer["Location"]).content.decode()
    assert actions().count("people.second_factor.added") == 1


def test_secrets_are_sealed_in_the_database(app: Authenticator, alice: User) -> None:
    codes = add_recovery_codes(alice)
    stored = str(list(Authenticator.objects.values()))

    secret = unseal(app.data["secret"], purpose="second factor")
    assert re.fullmatch(r"[A-Z2-7]{32}", secret)
    assert secret not in stored
    assert codes[0] not in stored
    assert not re.search(r"[0-9a-f]{80}", stored)


def test_a_stolen_session_and_a_password_add_no_passkey(
    desk: Client, alice: User, app: Authenticator
) -> None:
    add = f"{MINE}passkeys/add/"
    assert desk.get(add)["Location"].startswith("/again/code/")

    by_password = desk.post(f"/again/password/?next={add}", {"password": PASSWORD})

    assert by_password["Location"].startswith("/again/code/")
    assert desk.get(add)["Location"].startswith("/again/code/")


def test_a_code_lets_one_change_ones_factors(desk: Client, app: Authenticator) -> None:
    again = desk.post(f"/again/code/?next={APP}remove/", {"code": code_of(app)})
    assert again["Location"] == f"{APP}remove/"

    assert desk.post(f"{APP}remove/")["Location"] == MINE

    assert not Authenticator.objects.exists()
    assert actions() == ["people.second_factor.removed"]


def test_new_recovery_codes_end_the_old_and_are_written_down(
    desk: Client, alice: User, app: Authenticator
) -> None:
    old = add_recovery_codes(alice)
    remember(
        desk, alice, at=timezone.now(), method="mfa", type="totp", id=app.pk, reauthenticated=True
    )

    desk.post(f"{MINE}recovery-codes/new/")

    kind = Authenticator.Type.RECOVERY_CODES
    new = Authenticator.objects.get(type=kind).wrap().get_unused_codes()
    assert not set(old) & set(new)
    assert actions() == ["people.recovery_codes.made"]


@pytest.mark.parametrize("path", [f"{APP}remove/", f"{MINE}passkeys/1/remove/"])
def test_nobody_removes_a_factor_of_somebody_else(desk: Client, alice: User, path: str) -> None:
    other = make_user("bob")
    theirs = add_app(other)
    remember(desk, alice, at=timezone.now(), method="password", reauthenticated=True)

    assert desk.post(path.replace("/1/", f"/{theirs.pk}/")).status_code == 404

    assert Authenticator.objects.filter(pk=theirs.pk).exists()


@pytest.fixture
def main(alice: User) -> Portfolio:
    portfolio = make_portfolio("main")
    portfolio.memberships.create(user=alice, role=Role.OPERATOR, since=timezone.now())
    return portfolio


@pytest.fixture
def _is_required(settings: object) -> None:
    settings.REQUIRE_MFA = True  # type: ignore[attr-defined]


@pytest.mark.usefixtures("_is_required", "redis", "sent_tasks")
class TestWhereASecondFactorIsRequired:
    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/portfolios/main/",
            "/portfolios/main/equity/",
            "/audit/",
            "/settings/",
            "/settings/sessions/",
            "/settings/people/",
            "/admin/",
        ],
    )
    def test_pages_lead_to_adding_one(self, desk: Client, main: Portfolio, path: str) -> None:
        assert desk.get(path)["Location"] == MINE

    @pytest.mark.parametrize("path", [MINE, "/healthz", "/portfolios/main/halt/", "/api/v1/docs"])
    def test_some_stay_open(self, desk: Client, main: Portfolio, path: str) -> None:
        assert desk.get(path).status_code == 200

    def test_one_can_be_added(self, desk: Client) -> None:
        desk.post(f"/again/password/?next={APP}", {"password": PASSWORD})
        desk.get(APP)
        desk.post(APP, {"code": _code_of(desk.session["mfa.totp.secret"])})

        assert desk.get("/settings/").status_code == 200

    def test_halting_waits_for_none(self, desk: Client, main: Portfolio) -> None:
        answer = desk.post("/portfolios/main/halt/", {"confirm": "main", "reason": "now"})

        assert answer.status_code == 302
        assert "breaker.trip.happened" in actions()

    def test_everything_else_that_acts_does(self, desk: Client, main: Portfolio) -> None:
        assert desk.post("/portfolios/main/pause/")["Location"] == MINE
        assert actions() == []

    def test_one_may_sign_out(self, desk: Client) -> None:
        desk.post("/sign-out/")

        assert not is_signed_in(desk)

    def test_with_one_every_page_is_open(
        self, desk: Client, main: Portfolio, app: Authenticator
    ) -> None:
        assert desk.get("/").status_code == 200

    def test_the_live_feed_tells_nothing_without_one(
        self, desk: Client, main: Portfolio, alice: User
    ) -> None:
        key = str(desk.session.session_key)
        assert access_of(key) == Access(user_id=alice.pk, rights=frozenset())

        add_app(alice)

        access = access_of(key)
        assert access is not None
        assert ("main", "OPERATOR") in access.rights

    def test_strangers_are_asked_to_sign_in(self, client: Client) -> None:
        assert client.get("/")["Location"].startswith("/sign-in/")


def _code_of(secret: str) -> str:
    step = list(auth.yield_hotp_counters_from_time())[1]
    return str(auth.format_hotp_value(auth.hotp_value(secret, step)))
