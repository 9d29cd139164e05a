import pytest

from portfolio.domain.holdings import (
    MalformedInstrument,
    base_of,
    quote_of,
    settle_of,
    symbol_of,
)
from tests.unit.portfolio.books import account, margin


@pytest.mark.parametrize(
    ("instrument", "base", "quote", "settle"),
    [
        ("BTC/USDT", "BTC", "USDT", "USDT"),
        ("BTC/USDT:USDT", "BTC", "USDT", "USDT"),
        ("BTC/USD:BTC", "BTC", "USD", "BTC"),
        ("BTC/USD:BTC-260925", "BTC", "USD", "BTC"),
        ("1000PEPE/USDT:USDT", "1000PEPE", "USDT", "USDT"),
    ],
)
def test_an_instrument_is_taken_apart(instrument: str, base: str, quote: str, settle: str) -> None:
    assert (base_of(instrument), quote_of(instrument), settle_of(instrument)) == (
        base,
        quote,
        settle,
    )


@pytest.mark.parametrize(
    "instrument",
    [
        "",
        "BTC",
        "BTC/",
        "/USDT",
        "BTC/USDT:",
        "BTC/USDT/EUR",
        "BTC /USDT",
        "BTC/USDT:USDT:X",
        "B\n/U",
    ],
)
def test_a_malformed_instrument_is_refused_by_name(instrument: str) -> None:
    with pytest.raises(MalformedInstrument, match="is not an instrument"):
        symbol_of(instrument)


def test_only_a_margin_account_counts_the_venues_own_equity() -> None:
    assert margin(equity="100").counts_venue_equity
    assert not account(equity="100").counts_venue_equity
    assert not margin().counts_venue_equity


def test_a_venue_equity_names_its_currency() -> None:
    with pytest.raises(ValueError, match="without its currency"):
        margin(equity="100", currency="")
