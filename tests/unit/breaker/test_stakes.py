"""What a replay holds is read exactly from its options, or refused by name."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from breaker.domain.stakes import BadStake, Perp, Stakes, stakes_from
from portfolio.domain.holdings import Side


def stakes(*, cash: str = "1", spot: tuple[str, ...] = (), perps: tuple[str, ...] = ()) -> Stakes:
    return stakes_from(currency="USDT", cash=cash, spot=spot, perps=perps)


def test_options_become_exact_holdings() -> None:
    found = stakes(cash="10000.10", spot=("BTC=0.5", "ETH=-2"), perps=("BTCUSDT=-0.2@61000",))
    assert found.cash == Decimal("10000.10")
    assert found.spot == {"BTC": Decimal("0.5"), "ETH": Decimal(-2)}
    assert found.perps == (
        Perp(symbol="BTCUSDT", quantity=Decimal("-0.2"), entry_price=Decimal(61000)),
    )


def test_a_negative_quantity_is_a_short_of_the_linear_instrument() -> None:
    holdings = stakes(perps=("BTCUSDT=-0.2@61000",)).holdings(
        since=datetime(2024, 1, 1, tzinfo=UTC)
    )
    (position,) = holdings.positions
    assert (position.instrument, position.side) == ("BTC/USDT:USDT", Side.SHORT)
    assert position.quantity == Decimal("0.2")


def test_one_symbol_prices_the_spot_asset_and_the_perpetual() -> None:
    found = stakes(spot=("BTC=1",), perps=("BTCUSDT=1@1",))
    assert found.instruments() == {"BTCUSDT": ("BTC/USDT", "BTC/USDT:USDT")}


def test_a_long_and_a_short_of_one_instrument_are_two_positions() -> None:
    assert len(stakes(perps=("BTCUSDT=1@1", "BTCUSDT=-1@2")).perps) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cash": "ten"}, "--cash ten: "),
        ({"cash": "0"}, "Nothing is held"),
        ({"spot": ("BTC",)}, "--spot BTC: '' is not a plain finite number"),
        ({"spot": ("BTC=nan",)}, "--spot BTC=nan: "),
        ({"spot": ("BTC=0",)}, "--spot BTC=0: the quantity is zero"),
        ({"spot": ("=1",)}, "--spot =1: '' is not a symbol"),
        ({"spot": ("BTC=1", "BTC=2")}, "--spot BTC=2: BTC is given twice"),
        ({"spot": ("USDT=1",)}, "give it as --cash"),
        ({"perps": ("BTCUSDT=1",)}, "--perp BTCUSDT=1: entry price ''"),
        ({"perps": ("BTCUSDT=1@0",)}, "--perp BTCUSDT=1@0: entry price '0' is not above zero"),
        ({"perps": ("BTCUSDT=1@-5",)}, "entry price '-5' is not above zero"),
        ({"perps": ("BTCUSDT=0@5",)}, "the quantity is zero"),
        ({"perps": ("BTCUSD=1@5",)}, "BTCUSD does not end in the currency USDT"),
        ({"perps": ("USDT=1@5",)}, "'' is not a symbol"),
        ({"perps": ("BTCUSDT=1@5", "BTCUSDT=2@6")}, "a LONG of BTCUSDT is given twice"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(BadStake) as refusal:
        stakes(**options)  # type: ignore[arg-type]
    assert message in str(refusal.value)
