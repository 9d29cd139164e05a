"""The loss that `demo` plays through the real services: warning, trip, orders gone."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from breaker.domain.machine import loss_ratio
from breaker.models import Breaker, Trip
from breaker.services import monitoring
from breaker.services.desired.document import read_document
from breaker.services.desired.execution import make_so
from breaker.services.desired.steps import By
from oms.domain.cancel import LegStatus
from oms.selectors import LegRow, legs_of
from oms.services.cancelling import sweep_legs
from oms.services.feeding import take_snapshot
from oms.venues.registry import adapter_for
from portfolio import marks
from portfolio.models import VenueAccount
from portfolio.selectors import live_book_of
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import EXACT, money_text, ratio_text

PORTFOLIO = Path(__file__).with_suffix(".toml")
VENUE = "paper"
INSTRUMENTS = ("BTC/USDT", "BTC/USDT:USDT")
CAPITAL = Decimal(10000)
OPENING_PRICE = Decimal(60000)
# A tenth of a bitcoin is held: these prices are a loss of 2 %, 3.5 %, 4.2 % and 5.5 %.
PRICES = (Decimal(58000), Decimal(56500), Decimal(55800), Decimal(54500))
EMPTY_WITHIN = timedelta(seconds=6)
LOOK_EVERY_SECONDS = 0.05

Clock = Callable[[], datetime]
Event = dict[str, object]


class DemoFailed(RiskConsoleError):
    """The system was not halted as it should have been."""


def play(*, clock: Clock) -> Iterator[Event]:
    """Lose money step by step in an empty database; yield what happened, as `demo` prints it.

    :raises DemoFailed: unless the breaker trips and every order is confirmed gone
    """
    _open(clock)
    for price in PRICES:
        _move(price, clock)
        yield _step()
    legs = _emptied_legs(clock)
    yield from map(_leg, legs)
    _refuse_what_is_open(legs)
    yield _halted()


def _open(clock: Clock) -> None:
    document, lines = read_document(PORTFOLIO.read_text(encoding="utf-8"))
    make_so(document, lines, by=By(now=clock()))
    for account_id in VenueAccount.objects.order_by("pk").values_list("pk", flat=True):
        take_snapshot(account_id=account_id, now=clock())
    # The first mark of an instrument counts only when a second one agrees.
    _push(OPENING_PRICE, clock)
    _move(OPENING_PRICE, clock)


def _move(price: Decimal, clock: Clock) -> None:
    _push(price, clock)
    monitoring.evaluate(portfolio_ids=[_breaker().portfolio_id], now=clock())


def _push(price: Decimal, clock: Clock) -> None:
    new = [marks.NewMark(instrument=instrument, price=price) for instrument in INSTRUMENTS]
    marks.accept(venue=VENUE, marks=new, now=clock())


def _step() -> Event:
    breaker, equity = _breaker(), _equity()
    return {
        "event": "step",
        "equity": money_text(equity),
        "loss_ratio": ratio_text(loss_ratio(reference_equity=CAPITAL, equity=equity)),
        "state": breaker.state,
    }


def _emptied_legs(clock: Clock) -> tuple[LegRow, ...]:
    """Attend to the trip's legs until each account is confirmed empty, or time is up."""
    trip = Trip.objects.filter(reset_at=None).first()
    if trip is None:
        raise DemoFailed("The breaker did not trip")
    deadline = clock() + EMPTY_WITHIN
    while True:
        for thread in sweep_legs(now=clock()):
            thread.join()
        legs = legs_of(cause=f"trip:{trip.pk}")
        if clock() > deadline or all(leg.status is LegStatus.EMPTY for leg in legs):
            return legs
        time.sleep(LOOK_EVERY_SECONDS)


def _leg(leg: LegRow) -> Event:
    return {
        "event": "leg",
        "account": leg.account,
        "cancelled": leg.cancelled,
        "status": leg.status,
    }


def _refuse_what_is_open(legs: Iterable[LegRow]) -> None:
    for leg in legs:
        if leg.status is not LegStatus.EMPTY:
            raise DemoFailed(f"{leg.account} is {leg.status}, not {LegStatus.EMPTY}")
    for account in VenueAccount.objects.select_related("venue"):
        if adapter_for(account).open_orders().orders:
            raise DemoFailed(f"{account.slug} still has open orders")


def _halted() -> Event:
    equity = _equity()
    return {
        "event": "halted",
        "state": _breaker().state,
        "final_equity": money_text(equity),
        "loss": money_text(EXACT.subtract(CAPITAL, equity)),
        "exit_status": 1,
    }


def _breaker() -> Breaker:
    return Breaker.objects.select_related("portfolio").get()


def _equity() -> Decimal:
    return live_book_of(_breaker().portfolio_id).equity
