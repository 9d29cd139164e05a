"""A bad night: an account that needs a human, a stop that was kept, a bot that disobeys, and a
route that takes nothing.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from breaker.models import Breaker, Trip
from breaker.services import monitoring
from breaker.services.tripping import halt
from breaker.services.upkeep import keep_up
from oms.domain.orders import OrderSide, OrderType
from oms.models import (
    PaperAccount,
    PaperBalance,
    PaperCall,
    PaperFault,
    PaperFaultKind,
    PaperOrder,
    PaperPosition,
)
from oms.services import cancelling
from oms.services.feeding import take_snapshot
from oms.venues.paper_book import place_order
from portfolio.domain.holdings import AccountKind, Side
from portfolio.models import Portfolio
from riskconsole.alerts.services import deliver_due
from tests.factories import make_account, make_portfolio, mark, push

PERP = "BTC/USDT:USDT"
# Each is so long after the trip that a leg is due: twice empty, then a look every 5 s.
LOOKS = (0.04, 1.2, 6.4, 11.6, 16.8, 22, 27.2)
DISOBEYS_AFTER = 18


def play(*, begin: datetime, slug: str = "night") -> Trip:
    """Play it from a time on, some six minutes of it, through the real services."""
    portfolio = _book(slug, now=begin)
    _price(portfolio, "57900", now=begin + timedelta(seconds=60))
    tripped_at = begin + timedelta(seconds=90.318)
    _price(portfolio, "56400", now=tripped_at)
    trip = Trip.objects.get(breaker__portfolio=portfolio)
    perp = PaperAccount.objects.get(account__portfolio=portfolio, account__slug="perp")
    for seconds in LOOKS:
        now = tripped_at + timedelta(seconds=seconds)
        if DISOBEYS_AFTER < seconds < DISOBEYS_AFTER + 5:
            _order(perp, now=tripped_at + timedelta(seconds=DISOBEYS_AFTER))
        _attend(portfolio, now=now)
        deliver_due(now=now)
    return trip


def go_on(trip: Trip) -> None:
    """Let a person halt it again, and five minutes pass without anybody taking notice."""
    halt(
        portfolio_id=trip.breaker.portfolio_id,
        reason="the bot still quotes",
        actor="user:alice",
        address="",
        now=trip.at + timedelta(seconds=150),
    )
    keep_up(now=trip.at + timedelta(minutes=5))


def _book(slug: str, *, now: datetime) -> Portfolio:
    portfolio = make_portfolio(slug)
    Breaker.objects.filter(portfolio=portfolio).update(keep_reduce_only=True)
    perp, stuck = _paper(portfolio, "perp", "6000"), _paper(portfolio, "stuck", "2000")
    PaperPosition.objects.create(
        account=perp,
        instrument=PERP,
        side=Side.LONG,
        quantity=Decimal("0.15"),
        entry_price=Decimal(60000),
    )
    _order(perp, now=now)
    _order(perp, side=OrderSide.SELL, kind=OrderType.STOP, is_reduce_only=True, now=now)
    _order(stuck, now=now)
    PaperFault.objects.create(
        account=stuck,
        kind=PaperFaultKind.NO_PERMISSION,
        call=PaperCall.CANCEL_ORDERS,
        remaining=10_000,
    )
    for paper in (perp, stuck):
        take_snapshot(account_id=paper.account_id, now=now)
    mark(PERP, "60000", venue="paper", now=now)
    push(portfolio, {"USDT": "2000"}, now=now)
    return portfolio


def _paper(portfolio: Portfolio, slug: str, cash: str) -> PaperAccount:
    account = make_account(portfolio, slug, venue="paper", kind=AccountKind.MARGIN)
    paper = PaperAccount.objects.create(account=account)
    PaperBalance.objects.create(account=paper, asset="USDT", total=Decimal(cash))
    return paper


def _order(
    paper: PaperAccount,
    *,
    now: datetime,
    side: OrderSide = OrderSide.BUY,
    kind: OrderType = OrderType.LIMIT,
    is_reduce_only: bool = False,
) -> PaperOrder:
    return place_order(
        account=paper,
        instrument=PERP,
        side=side,
        order_type=kind,
        quantity=Decimal("0.1"),
        price=Decimal(55000),
        is_reduce_only=is_reduce_only,
        now=now,
    )


def _price(portfolio: Portfolio, price: str, *, now: datetime) -> None:
    for account in portfolio.accounts.exclude(slug="cash"):
        take_snapshot(account_id=account.pk, now=now - timedelta(seconds=1))
    mark(PERP, price, venue="paper", now=now - timedelta(milliseconds=84))
    monitoring.evaluate(portfolio_ids=[portfolio.pk], now=now)


def _attend(portfolio: Portfolio, *, now: datetime) -> None:
    legs = [*cancelling.due_legs(now=now), *cancelling.due_holds(now=now)]
    for leg in legs:
        if leg.run.portfolio_id == portfolio.pk:
            cancelling.send_cancel_leg(leg=leg, now=now, ticks=lambda: 0.0)
