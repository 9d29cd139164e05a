"""Whether an account holds more than it did at the trip."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from portfolio.domain.holdings import Side
from riskconsole.kernel.numbers import ZERO

# What a sale leaves behind: more of it is not more exposure.
CASH = frozenset({"USDT", "USD", "USDC", "EUR"})


class Line(NamedTuple):
    """One side of one instrument, or an asset of a spot account."""

    instrument: str
    side: Side


def spot_lines(balances: Mapping[str, Decimal], *, cash: frozenset[str]) -> dict[Line, Decimal]:
    """Return what a spot account holds besides cash; a debt is a short."""
    return {
        Line(asset, Side.LONG if total > ZERO else Side.SHORT): abs(total)
        for asset, total in balances.items()
        if total and asset not in cash | CASH
    }


def grown_lines(
    baseline: Mapping[Line, Decimal], held: Mapping[Line, Decimal]
) -> dict[Line, Decimal]:
    """Return the lines of which more is held than at the baseline, with what is held."""
    return {line: total for line, total in held.items() if total > baseline.get(line, ZERO)}
