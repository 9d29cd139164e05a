"""Closing by hand in the browser, and how a portfolio's page tells of it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from breaker.services.gate import pause
from oms.domain.closing import CloseStatus
from oms.models import CloseLeg, CloseRun, PaperPosition
from oms.services import closing
from oms.services.feeding import take_snapshot
from oms.services.paper_setup import PaperSpec, PositionSpec, open_paper_account
from portfolio import marks
from portfolio.domain.holdings import AccountKind, Side
from portfolio.models import Portfolio
from riskconsole.audit.models import AuditEntry
from tests.factories import make_account, mark
from tests.functional.breaker.conftest import SignedIn

BTC_PERP = "BTC/USDT:USDT"
FLATTEN = "/portfolios/main/flatten/"
PAGE = "/portfolios/main/"


@pytest.fixture
def perp(main: Portfolio) -> Portfolio:
    """Return the portfolio with a long on a paper account."""
    account = make_account(main, "perp", venue="paper", kind=AccountKind.MARGIN)
    position = PositionSpec(
        instrument=BTC_PERP,
        side=Side.LONG,
        quantity=Decimal("0.1"),
        entry_price=Decimal(60_000),
    )
    spec = PaperSpec(
        seed=None, balances={"USDT": Decimal(10_000)}, positions=(position,), orders=()
    )
    now = timezone.now()
    open_paper_account(account=account, spec=spec, now=now)
    take_snapshot(account_id=account.pk, now=now - timedelta(seconds=1))
    mark(BTC_PERP, "60000", venue="paper", now=now)
    marks.save_unsaved()
    return main


def paused(portfolio: Portfolio) -> None:
    pause(portfolio_id=portfolio.pk, actor="test", address="", now=timezone.now())


def test_the_button_is_there_once_nobody_may_trade(perp: Portfolio, signed_in: SignedIn) -> None:
    alice = signed_in("alice")
    assert FLATTEN not in alice.get(PAGE).content.decode()
    paused(perp)
    assert FLATTEN in alice.get(PAGE).content.decode()
    assert FLATTEN not in signed_in("bob").get(PAGE).content.decode()


def test_the_dialog_says_what_is_closed_and_what_it_costs_at_worst(
    perp: Portfolio, signed_in: SignedIn
) -> None:
    paused(perp)

    page = signed_in("alice").get(FLATTEN).content.decode()

    assert BTC_PERP in page
    assert "6,000.00 USDT in all" in page
    assert "at most 180.00 USDT" in page
    assert "Cannot close on cash" in page


def test_a_typed_slug_begins_it_and_the_page_tells_how_it_stands(
    perp: Portfolio, signed_in: SignedIn
) -> None:
    paused(perp)
    alice = signed_in("alice")

    response = alice.post(FLATTEN, {"confirm": "main"})

    assert response["Location"] == PAGE
    assert AuditEntry.objects.get(action="breaker.flatten.began").actor == "user:alice"
    assert "being closed, once its orders are gone" in alice.get(PAGE).content.decode()
    for leg in closing.due_closes(now=timezone.now()):
        closing.send_close_leg(leg=leg, now=timezone.now())
    page = alice.get(PAGE).content.decode()
    assert "confirmed flat" in page
    assert "1 of 1 filled" in page
    assert not PaperPosition.objects.exists()


def test_a_wrong_slug_closes_nothing(perp: Portfolio, signed_in: SignedIn) -> None:
    paused(perp)
    response = signed_in("alice").post(FLATTEN, {"confirm": "other"})
    assert "Type main to confirm" in response.content.decode()
    assert not CloseRun.objects.exists()


@pytest.mark.usefixtures("perp")
def test_what_trades_is_not_closed_and_says_why(signed_in: SignedIn) -> None:
    response = signed_in("alice").post(FLATTEN, {"confirm": "main"}, follow=True)
    assert "neither halted nor paused" in response.content.decode()
    assert not CloseRun.objects.exists()


def test_what_the_console_cannot_close_stands_on_every_page(
    perp: Portfolio, signed_in: SignedIn
) -> None:
    paused(perp)
    alice = signed_in("alice")
    alice.post(FLATTEN, {"confirm": "main"})
    CloseLeg.objects.update(
        status=CloseStatus.NEEDS_HUMAN,
        blocked=[{"instrument": BTC_PERP, "obstacle": "NO_FRESH_MARK"}],
    )
    assert "Its positions are not closed since" in alice.get("/").content.decode()
    assert "NO_FRESH_MARK" in alice.get(PAGE).content.decode()
