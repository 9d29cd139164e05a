"""What an account holds: as its last snapshot says, and as a venue tells."""

from collections.abc import Collection
from decimal import Decimal

from oms.domain.growth import Line, spot_lines
from oms.venues.base import AccountSnapshot
from portfolio.domain.holdings import AccountKind, Side
from portfolio.models import Balance, Portfolio, Position, VenueAccount


def stored_lines(accounts: Collection[VenueAccount]) -> dict[int, dict[Line, Decimal]]:
    """Return by account what its last snapshot says that it holds; the portfolio is loaded."""
    balances, positions = _balances(accounts), _positions(accounts)
    return {
        account.pk: spot_lines(balances.get(account.pk, {}), cash=_cash_of(account.portfolio))
        if account.kind == AccountKind.SPOT
        else positions.get(account.pk, {})
        for account in accounts
    }


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
    return _balances([account]).get(account.pk, {})


def _balances(accounts: Collection[VenueAccount]) -> dict[int, dict[str, Decimal]]:
    spot = [account.pk for account in accounts if account.kind == AccountKind.SPOT]
    totals: dict[int, dict[str, Decimal]] = {}
    if not spot:
        return totals
    rows = Balance.objects.filter(account__in=spot)
    for pk, asset, total in rows.values_list("account_id", "asset", "total"):
        totals.setdefault(pk, {})[asset] = total
    return totals


def _positions(accounts: Collection[VenueAccount]) -> dict[int, dict[Line, Decimal]]:
    margin = [account.pk for account in accounts if account.kind != AccountKind.SPOT]
    lines: dict[int, dict[Line, Decimal]] = {}
    if not margin:
        return lines
    rows = Position.objects.filter(account__in=margin)
    columns = ("account_id", "instrument", "side", "quantity")
    for pk, instrument, side, quantity in rows.values_list(*columns):
        lines.setdefault(pk, {})[Line(instrument, Side(side))] = quantity
    return lines


def _cash_of(portfolio: Portfolio) -> frozenset[str]:
    return frozenset({portfolio.reference_currency, *portfolio.pegs})
