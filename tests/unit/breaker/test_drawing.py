"""Where things stand on the drawings."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from breaker.selectors.drawing import (
    LimitLine,
    Runway,
    Series,
    Window,
    curves_of,
    runway_of,
    spark_of,
    window_of,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def window(*, hours: int = 0, minutes: int = 0) -> Window:
    end = NOON + timedelta(hours=hours, minutes=minutes)
    return Window(start=NOON, end=end, is_whole=True)


def runway(equity: str) -> Runway:
    return runway_of(
        equity=Decimal(equity),
        reference_equity=Decimal(10_000),
        warning_equity=Decimal(9_700),
        trip_equity=Decimal(9_500),
        is_on_guard=True,
        tone="",
    )


@pytest.mark.parametrize(
    ("equity", "bar", "room"),
    [
        ("10000", "71.4", "500"),
        ("9700", "28.6", "200"),
        ("9500", "0.0", "0"),
        ("20000", "100.0", "10500"),
    ],
)
def test_the_bar_grows_from_the_trip_line(equity: str, bar: str, room: str) -> None:
    drawn = runway(equity)

    assert (drawn.bar, drawn.room, drawn.is_past) == (bar, Decimal(room), False)
    assert (drawn.warning, drawn.reference) == ("28.6", "71.4")


def test_past_the_line_the_bar_is_empty_and_the_room_negative() -> None:
    drawn = runway("9450")

    assert (drawn.bar, drawn.room, drawn.is_past) == ("0.0", Decimal(-50), True)
    assert drawn.room_ratio == Decimal("-0.005")


def test_a_spark_stands_in_time_and_higher_is_up() -> None:
    points = [
        (NOON, Decimal(10)),
        (NOON + timedelta(minutes=30), Decimal(20)),
        (NOON + timedelta(hours=1), Decimal(10)),
    ]

    spark = spark_of(points, window=window(hours=1))

    assert spark is not None
    assert spark.points == "0.0,23.0 34.5,3.0 69.0,23.0"
    assert (spark.last_x, spark.last_y) == ("69.0", "23.0")


def test_one_point_is_no_line() -> None:
    assert spark_of([(NOON, Decimal(10))], window=window(hours=1)) is None


def test_curves_share_a_scale_with_zero_and_their_labels_keep_apart() -> None:
    end = NOON + timedelta(hours=6)
    series = [
        Series(name=name, tone="calm", points=[(NOON, Decimal(0)), (end, Decimal(value))])
        for name, value in (("one", "-5"), ("two", "-5"), ("three", "1"))
    ]

    curves = curves_of(series, window=window(hours=6))

    assert curves is not None
    labels = sorted(Decimal(line.label_y) for line in curves.lines)
    assert all(below - above >= 13 for above, below in pairwise(labels))
    assert [tick.label for tick in curves.ticks] == ["13:00", "14:00", "15:00", "16:00", "17:00"]
    assert {line.points.split(" ")[0] for line in curves.lines} == {f"0.0,{curves.zero}"}


def test_a_calm_curve_is_drawn_with_its_limits_in_view() -> None:
    series = [Series(name="one", tone="calm", points=[(NOON, Decimal(0))])]
    limits = [
        LimitLine(name="Warning", tone="warn", percent=Decimal(-3)),
        LimitLine(name="Trip", tone="trip", percent=Decimal(-5)),
    ]

    curves = curves_of(series, window=window(hours=6), limits=limits)

    assert curves is not None
    warning, trip = curves.limits
    assert Decimal(curves.zero) < Decimal(warning.y) < Decimal(trip.y) < Decimal(curves.floor)
    assert (warning.loss_ratio, trip.loss_ratio) == (Decimal("0.03"), Decimal("0.05"))


def test_a_young_console_is_drawn_from_its_first_point() -> None:
    now = NOON + timedelta(minutes=5)
    young, old = [(NOON, Decimal(1))], [(NOON - timedelta(hours=9), Decimal(1))]
    span = timedelta(hours=6)

    assert window_of([young], span=span, now=now) == Window(start=NOON, end=now, is_whole=False)
    assert window_of([young, old], span=span, now=now) == Window(
        start=now - span, end=now, is_whole=True
    )


def test_a_console_of_a_few_seconds_is_drawn_from_the_left_edge_of_a_minute() -> None:
    now = NOON + timedelta(seconds=4)

    found = window_of([[(NOON, Decimal(1))]], span=timedelta(hours=6), now=now)

    assert (found.start, found.end) == (NOON, NOON + timedelta(minutes=1))


def test_a_short_window_has_ticks_at_full_minutes() -> None:
    end = NOON + timedelta(minutes=5)
    series = [Series(name="one", tone="calm", points=[(NOON, Decimal(0)), (end, Decimal(1))])]

    curves = curves_of(series, window=window(minutes=5))

    assert curves is not None
    assert [tick.label for tick in curves.ticks] == ["12:01", "12:02", "12:03", "12:04"]


def test_without_a_point_there_is_no_drawing() -> None:
    assert curves_of([], window=window(hours=6)) is None
