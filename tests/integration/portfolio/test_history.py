from datetime import timedelta
from decimal import Decimal

import pytest

from portfolio.models import EquityPoint, Portfolio, Resolution
from portfolio.selectors import equity_series
from portfolio.services import history
from tests.clock import NOON, after
from tests.factories import make_portfolio

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio() -> Portfolio:
    return make_portfolio()


def note(portfolio: Portfolio, second: float, equity: int) -> None:
    point = history.point_of(
        portfolio_id=portfolio.pk,
        at=after(second),
        equity=Decimal(equity),
        low=Decimal(equity - 1),
        high=Decimal(equity + 1),
    )
    history.note_equities([point])


def points(resolution: Resolution) -> list[tuple[object, ...]]:
    rows = EquityPoint.objects.filter(resolution=resolution).order_by("at")
    return list(rows.values_list("at", "equity", "low", "high"))


def test_a_minute_is_summed_up_once_it_has_ended(portfolio: Portfolio) -> None:
    note(portfolio, 0, 100)
    note(portfolio, 30, 90)
    note(portfolio, 59, 95)
    note(portfolio, 60, 500)

    history.thin(now=after(61))
    history.thin(now=after(62))

    assert points(Resolution.MINUTE) == [(NOON, Decimal(95), Decimal(89), Decimal(101))]


def test_five_minutes_keep_the_lowest_and_highest_of_their_minutes(portfolio: Portfolio) -> None:
    for minute in range(6):
        note(portfolio, 60 * minute, 100 + minute)

    history.thin(now=after(361))

    assert points(Resolution.FIVE_MINUTES) == [(NOON, Decimal(104), Decimal(99), Decimal(105))]


def test_seconds_go_after_a_day_and_minutes_stay(portfolio: Portfolio) -> None:
    note(portfolio, 0, 100)

    history.thin(now=NOON + timedelta(days=1, seconds=1))

    assert points(Resolution.SECOND) == []
    assert len(points(Resolution.MINUTE)) == 1


def test_every_second_around_a_trip_stays(portfolio: Portfolio) -> None:
    note(portfolio, -2 * 3600 - 1, 100)
    note(portfolio, -2 * 3600, 100)
    note(portfolio, 2 * 3600, 100)
    note(portfolio, 2 * 3600 + 1, 100)
    history.keep_around(portfolio_id=portfolio.pk, at=NOON)

    history.thin(now=NOON + timedelta(days=30))

    assert [row[0] for row in points(Resolution.SECOND)] == [after(-7200), after(7200)]


def test_a_view_keeps_the_extremes_of_what_it_leaves_out(portfolio: Portfolio) -> None:
    for second in range(100):
        note(portfolio, second, 50 if second == 42 else 100)

    series = equity_series(portfolio=portfolio, start=NOON, end=after(100), points=10)

    assert len(series) == 10
    assert min(point.low for point in series) == Decimal(49)
    assert series[-1].at == after(99)


def test_a_day_of_seconds_is_read_as_minutes(portfolio: Portfolio) -> None:
    EquityPoint.objects.bulk_create(
        EquityPoint(
            portfolio=portfolio,
            resolution=resolution,
            at=after(at * resolution),
            equity=Decimal(1),
            low=Decimal(1),
            high=Decimal(1),
        )
        for resolution, count in ((Resolution.SECOND, 8001), (Resolution.MINUTE, 133))
        for at in range(count)
    )

    series = equity_series(portfolio=portfolio, start=NOON, end=after(8001))

    assert len(series) == 133
