from decimal import Decimal

import pytest

from portfolio.domain.conservative import Conservative, conservative_equity, haircut_of
from portfolio.domain.holdings import Side
from portfolio.domain.prices import Ageing
from portfolio.domain.valuation import Book
from tests.unit.portfolio.books import (
    AT,
    MANUAL,
    account,
    balance,
    book,
    margin,
    mark,
    position,
    seconds,
)

BY_HAND = (account(venue=MANUAL),)


def conservative(found: Book, *, after: float) -> Conservative:
    ageing = Ageing(max_mark_age=seconds(10), now=AT + seconds(after))
    return conservative_equity(book=found, lines=found.lines(), ageing=ageing)


@pytest.mark.parametrize(
    ("late", "ratio"),
    [(0, "0"), (1, "0.0005"), (0.5, "0.00025"), (59.999, "0.0299995"), (60, "0.03"), (9e9, "0.03")],
)
def test_a_stale_mark_loses_five_basis_points_a_second_up_to_three_hundred(
    late: float, ratio: str
) -> None:
    assert haircut_of(seconds(late)) == Decimal(ratio)


def test_nothing_is_worsened_while_everything_is_fresh() -> None:
    found = book(balance("BTC", "1"), accounts=BY_HAND, marks=(mark("BTC/USDT", "1000"),))

    assert conservative(found, after=10).equity == 1000


def test_a_stale_long_is_worth_less() -> None:
    found = book(balance("BTC", "1"), accounts=BY_HAND, marks=(mark("BTC/USDT", "1000"),))

    assert conservative(found, after=30).equity == 990
    assert conservative(found, after=3600).equity == 970
    assert found.equity == 1000


def test_a_stale_short_costs_more() -> None:
    found = book(
        balance("USDT", "5000"),
        position("BTC/USDT:USDT", Side.SHORT, "1", "1000"),
        accounts=(margin(),),
        marks=(mark("BTC/USDT:USDT", "1000"),),
    )

    assert conservative(found, after=30).equity == 4990


@pytest.mark.parametrize(("spot_late", "perpetual_late"), [(10, 50), (50, 10)])
def test_what_is_hedged_in_the_same_asset_loses_only_on_the_net(
    spot_late: float, perpetual_late: float
) -> None:
    found = book(
        balance("BTC", "1", of=1),
        position("BTC/USDT:USDT", Side.SHORT, "0.9", "1000", of=2),
        accounts=(account(1), margin(2)),
        marks=(
            mark("BTC/USDT", "1000", at=AT - seconds(spot_late)),
            mark("BTC/USDT:USDT", "1000", at=AT - seconds(perpetual_late)),
        ),
    )

    # Net long 100, and the older of the two is 50 s late: 2.5 %.
    assert conservative(found, after=10).equity == Decimal("997.5")


def test_a_stale_side_against_the_net_exposure_gains_nothing() -> None:
    found = book(
        balance("BTC", "1", of=1),
        position("BTC/USDT:USDT", Side.SHORT, "0.9", "1000", of=2),
        accounts=(account(1), margin(2)),
        marks=(
            mark("BTC/USDT", "1000", at=AT + seconds(30)),
            mark("BTC/USDT:USDT", "1000"),
        ),
    )

    assert conservative(found, after=30).equity == 1000


def test_a_fresh_mark_of_another_venue_stands_in_and_is_flagged() -> None:
    found = book(
        balance("BTC", "1"),
        marks=(
            mark("BTC/USDT", "1000"),
            mark("BTC/USDT", "950", venue="mexc", at=AT + seconds(25)),
        ),
    )

    worse = conservative(found, after=30)

    assert worse.equity == 950
    assert worse.substituted == ("kraken-1 BTC",)
    assert found.equity == 1000


def test_a_stale_mark_of_another_venue_does_not() -> None:
    found = book(
        balance("BTC", "1"),
        marks=(
            mark("BTC/USDT", "1000"),
            mark("BTC/USDT", "950", venue="mexc", at=AT + seconds(19)),
        ),
    )

    assert conservative(found, after=30) == Conservative(equity=Decimal(990), substituted=())


def test_a_pushed_mark_does_not_stand_in_for_another_venues() -> None:
    found = book(
        balance("BTC", "1"),
        marks=(
            mark("BTC/USDT", "1000"),
            mark("BTC/USDT", "950", venue="pushed", at=AT + seconds(30)),
        ),
    )

    assert conservative(found, after=30).equity == 990


def test_only_the_stale_currency_of_a_position_is_worsened() -> None:
    found = book(
        position("BTC/USDC:USDC", Side.LONG, "1", "900"),
        accounts=(margin(),),
        marks=(mark("BTC/USDC:USDC", "1000", at=AT + seconds(30)), mark("USDC/USDT", "1")),
    )

    assert conservative(found, after=30).equity == 99
