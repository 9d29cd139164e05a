from decimal import Decimal

import pytest

from oms.domain.growth import Line, grown_lines, spot_lines
from portfolio.domain.holdings import Side

LONG_BTC = Line("BTC", Side.LONG)


@pytest.mark.parametrize(("held", "expected"), [("1", {}), ("1.000000000000000001", {LONG_BTC})])
def test_a_line_has_grown_from_the_smallest_amount_on(
    held: str, expected: dict[Line, Decimal]
) -> None:
    assert set(grown_lines({LONG_BTC: Decimal(1)}, {LONG_BTC: Decimal(held)})) == set(expected)


def test_a_new_line_has_grown() -> None:
    assert grown_lines({}, {LONG_BTC: Decimal(1)}) == {LONG_BTC: Decimal(1)}


def test_cash_is_no_exposure_and_a_debt_is_a_short() -> None:
    balances = {"USDT": "5", "GBP": "5", "BTC": "1", "ETH": "-2", "SOL": "0"}

    lines = spot_lines(
        {asset: Decimal(total) for asset, total in balances.items()}, cash=frozenset({"GBP"})
    )

    assert lines == {LONG_BTC: Decimal(1), Line("ETH", Side.SHORT): Decimal(2)}
