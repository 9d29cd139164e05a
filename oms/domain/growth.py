"""Whether an account holds more than it did at the trip."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from portfolio.domain.holdings import Side
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.numbers import ZERO, decimal_from, plain_text

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


def line_rows(lines: Mapping[Line, Decimal]) -> list[dict[str, str]]:
    """Return lines as they are kept in JSON."""
    return [
        {"instrument": line.instrument, "side": line.side, "quantity": plain_text(quantity)}
        for line, quantity in lines.items()
    ]


def lines_from(rows: Iterable[Mapping[str, str]]) -> dict[Line, Decimal]:
    """Return lines from how they are kept in JSON."""
    return {
        Line(row["instrument"], Side(row["side"])): decimal_from(row["quantity"]) for row in rows
    }


def growth_row(
    line: Line, *, quantity: Decimal, grown_to: Decimal, grown_at: datetime
) -> dict[str, str]:
    """Return a line that grew as it is kept in JSON; lines_from() reads what it was before."""
    (row,) = line_rows({line: quantity})
    return row | {"grown_to": plain_text(grown_to), "grown_at": time_text(grown_at)}
