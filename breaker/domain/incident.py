"""How fast an incident went, and where its timeline was quiet: pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from breaker.domain.machine import Cause

QUIET_FROM = timedelta(seconds=60)
_NOT_BY_PRICE = {
    Cause.HALT: "halted by a person, not by a price",
    Cause.BLIND: "tripped for want of prices",
}


class Timing(StrEnum):
    """What is timed, as the page heads it."""

    TRIP = "Price to trip"
    CANCEL = "Trip to first cancel"
    EMPTY = "Trip to all empty"
    ALERT = "Trip to first alert"


GOALS = {
    Timing.TRIP: timedelta(seconds=0.5),
    Timing.CANCEL: timedelta(seconds=1),
    Timing.EMPTY: timedelta(seconds=5),
    Timing.ALERT: timedelta(seconds=10),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How long something took; None where what is stored does not show it, and note says why."""

    timing: Timing
    took: timedelta | None
    note: str

    @property
    def goal(self) -> timedelta:
        return GOALS[self.timing]

    @property
    def is_met(self) -> bool | None:
        """Return whether it was as fast as it should be; None while that is not known."""
        return None if self.took is None else self.took <= self.goal


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTimes:
    """One account of a trip.

    :param asked_at: when the first order of it was about to be cancelled
    :param empty_at: when it was first confirmed without orders
    """

    is_connected: bool
    asked_at: datetime | None = None
    empty_at: datetime | None = None


def price_to_trip(
    *, cause: Cause, tripped_at: datetime, confirmed_at: Iterable[datetime | None]
) -> Measure:
    """Time the way from the newest price that the trip was decided on."""
    newest = max((at for at in confirmed_at if at is not None), default=None)
    if cause in _NOT_BY_PRICE:
        return Measure(timing=Timing.TRIP, took=None, note=_NOT_BY_PRICE[cause])
    if newest is None:
        return Measure(timing=Timing.TRIP, took=None, note="no line rests on a price")
    took = max(tripped_at - newest, timedelta())
    return Measure(timing=Timing.TRIP, took=took, note="from the newest price received")


def trip_to_first_cancel(*, tripped_at: datetime, legs: Collection[LegTimes]) -> Measure:
    """Time the way to the first order that was asked to go."""
    connected = [leg for leg in legs if leg.is_connected]
    first = min((leg.asked_at for leg in connected if leg.asked_at is not None), default=None)
    if first is not None:
        asked = sum(leg.asked_at is not None for leg in connected)
        return _since(tripped_at, Timing.CANCEL, first, f"orders open on {_accounts(asked)}")
    if not connected:
        return Measure(timing=Timing.CANCEL, took=None, note="no account is connected")
    is_over = all(leg.empty_at is not None for leg in connected)
    note = "no order was open" if is_over else "no order was met yet"
    return Measure(timing=Timing.CANCEL, took=None, note=note)


def trip_to_all_empty(*, tripped_at: datetime, legs: Collection[LegTimes]) -> Measure:
    """Time the way until every connected account was confirmed without orders."""
    connected = [leg for leg in legs if leg.is_connected]
    found = [leg.empty_at for leg in connected if leg.empty_at is not None]
    apart = len(legs) - len(connected)
    by_hand = f"; {apart} not connected" if apart else ""
    if not connected:
        return Measure(timing=Timing.EMPTY, took=None, note="no account is connected")
    if len(found) < len(connected):
        note = f"{len(found)} of {_accounts(len(connected))} so far{by_hand}"
        return Measure(timing=Timing.EMPTY, took=None, note=note)
    return _since(tripped_at, Timing.EMPTY, max(found), f"{_accounts(len(found))}{by_hand}")


def trip_to_first_alert(
    *, tripped_at: datetime, routes: int, delivered: Sequence[tuple[datetime, str]]
) -> Measure:
    """Time the way until the first route had taken the alert.

    :param routes: how many there were
    :param delivered: when which of them took it
    """
    if not routes:
        return Measure(timing=Timing.ALERT, took=None, note="no alert route was set")
    if not delivered:
        return Measure(timing=Timing.ALERT, took=None, note="no route has taken it")
    at, route = min(delivered)
    return _since(tripped_at, Timing.ALERT, at, f"over {route}")


def quiet_before(times: Sequence[datetime]) -> list[timedelta | None]:
    """Return how long it was quiet before each of these times, where that was a minute or more."""
    gaps = [later - earlier for earlier, later in pairwise(times)]
    found = [gap if gap >= QUIET_FROM else None for gap in gaps]
    return [None, *found] if times else []


def _since(tripped_at: datetime, timing: Timing, at: datetime, note: str) -> Measure:
    return Measure(timing=timing, took=max(at - tripped_at, timedelta()), note=note)


def _accounts(number: int) -> str:
    return f"{number} account{'' if number == 1 else 's'}"
