"""What only one venue does: earn suffixes, wallets, contract sizes, scopes and modes."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from oms.domain.credentials import Credentials
from oms.domain.orders import CancelAnswer, OrderSide, OrderType
from oms.venues.base import (
    AuthFailed,
    NoPermission,
    OrderList,
    ReduceOrder,
    Rejected,
    Retryable,
    Unknown,
    Unsupported,
)
from portfolio.domain.holdings import Side
from tests.clock import NOON
from tests.conformance.bench import Call, EmulatedBench, Trouble
from tests.conformance.emulated import bench_of
from tests.emulators.faults import Fault, FaultKind
from tests.emulators.fills import Position
from tests.emulators.mexc_swap import MexcSwapEmulator

pytestmark = pytest.mark.django_db


@pytest.fixture
def kraken() -> Iterator[EmulatedBench]:
    with bench_of("kraken") as bench:
        yield bench


@pytest.fixture
def futures() -> Iterator[EmulatedBench]:
    with bench_of("krakenfutures") as bench:
        yield bench


@pytest.fixture
def spot() -> Iterator[EmulatedBench]:
    with bench_of("mexc-spot") as bench:
        yield bench


@pytest.fixture
def swap() -> Iterator[EmulatedBench]:
    with bench_of("mexc-swap") as bench:
        yield bench


class TestKraken:
    def test_what_earns_is_the_asset_itself(self, kraken: EmulatedBench) -> None:
        for name, total in {"BTC": "0", "BTC.F": "0.25", "DOT.P": "3", "USD": "10"}.items():
            kraken.own(name, total)

        snapshot = kraken.adapter().snapshot(now=NOON)

        assert snapshot.balances["BTC"] == Decimal("0.25")
        assert snapshot.balances["DOT"] == Decimal(3)
        assert snapshot.free is not None
        assert snapshot.free["BTC"] == Decimal("0.25")
        assert snapshot.free["DOT"] == 0

    def test_what_orders_hold_is_not_free(self, kraken: EmulatedBench) -> None:
        kraken.own("BTC", "1")
        kraken.place(side=OrderSide.SELL, price=kraken.price * 2)

        snapshot = kraken.adapter().snapshot(now=NOON)

        assert snapshot.balances["BTC"] == Decimal(1)
        assert snapshot.free is not None
        assert snapshot.free["BTC"] == 1 - kraken.size

    def test_margin_positions_are_not_passed_over(self, kraken: EmulatedBench) -> None:
        position = Position(quantity=Decimal(1), entry_price=kraken.price)
        kraken.book.positions[kraken.instrument, Side.LONG] = position

        with pytest.raises(Unsupported, match="margin positions"):
            kraken.adapter().snapshot(now=NOON)

    def test_a_used_nonce_is_no_reason_to_give_up(self, kraken: EmulatedBench) -> None:
        kraken.emulator.faults.add(Fault(kind=FaultKind.SKEW, call="open_orders"))
        adapter = kraken.adapter()

        with pytest.raises(Retryable, match="nonce"):
            adapter.open_orders()

        assert adapter.open_orders().is_complete

    def test_an_order_in_a_market_that_only_cancels_is_refused(self, kraken: EmulatedBench) -> None:
        message = "EService:Market in cancel_only mode"
        kraken.emulator.faults.add(Fault(kind=FaultKind.MESSAGE, call="reduce", message=message))
        kraken.hold("1")

        with pytest.raises(Rejected, match="cancel_only"):
            kraken.adapter().reduce(
                ReduceOrder(
                    client_id="a" * 32,
                    instrument=kraken.instrument,
                    side=OrderSide.SELL,
                    position_side=None,
                    quantity=Decimal(1),
                    limit_price=kraken.price,
                )
            )

    def test_a_secret_that_is_none_is_a_wrong_key(self, kraken: EmulatedBench) -> None:
        wrong = Credentials(key=kraken.emulator.credentials.key, secret="not base64")

        with pytest.raises(AuthFailed, match="secret"):
            kraken.adapter(wrong).open_orders()

    def test_emergencies_ask_for_no_markets(self, kraken: EmulatedBench) -> None:
        kraken.place()
        adapter = kraken.adapter()

        adapter.open_orders()
        adapter.cancel_all()

        assert kraken.emulator.verbs() == ["open_orders", "cancel_all"]


class TestKrakenFutures:
    def test_equity_is_the_venues_own_figure(self, futures: EmulatedBench) -> None:
        futures.own("USD", "1000")
        futures.hold("0.1")
        futures.book.prices[futures.instrument] = Decimal(61000)

        snapshot = futures.adapter().snapshot(now=NOON)

        assert (snapshot.venue_equity, snapshot.venue_equity_currency) == (Decimal(1100), "USD")
        assert snapshot.balances == {"USD": Decimal(1000)}
        assert snapshot.positions[0].mark == Decimal(61000)

    def test_wallets_in_several_currencies_are_no_one_figure(self, futures: EmulatedBench) -> None:
        futures.own("USD", "1000")
        futures.own("BTC@fi_xbtusd", "0.5")
        futures.own("ETH@cash", "2")

        snapshot = futures.adapter().snapshot(now=NOON)

        assert snapshot.venue_equity is None
        assert snapshot.balances == {
            "USD": Decimal(1000),
            "BTC": Decimal("0.5"),
            "ETH": Decimal(2),
        }

    def test_inverse_contracts_are_in_dollars(self, futures: EmulatedBench) -> None:
        held = Position(quantity=Decimal(6000), entry_price=futures.price)
        futures.book.prices["BTC/USD:BTC"] = futures.price
        futures.book.positions["BTC/USD:BTC", Side.SHORT] = held
        futures.own("BTC@fi_xbtusd", "0.5")

        snapshot = futures.adapter().snapshot(now=NOON)

        (position,) = snapshot.positions
        assert position.is_inverse
        assert (position.side, position.contract_size) == (Side.SHORT, Decimal(1))
        assert (snapshot.venue_equity, snapshot.venue_equity_currency) == (Decimal("0.5"), "BTC")

    @pytest.mark.parametrize("call", ["balances", "positions", "quotes"])
    def test_a_snapshot_of_which_one_call_fails_is_none(
        self, futures: EmulatedBench, call: str
    ) -> None:
        futures.own("USD", "1000")
        futures.hold("0.1")
        futures.emulator.faults.add(Fault(kind=FaultKind.STATUS, call=call))  # type: ignore[arg-type]

        with pytest.raises(Unknown):
            futures.adapter().snapshot(now=NOON)

    def test_a_key_tells_its_rights(self, futures: EmulatedBench) -> None:
        known = futures.adapter(futures.emulator.add_key(may_withdraw=True)).key_permissions()

        assert (known.may_withdraw, known.may_trade) == (True, True)
        assert known.account_id
        assert known.has_address_list is False


class TestMexcSpot:
    def test_without_the_right_to_list_every_pair_locked_funds_prove_nothing(
        self, spot: EmulatedBench
    ) -> None:
        setattr(spot.emulator, "lists_every_symbol", False)  # noqa: B010
        spot.own("BTC", "1")
        order_id = spot.place(side=OrderSide.SELL, price=spot.price * 2)

        listing = spot.adapter().open_orders()

        assert [order.id for order in listing.orders] == [order_id]
        assert not listing.is_complete

    def test_without_locked_funds_nothing_can_be_open(self, spot: EmulatedBench) -> None:
        setattr(spot.emulator, "lists_every_symbol", False)  # noqa: B010
        spot.own("BTC", "1")

        assert spot.adapter().open_orders().is_complete

    @pytest.mark.parametrize("lists_every_symbol", [True, False])
    def test_where_the_venue_cannot_cancel_all_it_is_done_by_symbol(
        self, spot: EmulatedBench, *, lists_every_symbol: bool
    ) -> None:
        setattr(spot.emulator, "lists_every_symbol", lists_every_symbol)  # noqa: B010
        spot.own("BTC", "1")
        spot.place(side=OrderSide.SELL, price=spot.price * 2)
        spot.trouble(Trouble.DOWN, Call.CANCEL_ALL)

        spot.adapter().cancel_all()

        assert spot.open_ids() == set()

    def test_a_key_tells_its_rights(self, spot: EmulatedBench) -> None:
        known = spot.adapter(spot.emulator.add_key(may_trade=False)).key_permissions()

        assert (known.may_withdraw, known.may_trade) == (False, False)
        assert known.account_id == "209302839"

    def test_a_clock_that_is_wrong_is_no_reason_to_give_up(self, spot: EmulatedBench) -> None:
        spot.emulator.faults.add(Fault(kind=FaultKind.SKEW, call="open_orders", amount=60))

        with pytest.raises(Retryable):
            spot.adapter().open_orders()


class TestMexcSwap:
    def test_a_scope_that_fails_leaves_the_listing_incomplete(self, swap: EmulatedBench) -> None:
        stop = swap.place(side=OrderSide.SELL, order_type=OrderType.STOP)
        swap.emulator.faults.add(Fault(kind=FaultKind.STATUS, call="open_orders"))

        listing = swap.adapter().open_orders()

        assert [order.id for order in listing.orders] == [stop]
        assert not listing.is_complete

    def test_a_scope_that_fails_does_not_spare_the_other(self, swap: EmulatedBench) -> None:
        plain = swap.place()
        swap.place(side=OrderSide.SELL, order_type=OrderType.STOP)
        swap.trouble(Trouble.DOWN, Call.CANCEL_ALL)

        with pytest.raises(Unknown):
            swap.adapter().cancel_all()

        assert swap.open_ids() == {plain}

    def test_the_stops_of_a_position_are_orders_too(self, swap: EmulatedBench) -> None:
        venue = swap.emulator
        assert isinstance(venue, MexcSwapEmulator)
        stops = {
            venue.attach(
                instrument=swap.instrument, side=side, quantity=Decimal(10), price=Decimal(50000)
            )
            for side in (Side.LONG, Side.SHORT)
        }
        plain = swap.place()

        listing = swap.adapter().open_orders()

        assert {order.id for order in listing.orders} == {plain, *stops}
        told = [order for order in listing.orders if order.id in stops]
        assert all(order.is_reduce_only and order.type is OrderType.STOP for order in told)
        assert {order.side for order in told} == {OrderSide.SELL, OrderSide.BUY}

        one, other = sorted(stops)
        assert swap.adapter().cancel_orders([one]) == {one: CancelAnswer.ACCEPTED}
        assert set(venue.attached) == {other}
        swap.adapter().cancel_all()
        assert swap.adapter().open_orders() == OrderList(orders=(), is_complete=True)

    def test_equity_counts_margin_and_profit(self, swap: EmulatedBench) -> None:
        swap.own("USDT", "1000")
        swap.hold("1500")
        swap.book.prices[swap.instrument] = Decimal(61000)

        snapshot = swap.adapter().snapshot(now=NOON)

        assert snapshot.positions[0].contract_size == Decimal("0.0001")
        assert (snapshot.venue_equity, snapshot.venue_equity_currency) == (Decimal(1150), "USDT")
        assert snapshot.balances == {"USDT": Decimal(1000)}

    @pytest.mark.parametrize("side", Side)
    def test_each_side_of_a_hedge_is_closed_by_itself(
        self, swap: EmulatedBench, side: Side
    ) -> None:
        for held in Side:
            swap.book.positions[swap.instrument, held] = Position(
                quantity=Decimal(10), entry_price=swap.price
            )
        selling = side is Side.LONG
        order = ReduceOrder(
            client_id="a" * 32,
            instrument=swap.instrument,
            side=OrderSide.SELL if selling else OrderSide.BUY,
            position_side=side,
            quantity=Decimal(10),
            limit_price=swap.price * Decimal("0.97" if selling else "1.03"),
        )

        swap.adapter().reduce(order)

        (left,) = swap.book.positions
        assert left == (swap.instrument, Side.SHORT if selling else Side.LONG)

    def test_a_side_that_is_not_held_is_not_opened(self, swap: EmulatedBench) -> None:
        swap.own("USDT", "1000")
        order = ReduceOrder(
            client_id="a" * 32,
            instrument=swap.instrument,
            side=OrderSide.SELL,
            position_side=Side.LONG,
            quantity=Decimal(10),
            limit_price=swap.price,
        )

        with pytest.raises(Rejected):
            swap.adapter().reduce(order)

        assert not swap.book.positions

    def test_ids_of_both_scopes_end_in_one_call(self, swap: EmulatedBench) -> None:
        ids = [swap.place(), swap.place(side=OrderSide.SELL, order_type=OrderType.STOP), "4711"]

        answers = swap.adapter().cancel_orders(ids)

        assert list(answers.values()) == [
            CancelAnswer.ACCEPTED,
            CancelAnswer.ACCEPTED,
            CancelAnswer.GONE,
        ]


@pytest.mark.parametrize("name", ["kraken", "krakenfutures", "mexc-spot", "mexc-swap"])
class TestEveryExchange:
    def test_a_key_that_may_not_trade_cancels_nothing(self, name: str) -> None:
        with bench_of(name) as bench:
            order_id = bench.place()

            with pytest.raises(NoPermission):
                bench.adapter(bench.emulator.add_key(may_trade=False)).cancel_all()

            assert bench.open_ids() == {order_id}

    def test_no_secret_is_in_an_error(self, name: str) -> None:
        with bench_of(name) as bench:
            known = bench.emulator.credentials
            wrong = Credentials(key=known.key, secret=bench.emulator.new_secret())

            with pytest.raises(AuthFailed) as caught:
                bench.adapter(wrong).snapshot(now=NOON)

            shown = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
            assert known.key not in shown
            assert wrong.secret not in shown
            assert "signature=" not in shown

    def test_what_does_not_trade_has_no_rules(self, name: str) -> None:
        with bench_of(name) as bench, pytest.raises(Rejected):
            bench.adapter().market_rules("NOSUCH/COIN")
