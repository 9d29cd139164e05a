"""What an account held at the trip, as the last snapshot before it says."""

from collections.abc import Mapping
from decimal import Decimal

from oms.domain.growth import Line, spot_lines
from oms.models import CancelLeg, LegPosition
from oms.venues.base import AccountSnapshot
from portfolio.domain.holdings import AccountKind, Side
from portfolio.models import Balance, Portfolio, Position, VenueAccount


def store_baseline(leg: CancelLeg, lines: Mapping[Line, Decimal]) -> None:
    """Write down what the account of a leg held."""
    LegPosition.objects.bulk_create(
        LegPosition(leg=leg, instrument=line.instrument, side=line.side, quantity=quantity)
        for line, quantity in lines.items()
    )


def stored_lines(account: VenueAccount) -> dict[Line, Decimal]:
    """Return what the account's last snapshot says that it holds."""
    if account.kind == AccountKind.SPOT:
        return spot_lines(balances_of(account), cash=_cash_of(account.portfolio))
    rows = Position.objects.filter(account=account)
    return {Line(row.instrument, Side(row.side)): row.quantity for row in rows}


def held_lines(account: VenueAccount, snapshot: AccountSnapshot) -> dict[Line, Decimal]:
    """Return what a venue says that the account holds."""
    if account.kind == AccountKind.SPOT:
        return spot_lines(snapshot.balances, cash=_cash_of(account.portfolio))
    return {
        Line(position.instrument, position.side): position.quantity
        for position in snapshot.positions
    }


def balances_of(account: VenueAccount) -> dict[str, Decimal]:
    """Return the totals by asset of the account's last snapshot."""
    rows = Balance.objects.filter(account=account)
    return dict(rows.values_list("asset", "total"))


def _cash_of(portfolio: Portfolio) -> frozenset[str]:
    return frozenset({portfolio.reference_currency, *portfolio.pegs})
