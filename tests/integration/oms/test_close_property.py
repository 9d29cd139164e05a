"""I6: whatever dies or is lost on the way, nothing is closed twice and no sign ever flips."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from redis import Redis

from oms.domain.closing import STILL_OPEN, CloseStatus
from oms.models import CloseIntent, CloseLeg, PaperAccount, PaperCall, PaperFaultKind
from oms.services import closing
from oms.venues import registry
from oms.venues.base import MarketRules, ReduceOrder, Rejected, Unknown
from oms.venues.paper import PaperAdapter
from portfolio.domain.holdings import AccountKind, Side
from tests.integration.oms.closing_desk import ClosingDesk, close_leg_of
from tests.integration.oms.desk import BTC_PERP, BTC_SPOT, no_ticks

RUNS = 200
GHOSTS = 0.30
KILLS = 0.10
LATE = 0.10
# What a request may take to arrive after its sender gave up.
LATE_BY = timedelta(seconds=4.9)
GIVES_UP_AFTER = timedelta(minutes=30)
SIDES = {"long": Side.LONG, "short": Side.SHORT}


class Killed(BaseException):
    """The worker died here: nothing that it would have done next happens."""


@dataclass
class Fate:
    """Who dies where, and what arrives late."""

    random: Random
    desk: ClosingDesk
    paper: PaperAccount
    late: list[tuple[datetime, ReduceOrder]] = field(default_factory=list)
    kills: int = 0

    def strike(self) -> None:
        if self.random.random() < KILLS:
            self.kills += 1
            raise Killed

    def deliver(self) -> None:
        """Let what is late arrive, as long as it may."""
        arrived = [order for at, order in self.late if at <= self.desk.now]
        self.late = [(at, order) for at, order in self.late if at > self.desk.now]
        for order in arrived:
            self.take(order)

    def take(self, order: ReduceOrder) -> None:
        assert order.quantity <= self.open_quantity(order), "closes more than there is"
        with suppress(Unknown, Rejected):
            PaperAdapter(account=self.paper.account, sleep=lambda _: None).reduce(order)

    def open_quantity(self, order: ReduceOrder) -> Decimal:
        known = self.paper.reductions.filter(client_id=order.client_id).first()
        return held(self.paper) + (known.quantity if known else 0)


@dataclass
class MortalAdapter:
    """The paper venue's port, at which the worker dies before or after any call."""

    inner: PaperAdapter
    fate: Fate

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            self.fate.strike()
            answer = getattr(self.inner, name)(*args, **kwargs)
            self.fate.strike()
            return answer

        return call

    def reduce(self, order: ReduceOrder) -> None:
        self.fate.strike()
        if self.fate.random.random() < LATE:
            self.fate.late.append((self.fate.desk.now + LATE_BY, order))
            raise Unknown("no answer")
        assert order.quantity <= self.fate.open_quantity(order), "closes more than there is"
        self.inner.reduce(order)
        self.fate.strike()

    def market_rules(self, instrument: str) -> MarketRules:
        return self.inner.market_rules(instrument)


def held(paper: PaperAccount) -> Decimal:
    """Return what there is to close, and insist that its sign never flipped."""
    rows = list(paper.positions.all())
    assert all(row.side == SIDES[paper.account.slug] for row in rows)
    coins = paper.balances.filter(asset="BTC").first()
    total = rows[0].quantity if rows else coins.total if coins else Decimal(0)
    assert total >= 0
    return total


@pytest.fixture
def closing_desk(db: None, redis: Redis) -> ClosingDesk:
    return ClosingDesk()


def an_account(desk: ClosingDesk, random: Random) -> PaperAccount:
    """Return an account with a long, a short, or coins."""
    what = random.choice([*SIDES, "coins"])
    quantity = Decimal(random.randint(2, 3_000_000)) / 1_000_000
    if what == "coins":
        balances = {"BTC": str(quantity), "USDT": "100"}
        return desk.account(what, kind=AccountKind.SPOT, balances=balances)
    paper = desk.account(what)
    desk.hold(paper, str(quantity))
    paper.positions.update(side=SIDES[what])
    return paper


@pytest.mark.parametrize("seed", range(RUNS))
def test_whatever_dies_or_is_lost_nothing_is_closed_twice(
    closing_desk: ClosingDesk, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)  # noqa: S311 - the same run for the same seed
    paper = an_account(closing_desk, random)
    at_first = held(paper)
    fate = Fate(random, closing_desk, paper)
    monkeypatch.setattr(
        registry,
        "PaperAdapter",
        lambda account: MortalAdapter(PaperAdapter(account=account, sleep=lambda _: None), fate),
    )
    closing_desk.close()

    end = closing_desk.now + GIVES_UP_AFTER
    while close_leg_of(paper).status in STILL_OPEN:
        assert closing_desk.now < end, "never flat"
        before = held(paper)
        attempt(fate)
        assert held(paper) <= before
        closing_desk.now = next_due(closing_desk)
        fate.deliver()

    assert held(paper) < Decimal("0.00002"), "only dust is left"
    told = sum(intent.filled for intent in CloseIntent.objects.all())
    done = sum(row.filled for row in paper.reductions.all())
    assert told == done == at_first - held(paper)
    assert close_leg_of(paper).status in {CloseStatus.FLAT, CloseStatus.RESIDUAL}


def attempt(fate: Fate) -> None:
    """Let one worker try, and perhaps die."""
    desk, random = fate.desk, fate.random
    for instrument in (BTC_PERP, BTC_SPOT):
        desk.price(instrument)
    if random.random() < GHOSTS and not fate.paper.faults.filter(remaining__gt=0).exists():
        desk.fault(fate.paper, PaperFaultKind.GHOST, PaperCall.REDUCE)
    elif random.random() < GHOSTS and not fate.paper.faults.filter(remaining__gt=0).exists():
        desk.fault(fate.paper, PaperFaultKind.PARTIAL, PaperCall.REDUCE, amount=50)
    for leg in closing.due_closes(now=desk.now):
        try:
            closing.send_close_leg(leg=leg, now=desk.now, ticks=no_ticks)
        except Killed:
            return


def next_due(desk: ClosingDesk) -> datetime:
    """Return when somebody may go on: when the pause is over, or the lease of the dead."""
    leg = CloseLeg.objects.get()
    at = max(leg.next_attempt_at, leg.lease_until or leg.next_attempt_at)
    return max(at, desk.now + timedelta(seconds=0.1))
