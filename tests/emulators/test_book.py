"""The book of an emulated venue fills as a venue does."""

from decimal import Decimal

import pytest

from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import Side
from tests.emulators.book import Book
from tests.emulators.fills import Contract, Position
from tests.emulators.orders import BookRefusal, Order, OrderStatus, Reason

SPOT = "BTC/USD"
LINEAR = "BTC/USD:USD"
INVERSE = "BTC/USD:BTC"


def order(
    book: Book,
    instrument: str,
    side: OrderSide,
    quantity: str,
    price: str,
    *,
    type: OrderType = OrderType.LIMIT,
    is_reduce_only: bool = False,
    is_immediate: bool = False,
    client_id: str = "",
) -> Order:
    return book.place(
        instrument=instrument,
        side=side,
        type=type,
        quantity=Decimal(quantity),
        price=Decimal(price),
        is_reduce_only=is_reduce_only,
        is_immediate=is_immediate,
        client_id=client_id,
    )


def long_of(book: Book, instrument: str, quantity: str, price: str) -> None:
    book.positions[instrument, Side.LONG] = Position(
        quantity=Decimal(quantity), entry_price=Decimal(price)
    )


def test_an_order_rests_until_its_price_is_crossed() -> None:
    book = Book()
    book.prices[SPOT] = Decimal(60000)
    placed = order(book, SPOT, OrderSide.BUY, "0.1", "59000")

    book.prices[SPOT] = Decimal(59001)
    assert list(book.orders) == [placed.id]

    book.prices[SPOT] = Decimal(59000)
    assert not book.orders
    assert book.find(placed.id).status is OrderStatus.FILLED
    assert dict(book.balances) == {"BTC": Decimal("0.1"), "USD": Decimal(-5900)}


def test_a_stop_fires_on_the_other_side_of_its_price() -> None:
    book = Book()
    long_of(book, LINEAR, "1", "60000")
    order(book, LINEAR, OrderSide.SELL, "1", "58000", type=OrderType.STOP, is_reduce_only=True)

    book.prices[LINEAR] = Decimal(58001)
    assert book.orders

    book.prices[LINEAR] = Decimal(57900)
    assert not book.orders
    assert not book.positions
    assert dict(book.balances) == {"USD": Decimal(-2100)}


def test_immediate_or_cancel_fills_what_there_is_and_the_rest_is_gone() -> None:
    book = Book()
    book.balances["BTC"] = Decimal(1)
    book.prices[SPOT] = Decimal(60000)
    book.liquidity[SPOT] = Decimal("0.4")

    partly = order(book, SPOT, OrderSide.SELL, "1", "59000", is_immediate=True)
    missed = order(book, SPOT, OrderSide.SELL, "0.1", "61000", is_immediate=True)

    assert not book.orders
    assert (partly.filled, partly.status) == (Decimal("0.4"), OrderStatus.CANCELLED)
    assert (missed.filled, missed.status) == (Decimal(0), OrderStatus.CANCELLED)


def test_reduce_only_never_flips_a_position() -> None:
    book = Book()
    book.prices[LINEAR] = Decimal(60000)
    long_of(book, LINEAR, "1", "50000")

    sold = order(book, LINEAR, OrderSide.SELL, "3", "59000", is_reduce_only=True, is_immediate=True)

    assert sold.filled == Decimal(1)
    assert not book.positions
    assert dict(book.balances) == {"USD": Decimal(10000)}


def test_what_is_left_of_a_reduce_only_order_goes_with_its_position() -> None:
    book = Book()
    long_of(book, LINEAR, "1", "50000")
    resting = order(book, LINEAR, OrderSide.SELL, "3", "61000", is_reduce_only=True)

    book.prices[LINEAR] = Decimal(61000)

    assert not book.orders
    assert book.find(resting.id).filled == Decimal(1)
    assert not book.positions


def test_without_reduce_only_a_larger_sale_flips_it() -> None:
    book = Book()
    book.prices[LINEAR] = Decimal(60000)
    long_of(book, LINEAR, "1", "50000")

    order(book, LINEAR, OrderSide.SELL, "3", "59000")

    assert dict(book.positions) == {
        (LINEAR, Side.SHORT): Position(quantity=Decimal(2), entry_price=Decimal(60000))
    }


def test_a_hedged_book_keeps_both_sides() -> None:
    book = Book(is_hedged=True)
    book.prices[LINEAR] = Decimal(60000)
    long_of(book, LINEAR, "1", "50000")

    order(book, LINEAR, OrderSide.SELL, "1", "59000")

    assert set(book.positions) == {(LINEAR, Side.LONG), (LINEAR, Side.SHORT)}


def test_an_inverse_contract_earns_coins() -> None:
    book = Book()
    book.contracts[INVERSE] = Contract(size=Decimal(10), is_inverse=True)
    long_of(book, INVERSE, "5000", "40000")
    book.prices[INVERSE] = Decimal(50000)

    assert book.pnl(INVERSE, Side.LONG) == Decimal("0.25")

    order(book, INVERSE, OrderSide.SELL, "5000", "49000", is_reduce_only=True)
    assert dict(book.balances) == {"BTC": Decimal("0.25")}


@pytest.mark.parametrize(
    ("instrument", "is_reduce_only", "client_id", "reason"),
    [
        (SPOT, False, "", Reason.INSUFFICIENT_FUNDS),
        (LINEAR, True, "", Reason.NOTHING_TO_REDUCE),
        (LINEAR, False, "twice", Reason.DUPLICATE_CLIENT_ID),
    ],
)
def test_what_a_venue_refuses_is_refused(
    instrument: str, is_reduce_only: bool, client_id: str, reason: Reason
) -> None:
    book = Book()
    order(book, LINEAR, OrderSide.BUY, "1", "1", client_id="twice")

    with pytest.raises(BookRefusal) as refused:
        order(
            book,
            instrument,
            OrderSide.SELL,
            "1",
            "60000",
            is_reduce_only=is_reduce_only,
            client_id=client_id,
        )
    assert refused.value.reason is reason


def test_a_partial_cancel_leaves_the_rest() -> None:
    book = Book()
    for _ in range(3):
        order(book, SPOT, OrderSide.BUY, "1", "1")

    assert len(book.cancel(at_most=2)) == 2
    assert len(book.orders) == 1
