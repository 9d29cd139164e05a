"""Every venue tells what is held and what it costs the same way, whole or not at all."""

from decimal import Decimal

import pytest

from oms.venues.base import AuthFailed, Retryable, Unknown, VenueError
from tests.clock import NOON
from tests.conformance.bench import Bench, Call, Trouble


def test_a_snapshot_tells_every_balance(bench: Bench) -> None:
    bench.own(bench.cash, "1000.25")

    snapshot = bench.adapter().snapshot(now=NOON)

    assert snapshot.balances[bench.cash] == Decimal("1000.25")
    assert snapshot.as_of == NOON


def test_a_snapshot_tells_every_position(bench: Bench) -> None:
    bench.own(bench.cash, "1000")
    bench.hold("2")

    snapshot = bench.adapter().snapshot(now=NOON)

    held = {position.instrument: position for position in snapshot.positions}
    if bench.kind == "SPOT":
        assert snapshot.balances["BTC"] == Decimal(2)
        return
    assert held[bench.instrument].quantity == Decimal(2)
    assert held[bench.instrument].entry_price == bench.price
    assert held[bench.instrument].mark == bench.price


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (Trouble.HANG, Unknown),
        (Trouble.DOWN, Unknown),
        (Trouble.MALFORMED, Unknown),
        (Trouble.REVOKED, AuthFailed),
        (Trouble.SLOW_DOWN, Retryable),
    ],
)
def test_a_snapshot_is_whole_or_not_at_all(
    bench: Bench, trouble: Trouble, expected: type[VenueError]
) -> None:
    if trouble not in bench.troubles:
        pytest.skip(f"{bench.name} knows no {trouble}")
    bench.own(bench.cash, "1000")
    bench.trouble(trouble, Call.BALANCES)

    with pytest.raises(expected):
        bench.adapter().snapshot(now=NOON)


def test_a_quote_is_told_for_what_has_a_price(bench: Bench) -> None:
    quotes = bench.adapter().quotes([bench.instrument, "NOSUCH/COIN"])

    assert [(quote.instrument, quote.price) for quote in quotes] == [
        (bench.instrument, bench.price)
    ]


def test_what_trades_is_listed(bench: Bench) -> None:
    assert bench.instrument in bench.adapter().listed_instruments()


def test_quotes_fail_as_a_whole(bench: Bench) -> None:
    bench.trouble(Trouble.DOWN, Call.QUOTES)

    with pytest.raises(Unknown):
        bench.adapter().quotes([bench.instrument])
