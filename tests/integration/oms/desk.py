"""A desk with accounts at the simulated venue, and a clock that the test moves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from oms.domain.cancel import LegStatus, Outcome
from oms.domain.orders import OrderSide, OrderType
from oms.models import (
    CancelLeg,
    CancelRun,
    PaperAccount,
    PaperBalance,
    PaperCall,
    PaperFault,
    PaperFaultKind,
    PaperOrder,
    PaperPosition,
)
from oms.services import cancelling
from oms.venues.paper_book import place_order
from portfolio.domain.holdings import AccountKind, Side, VenueKind
from portfolio.models import Balance, MarkSource, Portfolio, Position, Venue, VenueAccount
from riskconsole.audit.models import AuditEntry

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BTC_PERP = "BTC/USDT:USDT"
BTC_SPOT = "BTC/USDT"
BEFORE = NOON - timedelta(minutes=5)


def no_ticks() -> float:
    """Return the same second for ever: an attempt takes no time."""
    return 0.0


def make_venue(slug: str, kind: VenueKind) -> Venue:
    defaults = {"kind": kind, "source": MarkSource.PUSH}
    return Venue.objects.get_or_create(slug=slug, defaults=defaults)[0]


@dataclass
class Desk:
    """One portfolio; now is where the test's clock stands."""

    portfolio: Portfolio = field(
        default_factory=lambda: Portfolio.objects.create(
            slug="main", name="Main book", reference_currency="USDT"
        )
    )
    now: datetime = NOON

    def account(
        self,
        slug: str = "perp",
        *,
        kind: AccountKind = AccountKind.MARGIN,
        balances: Mapping[str, str] | None = None,
        long: str | None = None,
    ) -> PaperAccount:
        """Add a paper account, its last snapshot taken a moment before the trip."""
        account = VenueAccount.objects.create(
            portfolio=self.portfolio,
            venue=make_venue("paper", VenueKind.PAPER),
            slug=slug,
            kind=kind,
            as_of=BEFORE,
        )
        paper = PaperAccount.objects.create(account=account)
        for asset, total in (balances or {"USDT": "10000"}).items():
            PaperBalance.objects.create(account=paper, asset=asset, total=Decimal(total))
            Balance.objects.create(account=account, asset=asset, total=Decimal(total))
        if long is not None:
            self.hold(paper, long)
            Position.objects.create(
                account=account,
                instrument=BTC_PERP,
                side=Side.LONG,
                quantity=Decimal(long),
                entry_price=Decimal(60000),
            )
        return paper

    def hold(self, paper: PaperAccount, quantity: str) -> None:
        """Set the long position that the venue has of the account."""
        PaperPosition.objects.update_or_create(
            account=paper,
            instrument=BTC_PERP,
            side=Side.LONG,
            defaults={"quantity": Decimal(quantity), "entry_price": Decimal(60000)},
        )

    def place(
        self,
        paper: PaperAccount,
        *,
        at: datetime = BEFORE,
        instrument: str = BTC_PERP,
        side: OrderSide = OrderSide.BUY,
        order_type: OrderType = OrderType.LIMIT,
        quantity: str = "0.1",
        is_reduce_only: bool = False,
    ) -> PaperOrder:
        return place_order(
            account=paper,
            instrument=instrument,
            side=side,
            order_type=order_type,
            quantity=Decimal(quantity),
            price=Decimal(55000),
            is_reduce_only=is_reduce_only,
            now=at,
        )

    def fault(
        self,
        paper: PaperAccount,
        kind: PaperFaultKind,
        call: PaperCall = PaperCall.ANY,
        *,
        amount: int = 0,
        remaining: int = 1,
    ) -> None:
        PaperFault.objects.create(
            account=paper, kind=kind, call=call, amount=amount, remaining=remaining
        )

    def trip(self, *, keep_reduce_only: bool = False) -> CancelRun:
        with transaction.atomic():
            return cancelling.open_cancel_run(
                portfolio_id=self.portfolio.pk,
                cause="trip:1",
                keep_reduce_only=keep_reduce_only,
                now=self.now,
            )

    def attend(self, *, seconds: float = 0) -> None:
        """Let the clock run and make every attempt on the way as it falls due."""
        end = self.now + timedelta(seconds=seconds)
        while True:
            for leg in self._due():
                cancelling.send_cancel_leg(leg=leg, now=self.now, ticks=no_ticks)
            if self.now >= end:
                return
            self.now = min(self._next_due(), end)

    def _due(self) -> list[CancelLeg]:
        return cancelling.due_legs(now=self.now) + cancelling.due_holds(now=self.now)

    def _next_due(self) -> datetime:
        legs = CancelLeg.objects.filter(is_ended=False).exclude(status=LegStatus.NOT_CONNECTED)
        times = legs.values_list("next_attempt_at", "lease_until")
        due = [max(due_at, lease_until or due_at) for due_at, lease_until in times]
        return min((at for at in due if at > self.now), default=datetime.max.replace(tzinfo=UTC))


def leg_of(paper: PaperAccount) -> CancelLeg:
    return CancelLeg.objects.get(account=paper.account)


def status_of(paper: PaperAccount) -> LegStatus:
    return LegStatus(leg_of(paper).status)


def outcomes_of(paper: PaperAccount) -> list[Outcome]:
    rows = leg_of(paper).orders.order_by("pk")
    return [Outcome(outcome) for outcome in rows.values_list("outcome", flat=True)]


def actions() -> list[str]:
    """Return the actions of the log, oldest first."""
    return list(AuditEntry.objects.order_by("sequence").values_list("action", flat=True))
