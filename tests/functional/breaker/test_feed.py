"""The event feed of the overview: what matters, in words, once."""

import re
from html import unescape

from django.utils import timezone

from oms.domain.cancel import LegStatus
from portfolio.domain.holdings import AccountKind
from portfolio.models import Portfolio
from riskconsole.audit.chain import Payload
from riskconsole.audit.services import record
from tests.factories import make_account, push
from tests.functional.breaker.conftest import SignedIn

NARROW = "\N{NARROW NO-BREAK SPACE}"


def feed(signed_in: SignedIn, username: str = "bob") -> list[str]:
    """Return the words of each event, the newest first."""
    page = signed_in(username).get("/").content.decode().split('<ul class="feed">')[1]
    events = re.findall(r"<li data-key=.*?</li>", page.split("</ul>")[0], re.DOTALL)
    plain = [unescape(re.sub(r"<time.*?</time>|<[^>]*>", "", event)) for event in events]
    return [" ".join(event.split()) for event in plain]


def settle(status: LegStatus, *, account: str = "perp", **orders: str) -> None:
    payload: Payload = {
        "account": account,
        "status": status,
        "attempts": 1,
        "error": "",
        "orders": [{"order": order, "outcome": outcome} for order, outcome in orders.items()],
    }
    record(
        action="oms.cancel_leg.settled",
        subject="trip:1",
        portfolio="main",
        payload=payload,
        now=timezone.now(),
    )


def test_a_trip_is_told_with_the_portfolio_s_name_and_its_loss(
    main: Portfolio, signed_in: SignedIn
) -> None:
    make_account(main, "perp", venue="paper", kind=AccountKind.MARGIN)
    push(main, {"USDT": "9450"}, now=timezone.now())

    words = " ".join(f"Main tripped at a loss of 5.50{NARROW}%".split())
    assert words in feed(signed_in)


def test_a_halt_is_told_with_its_reason_and_who_did_it(
    main: Portfolio, signed_in: SignedIn
) -> None:
    signed_in("alice").post("/portfolios/main/halt/", {"confirm": "main", "reason": "slippage"})

    assert "Main halted: slippage alice" in feed(signed_in)


def test_what_became_of_an_account_is_told_once_with_all_its_orders(
    main: Portfolio, signed_in: SignedIn
) -> None:
    settle(LegStatus.PENDING, one="CANCELLED", two="FAILED")
    settle(LegStatus.PENDING, two="CANCELLED")
    settle(LegStatus.EMPTY)
    settle(LegStatus.NEEDS_HUMAN, account="spot", three="FAILED")

    assert feed(signed_in)[:2] == [
        "Main spot: not confirmed gone, needs a human",
        "Main perp: 2 orders cancelled, confirmed empty",
    ]
    assert sum("perp" in words for words in feed(signed_in)) == 1


def test_what_belongs_to_the_log_alone_is_not_in_the_feed(
    main: Portfolio, signed_in: SignedIn
) -> None:
    record(
        action="portfolio.member.added",
        subject="portfolio:main",
        portfolio="main",
        payload={"user": "bob"},
        now=timezone.now(),
    )

    assert not any("member" in words for words in feed(signed_in, "audrey"))
    assert "portfolio.member.added" in signed_in("audrey").get("/audit/").content.decode()
