"""What an open incident leaves at risk: exposure, positions, and which have a stop."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from breaker.models import Trip
from oms.domain.cancel import LegStatus, Outcome
from oms.domain.orders import OrderSide
from oms.selectors import LegRow
from portfolio.domain.holdings import Side
from portfolio.models import Position

CLOSING = {Side.LONG: OrderSide.SELL, Side.SHORT: OrderSide.BUY}


class Stop(StrEnum):
    """Whether an order that only reduces was kept for a position; the values are shown."""

    KEPT = "kept"
    MISSING = "no stop"
    UNKNOWN = "not known yet"
    BY_HAND = "look there"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    account: str
    instrument: str
    side: Side
    quantity: Decimal
    stop: Stop
    has_grown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """:param stuck: the accounts with which only a person can go on"""

    gross: Decimal | None
    net: Decimal | None
    positions: tuple[OpenPosition, ...]
    stuck: tuple[str, ...]

    @property
    def without_stop(self) -> int:
        return sum(position.stop is not Stop.KEPT for position in self.positions)


def exposure_of(trip: Trip, *, legs: Sequence[LegRow]) -> Exposure:
    """Return what is still open on the accounts of a trip's portfolio."""
    portfolio = trip.breaker.portfolio
    rows = Position.objects.filter(account__portfolio=portfolio).select_related("account")
    by_account = {leg.account: leg for leg in legs}
    return Exposure(
        gross=portfolio.evaluation.gross_exposure,
        net=portfolio.evaluation.net_exposure,
        positions=tuple(
            _position(row, leg=by_account.get(row.account.slug))
            for row in rows.order_by("account__slug", "instrument", "side")
        ),
        stuck=tuple(leg.account for leg in legs if leg.needs_human),
    )


def _position(row: Position, *, leg: LegRow | None) -> OpenPosition:
    side = Side(row.side)
    grown = leg.grown if leg else ()
    return OpenPosition(
        account=row.account.slug,
        instrument=row.instrument,
        side=side,
        quantity=row.quantity,
        stop=_stop_of(row.instrument, side, leg=leg),
        has_grown=any((held.instrument, held.side) == (row.instrument, side) for held in grown),
    )


def _stop_of(instrument: str, side: Side, *, leg: LegRow | None) -> Stop:
    if leg is None:
        return Stop.UNKNOWN
    if leg.status is LegStatus.NOT_CONNECTED:
        return Stop.BY_HAND
    if (instrument, CLOSING[side]) in _kept(leg):
        return Stop.KEPT
    return Stop.MISSING if leg.status is LegStatus.EMPTY else Stop.UNKNOWN


def _kept(leg: LegRow) -> Iterable[tuple[str, OrderSide]]:
    return [(order.instrument, order.side) for order in leg.orders if order.outcome is Outcome.KEPT]
