from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio.domain.holdings import Balance, Holdings, Position, Side
from portfolio.domain.lines import LineFlag
from portfolio.domain.prices import Mark, rate
from portfolio.domain.valuation import Book
from riskconsole.kernel.numbers import EXACT, ZERO
from tests.unit.portfolio.books import AT, MANUAL, MEXC, account, board, margin

ACCOUNTS = (
    account(1),
    account(2, venue=MEXC),
    account(3, venue=MANUAL),
    margin(4),
    margin(5, equity="12.5", currency="BTC"),
)
ASSETS = ("USDT", "USDC", "BTC", "ETH", "ALT", "OTHER")
MARKETS = (
    "BTC/USDT",
    "USDC/USDT",
    "USDT/EUR",
    "BTC/EUR",
    "ALT/BTC",
    "ALT/USDT",
    "ETH/BTC",
    "OTHER/ETH",
    "BTC/USDT:USDT",
    "BTC/USD:BTC",
    "ALT/USDC:USDC",
)
CONTRACTS = {"BTC/USDT:USDT": False, "BTC/USD:BTC": True, "ALT/USDC:USDC": False}

amounts = st.decimals("-1e6", "1e6", places=18, allow_nan=False)
positive = st.decimals("1e-9", "1e6", places=18, allow_nan=False)
balances = st.builds(
    Balance, account_id=st.integers(1, 5), asset=st.sampled_from(ASSETS), total=amounts
)


@st.composite
def positions(draw: st.DrawFn) -> Position:
    instrument = draw(st.sampled_from(sorted(CONTRACTS)))
    return Position(
        account_id=draw(st.sampled_from([4, 5])),
        instrument=instrument,
        side=draw(st.sampled_from(Side)),
        quantity=draw(positive),
        entry_price=draw(positive),
        contract_size=draw(st.sampled_from([Decimal(1), Decimal("0.0001")])),
        is_inverse=CONTRACTS[instrument],
        snapshot_mark=draw(st.none() | positive),
    )


@st.composite
def ticks(draw: st.DrawFn) -> list[Mark]:
    made = draw(
        st.lists(
            st.tuples(st.sampled_from(MARKETS), st.sampled_from(["kraken", "mexc"]), positive),
            min_size=5,
            max_size=40,
        )
    )
    return [
        Mark(
            venue=venue,
            instrument=instrument,
            price=price,
            source_at=None,
            received_at=AT + timedelta(milliseconds=number),
            confirmed_at=AT + timedelta(milliseconds=number),
        )
        for number, (instrument, venue, price) in enumerate(made)
    ]


@st.composite
def held(draw: st.DrawFn) -> Holdings:
    return Holdings(
        version=1,
        reference_currency="USDT",
        pegs=draw(st.sampled_from([frozenset(), frozenset({"USDC"})])),
        accounts=ACCOUNTS,
        balances=tuple(draw(st.lists(balances, max_size=8))),
        positions=tuple(draw(st.lists(positions(), max_size=5))),
    )


def exact_sum(numbers: Iterable[Decimal | None]) -> Decimal:
    total = ZERO
    for number in numbers:
        total = EXACT.add(total, number or ZERO)
    return total


@settings(deadline=None)
@given(holdings=held(), marks=ticks())
def test_after_any_ticks_the_running_sums_equal_a_new_valuation(
    holdings: Holdings, marks: list[Mark]
) -> None:
    book = Book(holdings=holdings, board=board())

    for mark in marks:
        book.apply((mark,))
        book.lines()

    fresh = Book(holdings=holdings, board=board(*marks))
    lines = book.lines()
    assert book.equity == fresh.equity == book.full_equity()
    assert book.equity == exact_sum(line.value for line in lines)
    assert book.unrealized_pnl == fresh.unrealized_pnl == exact_sum(line.pnl for line in lines)
    assert book.gross_exposure == fresh.gross_exposure
    assert book.gross_exposure == exact_sum(line.notional for line in lines)
    assert book.unpriced == fresh.unpriced
    assert lines == fresh.lines()


@settings(deadline=None)
@given(holdings=held(), marks=ticks())
def test_each_line_of_the_book_has_the_price_that_the_rule_gives(
    holdings: Holdings, marks: list[Mark]
) -> None:
    book = Book(holdings=holdings, board=board())
    book.apply(marks)

    for line in book.lines():
        if line.side is None and line.quantity and LineFlag.IN_VENUE_EQUITY not in line.flags:
            expected = rate(
                asset=line.name,
                account=line.account,
                board=board(*marks),
                reference_currency="USDT",
                pegs=holdings.pegs,
            )
            assert line.price == (expected and expected.price)


@settings(deadline=None)
@given(holdings=held(), marks=ticks(), order=st.randoms())
def test_the_order_of_ticks_of_different_markets_changes_nothing(
    holdings: Holdings, marks: list[Mark], order: Random
) -> None:
    last = list({(mark.venue, mark.instrument): mark for mark in marks}.values())
    shuffled = list(last)
    order.shuffle(shuffled)

    straight, mixed = (Book(holdings=holdings, board=board()) for _ in range(2))
    straight.apply(last)
    mixed.apply(shuffled)

    assert straight.equity == mixed.equity
