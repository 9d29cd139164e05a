"""A desk whose positions are closed, and a market with a price."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import transaction

from oms.domain.closing import CloseStatus
from oms.models import CloseLeg, CloseRun, PaperAccount, PaperPosition
from oms.services import closing
from portfolio import marks
from portfolio.domain.holdings import Side
from riskconsole.kernel.numbers import ZERO
from tests.factories import mark
from tests.integration.oms.desk import BTC_PERP, Desk, no_ticks

MAX_MARK_AGE = timedelta(seconds=10)
PRICE = Decimal(60_000)


@dataclass
class ClosingDesk(Desk):
    """A desk that closes what it holds once its orders are gone."""

    def price(self, instrument: str = BTC_PERP) -> None:
        """Confirm a mark as of now."""
        mark(instrument, str(PRICE), venue="paper", now=self.now)
        marks.save_unsaved()

    def close(self, *, cause: str = "trip:1", is_held: bool = True, **only: str) -> CloseRun:
        with transaction.atomic():
            return closing.open_close_run(
                portfolio_id=self.portfolio.pk,
                cause=cause,
                max_mark_age=MAX_MARK_AGE,
                is_held=is_held,
                now=self.now,
                **only,
            )

    def work(self, *, seconds: float = 0, is_priced: bool = True) -> None:
        """Let the clock run by quarters of a second, with every attempt that falls due."""
        end = self.now + timedelta(seconds=seconds)
        while True:
            if is_priced:
                self.price()
            self.attend()
            for leg in closing.due_closes(now=self.now):
                closing.send_close_leg(leg=leg, now=self.now, ticks=no_ticks)
            if self.now >= end:
                return
            self.now += timedelta(seconds=0.25)


def close_leg_of(paper: PaperAccount) -> CloseLeg:
    return CloseLeg.objects.filter(account=paper.account).order_by("-pk")[0]


def close_status_of(paper: PaperAccount) -> CloseStatus:
    return CloseStatus(close_leg_of(paper).status)


def position_of(paper: PaperAccount, side: Side = Side.LONG) -> Decimal:
    row = PaperPosition.objects.filter(account=paper, side=side).first()
    return row.quantity if row else ZERO
