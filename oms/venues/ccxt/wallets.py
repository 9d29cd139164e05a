"""The wallets of a margin account: what is in them, and the one equity figure if there is one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from oms.venues.base import AccountSnapshot, VenuePosition
from riskconsole.kernel.numbers import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """One wallet.

    :param equity: as the venue states it, in currency
    :param totals: by asset, without the profit of open positions
    """

    currency: str
    equity: Decimal
    totals: Mapping[str, Decimal]


def equity_of(wallets: Iterable[Wallet], *, default: str) -> tuple[Decimal | None, str]:
    """Return the venue's figure and its currency; none if it takes several to tell it.

    Figures in several currencies are no sum: then the totals and the positions are valued.
    """
    figures: dict[str, Decimal] = {}
    for wallet in wallets:
        figures[wallet.currency] = figures.get(wallet.currency, ZERO) + wallet.equity
    told = {currency: equity for currency, equity in figures.items() if equity}
    if len(told) > 1:
        return None, ""
    return next(((equity, currency) for currency, equity in told.items()), (ZERO, default))


def totals_of(wallets: Iterable[Wallet]) -> dict[str, Decimal]:
    """Return what is in all wallets together; an asset of which there is none is left out."""
    totals: dict[str, Decimal] = {}
    for wallet in wallets:
        for asset, amount in wallet.totals.items():
            totals[asset] = totals.get(asset, ZERO) + amount
    return {asset: total for asset, total in totals.items() if total}


def snapshot_of(
    wallets: Sequence[Wallet],
    *,
    positions: tuple[VenuePosition, ...],
    default: str,
    now: datetime,
) -> AccountSnapshot:
    """Return what a margin account holds.

    :param default: the currency of the figure where there is no money at all
    """
    equity, currency = equity_of(wallets, default=default)
    return AccountSnapshot(
        balances=totals_of(wallets),
        positions=positions,
        as_of=now,
        venue_equity=equity,
        venue_equity_currency=currency,
    )
