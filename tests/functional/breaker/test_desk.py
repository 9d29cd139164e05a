"""The breakers' page, their limits, halting all, and new portfolios and accounts."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from breaker.domain.approval import RequestKind
from breaker.domain.machine import BreakerState
from breaker.forms.desk import shown_values
from breaker.models import Breaker, ChangeRequest, Trip
from portfolio.domain.holdings import AccountKind
from portfolio.models import Evaluation, Portfolio, Role, VenueAccount
from riskconsole.audit.models import AuditEntry
from riskconsole.people.models import User
from tests.factories import make_member, make_portfolio, make_user, push
from tests.functional.breaker.conftest import SignedIn
from tests.functional.breaker.decisions import REASON, Decider, halt_now
from tests.second_factors import add_app

LIMITS = "/portfolios/main/limits/"
NEW_ACCOUNT = "/portfolios/main/accounts/new/"


def typed(portfolio: Portfolio, **changed: str) -> dict[str, str]:
    """Return the form as it stands, but for what is changed."""
    values = {**shown_values(portfolio), **changed}
    return {key: str(value) for key, value in values.items() if value is not False}


def breaker_of(slug: str = "main") -> Breaker:
    return Breaker.objects.get(portfolio__slug=slug)


def test_each_breaker_has_a_row_with_limits_last_check_and_last_change(
    main: Portfolio, signed_in: SignedIn
) -> None:
    halt_now(main)

    page = signed_in("bob").get("/breakers/").content.decode()

    assert "3.00\N{NARROW NO-BREAK SPACE}%" in page
    assert "5.00\N{NARROW NO-BREAK SPACE}%" in page
    assert "halted" in page
    assert "alice" in page
    assert "Halt all" not in page
    assert "Other" not in page


@pytest.mark.parametrize(("seconds", "is_red"), [(2, False), (4, True)])
def test_a_check_older_than_three_seconds_is_red(
    main: Portfolio, signed_in: SignedIn, seconds: int, is_red: bool
) -> None:
    Evaluation.objects.update(finished_at=timezone.now() - timedelta(seconds=seconds))

    page = signed_in("bob").get("/breakers/").content.decode()

    assert ('class="num t-trip" data-pulse' in page) is is_red


def test_who_sees_nothing_is_told_so(main: Portfolio, signed_in: SignedIn) -> None:
    assert "No breakers yet" in signed_in("charlie").get("/breakers/").content.decode()


def test_halt_all_halts_what_the_operator_may_halt_and_nothing_else(
    main: Portfolio, signed_in: SignedIn
) -> None:
    second = make_portfolio("second")
    make_member(User.objects.get(username="alice"), second, Role.OPERATOR)
    client = signed_in("alice")
    assert "Main, Second" in client.get("/halt-all/").content.decode()

    answer = client.post("/halt-all/", {"confirm": "halt all", "reason": "exchange is down"})

    assert answer["Location"] == "/breakers/"
    halted = Trip.objects.values_list("breaker__portfolio__slug", "reason")
    assert set(halted) == {("main", "exchange is down"), ("second", "exchange is down")}
    assert breaker_of("other").state == BreakerState.ACTIVE


def test_halt_all_takes_its_words(main: Portfolio, signed_in: SignedIn) -> None:
    page = signed_in("alice").post("/halt-all/", {"confirm": "main"}).content.decode()

    assert "Type HALT ALL to confirm" in page
    assert not Trip.objects.exists()


def test_what_stops_one_halt_stops_no_other(
    main: Portfolio, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from breaker.services import tripping

    second, halt = make_portfolio("second"), tripping.halt
    make_member(User.objects.get(username="alice"), second, Role.OPERATOR)

    def failing(*, portfolio_id: int, **facts: object) -> Trip:
        if portfolio_id == main.pk:
            raise RuntimeError("the disk is full")
        return halt(portfolio_id=portfolio_id, **facts)  # type: ignore[arg-type]

    monkeypatch.setattr(tripping, "halt", failing)

    page = signed_in("alice").post("/halt-all/", {"confirm": "HALT ALL"}, follow=True)

    assert "NOT halted: Main" in page.content.decode()
    assert Trip.objects.get().breaker.portfolio.slug == "second"


@pytest.mark.parametrize("who", ["bob", "charlie", "audrey", "adam"])
def test_who_may_halt_nothing_cannot_halt_all(
    main: Portfolio, signed_in: SignedIn, who: str
) -> None:
    client = signed_in(who)

    assert client.get("/halt-all/").status_code == 403
    assert client.post("/halt-all/", {"confirm": "HALT ALL"}).status_code == 403
    assert AuditEntry.objects.filter(action="people.access.refused").count() == 2
    assert not Trip.objects.exists()


def test_halt_all_needs_its_csrf_token(main: Portfolio, signed_in: SignedIn) -> None:
    client = signed_in("alice", enforce_csrf_checks=True)

    assert client.post("/halt-all/", {"confirm": "HALT ALL"}).status_code == 403
    assert not Trip.objects.exists()


def test_what_tightens_takes_effect_at_once(main: Portfolio, signed_in: SignedIn) -> None:
    before = breaker_of().version

    answer = signed_in("alice").post(LIMITS, typed(main, trip="4.5", cooldown="1200"))

    assert answer["Location"] == "/portfolios/main/"
    assert breaker_of().trip_ratio == Decimal("0.045")
    assert breaker_of().cooldown == timedelta(seconds=1200)
    assert breaker_of().version == before + 1
    entry = AuditEntry.objects.filter(action="breaker.limits.changed").latest("sequence")
    assert (entry.actor, entry.address) == ("user:alice", "127.0.0.1")


def test_what_loosens_becomes_a_request(main: Portfolio, signed_in: SignedIn) -> None:
    answer = signed_in("alice").post(LIMITS, typed(main, trip="6", reason=REASON))

    request = ChangeRequest.objects.get(kind=RequestKind.CHANGE)
    assert answer["Location"] == f"/approvals/{request.pk}/"
    assert breaker_of().trip_ratio == Decimal("0.05")
    assert "trip 5 % → 6 %" in signed_in("bob").get(answer["Location"]).content.decode()


def test_a_mix_tightens_at_once_and_asks_for_the_rest(main: Portfolio, signed_in: SignedIn) -> None:
    signed_in("alice").post(LIMITS, typed(main, trip="6", warning="2", name="Book", reason=REASON))

    assert breaker_of().warning_ratio == Decimal("0.02")
    assert breaker_of().trip_ratio == Decimal("0.05")
    assert Portfolio.objects.get(slug="main").name == "Book"
    request = ChangeRequest.objects.get()
    assert request.version == breaker_of().version
    assert request.payload.count("warning") == 0


def test_a_request_for_limits_is_approved_as_any_other(
    main: Portfolio, signed_in: SignedIn
) -> None:
    signed_in("alice").post(LIMITS, typed(main, trip="6", warning="2", reason=REASON))
    anna = make_user("anna", portfolio=main, role=Role.APPROVER)
    decider = Decider(
        client=signed_in("anna"), request=ChangeRequest.objects.get(), app=add_app(anna)
    )

    decider.post(exceptions=None)

    assert breaker_of().trip_ratio == Decimal("0.06")
    assert breaker_of().warning_ratio == Decimal("0.02")


def test_loosening_without_a_reason_changes_nothing_at_all(
    main: Portfolio, signed_in: SignedIn
) -> None:
    page = signed_in("alice").post(LIMITS, typed(main, trip="6", warning="2")).content.decode()

    assert "The reason needs at least 20 characters" in page
    assert breaker_of().warning_ratio == Decimal("0.03")
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("trip", "2", "is not below trip 2 %"),
        ("trip", "101", "This is not a percentage"),
        ("warning", "NaN", "not a plain"),
        ("cooldown", "-1", "This is not a number of seconds"),
        ("max_mark_age", "0", "This is not above 0"),
        ("initial_capital", "-5", "not above zero"),
        ("pegs", "a" * 40, "at most 32"),
        ("name", " ", "This field is required"),
    ],
)
def test_a_value_that_cannot_be_is_told_beside_its_field(
    main: Portfolio, signed_in: SignedIn, field: str, value: str, said: str
) -> None:
    page = signed_in("alice").post(LIMITS, typed(main, **{field: value})).content.decode()

    assert said.casefold() in page.casefold()
    assert not AuditEntry.objects.filter(action="breaker.limits.changed").exists()


def test_the_server_says_which_part_loosens_before_it_is_sent(
    main: Portfolio, signed_in: SignedIn
) -> None:
    client, address = signed_in("alice"), f"{LIMITS}difference/"

    shown = client.post(address, typed(main, trip="6", warning="2")).content.decode()
    assert "loosens, needs approval" in shown
    assert "at once" in shown
    assert "Nothing is different" in client.post(address, typed(main)).content.decode()
    assert "not below trip" in client.post(address, typed(main, trip="2")).content.decode()
    assert breaker_of().warning_ratio == Decimal("0.03")


@pytest.mark.parametrize(
    ("who", "status"), [("bob", 403), ("audrey", 403), ("charlie", 404), ("adam", 200)]
)
def test_limits_are_edited_by_operators_and_admins(
    main: Portfolio, signed_in: SignedIn, who: str, status: int
) -> None:
    client = signed_in(who)

    assert client.get(LIMITS).status_code == status
    assert client.post(LIMITS, typed(main, trip="2")).status_code == status
    assert client.post(f"{LIMITS}difference/", typed(main)).status_code == status
    assert breaker_of().trip_ratio == Decimal("0.05")


def test_state_version_and_other_portfolios_cannot_be_sent_along(
    main: Portfolio, signed_in: SignedIn
) -> None:
    signed_in("alice").post(
        LIMITS, typed(main, slug="other", state="DISABLED", version="99", quorum="0", trip="4")
    )

    assert breaker_of().trip_ratio == Decimal("0.04")
    assert breaker_of("other").trip_ratio == Decimal("0.05")
    assert (breaker_of().state, breaker_of().quorum) == (BreakerState.ACTIVE, 1)


def new_portfolio(**changed: str) -> dict[str, str]:
    fields = {
        "slug": "fresh",
        "name": "Fresh book",
        "reference_currency": "USDT",
        "initial_capital": "5000",
        "pegs": "USDC",
        "warning": "2",
        "trip": "4",
        "hysteresis": "0.25",
        "warning_dwell": "10",
        "max_mark_age": "10",
        "max_snapshot_age": "60",
        "blind_trip_after": "300",
        "cooldown": "900",
        "lifetime_floor": "15",
    }
    return {**fields, **changed}


def test_an_admin_adds_a_portfolio_and_an_account(main: Portfolio, signed_in: SignedIn) -> None:
    client = signed_in("adam")

    answer = client.post("/breakers/new/", new_portfolio())
    assert answer["Location"] == "/portfolios/fresh/"
    portfolio = Portfolio.objects.get(slug="fresh")
    assert (portfolio.initial_capital, portfolio.pegs) == (Decimal(5000), ["USDC"])
    assert portfolio.breaker.trip_ratio == Decimal("0.04")

    client.post(
        "/portfolios/fresh/accounts/new/",
        {
            "slug": "perp",
            "venue": "paper",
            "kind": "margin",
            "keep_reduce_only": "yes",
            "balances": "USDT 5000",
            "seed": "7",
        },
    )
    account = VenueAccount.objects.get(portfolio=portfolio)
    assert (account.kind, account.is_joining) == (AccountKind.MARGIN, False)
    assert breaker_of("fresh").keep_reduce_only
    created = AuditEntry.objects.filter(portfolio="fresh").values_list("actor", flat=True)
    assert set(created) == {"user:adam"}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("slug", "no spaces", "Enter a valid"),
        ("reference_currency", "US DT", "is empty or has spaces"),
        ("trip", "1", "is not below trip"),
        ("slug", "main", "There is a portfolio of that name"),
    ],
)
def test_a_portfolio_that_cannot_be_is_refused_with_its_field(
    main: Portfolio, signed_in: SignedIn, field: str, value: str, said: str
) -> None:
    changed = {"reference_currency": "BTC", field: value}

    page = signed_in("adam").post("/breakers/new/", new_portfolio(**changed)).content.decode()

    assert said in page
    assert not Portfolio.objects.filter(slug="fresh").exists()


@pytest.mark.parametrize("slug", ["main", "other"])
def test_a_new_portfolio_never_changes_one_that_is_there(
    main: Portfolio, signed_in: SignedIn, slug: str
) -> None:
    page = signed_in("adam").post("/breakers/new/", new_portfolio(slug=slug)).content.decode()

    assert "There is a portfolio of that name" in page
    assert breaker_of(slug).trip_ratio == Decimal("0.05")


def test_a_margin_account_needs_an_answer_about_stops(main: Portfolio, signed_in: SignedIn) -> None:
    page = signed_in("adam").post(
        NEW_ACCOUNT, {"slug": "perp", "venue": "manual", "kind": "margin", "reason": REASON}
    )

    assert "A margin account needs an answer" in page.content.decode()
    assert not ChangeRequest.objects.exists()


def test_an_account_of_an_armed_portfolio_is_asked_for(
    main: Portfolio, signed_in: SignedIn
) -> None:
    fields = {"slug": "more", "venue": "manual", "kind": "spot"}
    client = signed_in("adam")
    assert "at least 20 characters" in client.post(NEW_ACCOUNT, fields).content.decode()

    answer = client.post(NEW_ACCOUNT, {**fields, "reason": REASON})

    request = ChangeRequest.objects.get()
    assert answer["Location"] == f"/approvals/{request.pk}/"
    assert not VenueAccount.objects.filter(slug="more").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"venue": "nowhere"}, "Select a valid choice"),
        ({"balances": "USDT"}, "a coin and an amount"),
        ({"balances": "USDT 1, USDT 2"}, "a second time"),
        ({"balances": "USDT -", "venue": "paper"}, "not a plain"),
        ({"balances": "USDT 1"}, "only"),
        ({"slug": "cash", "kind": "margin", "keep_reduce_only": "no"}, "cannot be changed"),
    ],
)
def test_an_account_that_cannot_be_is_refused_with_its_field(
    main: Portfolio, signed_in: SignedIn, changed: dict[str, str], said: str
) -> None:
    fields = {"slug": "more", "venue": "manual", "kind": "spot", "reason": REASON, **changed}

    page = signed_in("adam").post(NEW_ACCOUNT, fields).content.decode()

    assert said in page
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 403), ("bob", 403), ("audrey", 403), ("charlie", 404)]
)
def test_portfolios_and_accounts_are_added_by_admins_alone(
    main: Portfolio, signed_in: SignedIn, who: str, status: int
) -> None:
    client = signed_in(who)

    assert client.post(NEW_ACCOUNT, {"slug": "more"}).status_code == status
    assert client.get(NEW_ACCOUNT).status_code == status
    assert client.post("/breakers/new/", new_portfolio()).status_code == 403
    assert not Portfolio.objects.filter(slug="fresh").exists()
    push(main, {"USDT": "9800"}, now=timezone.now())
