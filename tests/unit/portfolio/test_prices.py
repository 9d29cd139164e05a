from decimal import Decimal

import pytest

from portfolio.domain.holdings import VenueKind
from portfolio.domain.prices import Ageing, Mark, PricingVenue, Rate, rate
from riskconsole.kernel.numbers import ONE, ROUNDED
from tests.unit.portfolio.books import (
    AT,
    KRAKEN,
    MANUAL,
    MEXC,
    PAPER,
    PUSHED,
    account,
    board,
    mark,
    seconds,
)


def price(
    asset: str,
    *marks: Mark,
    reference: str = "USDT",
    pegs: tuple[str, ...] = (),
    venue: PricingVenue = KRAKEN,
) -> Rate | None:
    return rate(
        asset=asset,
        account=account(venue=venue),
        board=board(*marks),
        reference_currency=reference,
        pegs=frozenset(pegs),
    )


def path(found: Rate | None) -> tuple[str, ...]:
    assert found is not None
    return found.path


def test_the_reference_is_worth_one_and_needs_no_market() -> None:
    found = price("USDT")

    assert found is not None
    assert (found.price, found.path, found.source) == (ONE, (), "reference")
    assert found.confirmed_at is None


def test_a_stablecoin_is_worth_one_only_if_the_portfolio_says_so() -> None:
    assert price("USDC") is None

    found = price("USDC", pegs=("USDC",))

    assert found is not None
    assert (found.price, found.source) == (ONE, "peg")


def test_without_a_peg_a_stablecoin_has_its_market_price() -> None:
    found = price("USDC", mark("USDC/USDT", "0.97"))

    assert found is not None
    assert found.price == Decimal("0.97")


def test_the_direct_market_goes_before_the_inverse_and_both_before_a_path() -> None:
    direct, inverse = mark("EUR/USDT", "1.1"), mark("USDT/EUR", "0.9")
    detour = (mark("EUR/USD", "1.2"), mark("USD/USDT", "1"))

    assert path(price("EUR", *detour, inverse, direct)) == ("EUR/USDT",)
    assert path(price("EUR", *detour, inverse)) == ("USDT/EUR",)
    assert path(price("EUR", *detour)) == ("EUR/USD", "USD/USDT")


def test_an_inverse_market_is_divided_once() -> None:
    found = price("EUR", mark("USDT/EUR", "0.9"))

    assert found is not None
    assert found.price == ROUNDED.divide(ONE, Decimal("0.9"))


def test_a_path_multiplies_and_its_age_is_that_of_the_oldest_mark() -> None:
    found = price("ALT", mark("ALT/BTC", "0.0005", at=AT - seconds(3)), mark("BTC/USDT", "60000"))

    assert found is not None
    assert found.price == Decimal(30)
    assert found.confirmed_at == AT - seconds(3)


def test_a_path_leads_through_two_intermediate_markets_and_no_more() -> None:
    two = (mark("ALT/BTC", "0.001"), mark("BTC/EUR", "50000"), mark("EUR/USDT", "1.1"))
    three = (
        mark("ALT/ETH", "0.02"),
        mark("ETH/BTC", "0.05"),
        mark("BTC/EUR", "50000"),
        mark("EUR/USDT", "1.1"),
    )

    found = price("ALT", *two)

    assert found is not None
    assert found.path == ("ALT/BTC", "BTC/EUR", "EUR/USDT")
    assert found.price == Decimal("55")
    assert price("ALT", *three) is None


def test_the_shorter_path_wins() -> None:
    long = (mark("ALT/USD", "2"), mark("USD/EUR", "0.9"), mark("EUR/USDT", "1.1"))
    short = (mark("ALT/ETH", "0.001"), mark("ETH/USDT", "3000"))

    assert path(price("ALT", *long, *short)) == ("ALT/ETH", "ETH/USDT")


def test_only_the_named_intermediates_lead_on() -> None:
    assert price("ALT", mark("ALT/DOGE", "2"), mark("DOGE/USDT", "0.1")) is None


def test_a_contract_prices_no_asset() -> None:
    assert price("BTC", mark("BTC/USDT:USDT", "60000")) is None


def test_a_market_with_a_peg_is_a_path_to_the_reference() -> None:
    found = price("SOL", mark("SOL/USDC", "150"), pegs=("USDC",))

    assert found is not None
    assert (found.price, found.path, found.is_pegged) == (Decimal(150), ("SOL/USDC",), True)


def test_the_own_venue_goes_first_however_old_its_mark() -> None:
    own = mark("BTC/USDT", "60000", at=AT - seconds(3600))
    other = mark("BTC/USDT", "61000", venue="mexc")

    found = price("BTC", own, other)

    assert found is not None
    assert (found.price, found.source) == (Decimal(60000), "kraken")


def test_without_an_own_mark_the_freshest_other_one_counts() -> None:
    old = mark("BTC/USDT", "60000", venue="kraken", at=AT - seconds(5))
    fresh = mark("BTC/USDT", "61000", venue="mexc")

    found = price("BTC", old, fresh, venue=MANUAL)

    assert found is not None
    assert (found.price, found.source) == (Decimal(61000), "mexc")


MAY_PRICE = [
    (KRAKEN, KRAKEN, True),
    (KRAKEN, MEXC, True),
    (KRAKEN, MANUAL, True),
    (KRAKEN, PUSHED, True),
    (PAPER, PAPER, True),
    (PAPER, PricingVenue(slug="sim", kind=VenueKind.PAPER), True),
    (PAPER, KRAKEN, False),
    (PAPER, MANUAL, False),
    (PUSHED, PUSHED, True),
    (PUSHED, MANUAL, True),
    (PUSHED, KRAKEN, False),
    (PUSHED, PAPER, False),
    (MANUAL, MANUAL, True),
    (MANUAL, KRAKEN, False),
    (MANUAL, PAPER, False),
]


@pytest.mark.parametrize(("source", "holder", "may"), MAY_PRICE)
def test_marks_price_only_the_accounts_they_may(
    source: PricingVenue, holder: PricingVenue, *, may: bool
) -> None:
    found = price("BTC", mark("BTC/USDT", "60000", venue=source.slug), venue=holder)

    assert (found is not None) is may


def test_a_mark_of_an_unknown_venue_prices_nobody_else() -> None:
    assert price("BTC", mark("BTC/USDT", "60000", venue="gone")) is None


def test_a_polled_mark_is_fresh_for_three_polls_and_a_streamed_one_for_the_limit() -> None:
    polled = PricingVenue(slug="p", kind=VenueKind.EXCHANGE, poll_interval=seconds(7))
    ageing = Ageing(max_mark_age=seconds(10), now=AT)

    assert ageing.stale_after(mark("BTC/USDT", "1"), polled) == AT + seconds(21)
    assert ageing.stale_after(mark("BTC/USDT", "1"), KRAKEN) == AT + seconds(10)
    assert ageing.is_fresh(mark("BTC/USDT", "1", at=AT - seconds(10)), KRAKEN)
    assert not ageing.is_fresh(mark("BTC/USDT", "1", at=AT - seconds(10.000001)), KRAKEN)
