"""Who may call what: every row of the contract's table, without a token, scope or right."""

from collections.abc import Callable

import pytest

from breaker.models import Breaker, Trip
from breaker.services.tripping import halt
from portfolio.models import Balance
from riskconsole.audit.models import AuditEntry
from riskconsole.people.services import create_token, revoke_token
from tests.clock import NOON
from tests.factories import make_portfolio
from tests.functional.api.conftest import Caller

SNAPSHOT = '{"balances": {"USDT": "9650"}}'
MARKS = '[{"venue": "manual", "instrument": "BTC/USDT", "price": "60000"}]'

ABOUT_ONE = [
    ("GET", "portfolios/main", "", "read"),
    ("GET", "portfolios/main/holdings", "", "read"),
    ("GET", "portfolios/main/equity", "", "read"),
    ("PUT", "portfolios/main/accounts/cash/snapshot", SNAPSHOT, "feed"),
    ("GET", "portfolios/main/gate", "", "gate"),
    ("POST", "portfolios/main/trip", "", "halt"),
    ("POST", "portfolios/main/pause", "", "halt"),
]
ABOUT_ALL = [
    ("GET", "portfolios", "", "read"),
    ("POST", "marks", MARKS, "feed"),
    ("GET", "trips", "", "read"),
    ("GET", "audit", "", "read"),
]
NEVER_LIMITED = [("POST", "marks", MARKS, "feed"), ("GET", "audit", "", "read")]
CALLS = ABOUT_ONE + ABOUT_ALL
ROW = ("method", "path", "body", "scope")


def error_of(response: object) -> dict[str, object]:
    return response.json()["error"]  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(ROW, CALLS)
def test_a_token_with_the_scope_alone_is_enough(
    caller: Callable[..., Caller], method: str, path: str, body: str, scope: str
) -> None:
    make_portfolio()

    assert caller(scope)(method, path, body).status_code == 200


@pytest.mark.parametrize(ROW, CALLS)
def test_without_a_token_nothing_is_answered(
    anonymous: Caller, method: str, path: str, body: str, scope: str
) -> None:
    make_portfolio()

    response = anonymous(method, path, body)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert error_of(response)["code"] == "unauthorized"
    assert not Trip.objects.exists()
    assert not Balance.objects.exists()


@pytest.mark.parametrize(ROW, CALLS)
def test_every_other_scope_together_is_not_enough(
    caller: Callable[..., Caller], method: str, path: str, body: str, scope: str
) -> None:
    make_portfolio()
    others = {"read", "feed", "gate", "halt"} - {scope}

    response = caller(*sorted(others))(method, path, body)

    assert response.status_code == 403
    assert error_of(response)["code"] == "scope_missing"
    assert not Trip.objects.exists()
    assert not Balance.objects.exists()


@pytest.mark.parametrize(ROW, ABOUT_ONE)
def test_a_hidden_portfolio_answers_as_one_that_is_not_there(
    caller: Callable[..., Caller], method: str, path: str, body: str, scope: str
) -> None:
    make_portfolio()
    make_portfolio("other")
    call = caller(scope, only=["other"])

    hidden = call(method, path, body)
    unknown = call(method, path.replace("/main", "/nowhere"), body)

    assert hidden.status_code == unknown.status_code == 404
    assert hidden.content == unknown.content
    assert not Trip.objects.exists()
    assert not Balance.objects.exists()


@pytest.mark.parametrize(ROW, ABOUT_ONE)
def test_a_token_limited_to_the_portfolio_may_call(
    caller: Callable[..., Caller], method: str, path: str, body: str, scope: str
) -> None:
    make_portfolio()

    assert caller(scope, only=["main"])(method, path, body).status_code == 200


def test_reaching_for_a_hidden_portfolio_is_in_the_log(caller: Callable[..., Caller]) -> None:
    make_portfolio()
    make_portfolio("other")

    caller("halt", only=["other"])("POST", "portfolios/main/trip")

    entry = AuditEntry.objects.get(action="people.access.refused")
    assert (entry.actor, entry.portfolio) == ("token:halt-other", "main")


@pytest.mark.parametrize(ROW, NEVER_LIMITED)
def test_a_limited_token_never_gets_what_concerns_every_portfolio(
    caller: Callable[..., Caller], method: str, path: str, body: str, scope: str
) -> None:
    make_portfolio()

    response = caller(scope, only=["main"])(method, path, body)

    assert response.status_code == 403
    assert error_of(response)["code"] == "token_limited"


def test_lists_hold_only_what_the_token_may_see(caller: Callable[..., Caller]) -> None:
    seen, hidden = make_portfolio(), make_portfolio("other")
    for portfolio in (seen, hidden):
        halt(portfolio_id=portfolio.pk, reason="", actor="command", address="", now=NOON)
    call = caller("read", only=["main"])

    assert [item["slug"] for item in call("GET", "portfolios").json()["items"]] == ["main"]
    assert [item["portfolio"] for item in call("GET", "trips").json()["items"]] == ["main"]


def test_a_hidden_trip_answers_as_one_that_is_not_there(caller: Callable[..., Caller]) -> None:
    make_portfolio()
    hidden = make_portfolio("other")
    trip = halt(portfolio_id=hidden.pk, reason="", actor="command", address="", now=NOON)
    call = caller("read", only=["main"])

    assert call("GET", f"trips/{trip.pk}").status_code == 404
    assert call("GET", f"trips/{trip.pk}").content == call("GET", "trips/999999").content


@pytest.mark.parametrize("token", ["", "rc_wrong", "Bearer", "é", "rc_\ud800"])
def test_a_bad_token_is_no_token(token: str) -> None:
    make_portfolio()

    assert (
        Caller(token.encode("utf-8", "replace").decode("latin-1"))("GET", "portfolios").status_code
        == 401
    )


def test_a_revoked_token_ends_with_its_next_call() -> None:
    token = create_token(name="bot", scopes=["read"], portfolios=[], now=NOON)
    call = Caller(token)
    assert call("GET", "portfolios").status_code == 200

    revoke_token(name="bot", now=NOON)

    assert call("GET", "portfolios").status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "portfolios/main"), ("GET", "portfolios/main/trip"), ("PATCH", "marks")],
)
def test_a_method_that_is_not_there_is_named_with_those_that_are(
    bot: Caller, method: str, path: str
) -> None:
    response = bot(method, path)

    assert response.status_code == 405
    assert error_of(response)["code"] == "method_not_allowed"
    assert response["Allow"]


@pytest.mark.parametrize("path", ["", "nothing", "portfolios/a b", "portfolios/", "trips/x"])
def test_an_unknown_address_answers_in_the_same_shape(bot: Caller, path: str) -> None:
    response = bot("GET", path)

    assert response.status_code == 404
    assert error_of(response)["code"] == "not_found"


def test_no_answer_may_be_kept_by_a_cache(bot: Caller) -> None:
    make_portfolio()

    assert bot("GET", "portfolios/main/gate")["Cache-Control"] == "no-store"
    assert bot("GET", "portfolios/nowhere/gate")["Cache-Control"] == "no-store"


def test_no_call_of_any_token_leaves_triggered(bot: Caller) -> None:
    make_portfolio()
    bot("POST", "portfolios/main/trip")

    for method, path in (("DELETE", "portfolios/main/trip"), ("POST", "portfolios/main/reset")):
        assert bot(method, path).status_code in {404, 405}
    bot("PUT", "portfolios/main/accounts/cash/snapshot", '{"balances": {"USDT": "20000"}}')

    assert Breaker.objects.get().state == "TRIGGERED"
