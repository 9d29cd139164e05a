"""What a tick and a full revaluation cost; a tick must not notice how much is held."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from time import perf_counter_ns

from bench.report import RUNS, Path, Report, median_of, path_of
from portfolio.domain.holdings import (
    Account,
    AccountKind,
    Balance,
    Holdings,
    Position,
    Side,
    VenueKind,
)
from portfolio.domain.prices import Mark, PriceBoard, PricingVenue
from portfolio.domain.valuation import Book
from riskconsole.kernel.numbers import ONE

AT = datetime(2026, 1, 1, tzinfo=UTC)
VENUE = PricingVenue(slug="kraken", kind=VenueKind.EXCHANGE)
FEW, FULL, MANY = 10, 1_000, 10_000
TICKS, REVALUATIONS = 5_000, 300
_NS_PER_MS = 1_000_000


def run() -> Report:
    """Return medians of three runs; the ticks are compared with those of the small book."""
    runs = [_measure() for _ in range(RUNS)]
    return Report(paths={name: median_of([run[name] for run in runs]) for name in runs[0]})


def _measure() -> dict[str, Path]:
    return {
        **_compare("tick", instrument="A1/USDT", quote="USDT"),
        **_compare("tick_of_all", instrument="BTC/USDT", quote="BTC"),
        f"full_{FULL}": path_of(_revalue(_book(FULL, quote="USDT"))),
    }


def _compare(name: str, *, instrument: str, quote: str) -> dict[str, Path]:
    """Tick an instrument that prices one holding or, with BTC as the quote, every balance."""
    books = (_book(count, quote=quote) for count in (FEW, MANY))
    few, many = (path_of(_tick(book, instrument)) for book in books)
    ratios = replace(many, p50_ratio=many.p50_ms / few.p50_ms, p99_ratio=many.p99_ms / few.p99_ms)
    return {f"{name}_{FEW}": few, f"{name}_{MANY}": ratios}


def _tick(book: Book, instrument: str) -> list[float]:
    """Apply marks that each move the equity."""
    marks = [_mark(instrument, Decimal(100) + Decimal(at) / 100) for at in range(TICKS)]
    return [_milliseconds(partial(_apply, book, mark)) for mark in marks]


def _apply(book: Book, mark: Mark) -> Decimal:
    book.apply((mark,))
    return book.equity


def _revalue(book: Book) -> list[float]:
    book.full_equity()
    return [_milliseconds(book.full_equity) for _ in range(REVALUATIONS)]


def _milliseconds(call: Callable[[], object]) -> float:
    start = perf_counter_ns()
    call()
    return (perf_counter_ns() - start) / _NS_PER_MS


def _book(count: int, *, quote: str) -> Book:
    """Return a book of assets with markets in the quote, half of them held and half shorted."""
    held = [f"A{number}" for number in range(count // 2)]
    holdings = Holdings(
        version=1,
        reference_currency="USDT",
        pegs=frozenset(),
        accounts=(_account(1, AccountKind.SPOT), _account(2, AccountKind.MARGIN)),
        balances=tuple(_balance(asset) for asset in held),
        positions=tuple(_short(asset) for asset in held),
    )
    return Book(holdings=holdings, board=PriceBoard.of((VENUE,), _first_marks(held, quote)))


def _first_marks(assets: Iterable[str], quote: str) -> Iterable[Mark]:
    yield _mark("BTC/USDT", Decimal(100))
    for asset in assets:
        yield _mark(f"{asset}/{quote}", Decimal("101.25"))
        yield _mark(f"{asset}/USDT:USDT", Decimal("101.3"))


def _mark(instrument: str, price: Decimal) -> Mark:
    return Mark(
        venue=VENUE.slug,
        instrument=instrument,
        price=price,
        source_at=None,
        received_at=AT,
        confirmed_at=AT,
    )


def _account(number: int, kind: AccountKind) -> Account:
    return Account(
        id=number,
        slug=f"account-{number}",
        venue=VENUE.slug,
        venue_kind=VENUE.kind,
        kind=kind,
        is_venue_fed=True,
        snapshot_at=AT,
    )


def _balance(asset: str) -> Balance:
    return Balance(account_id=1, asset=asset, total=Decimal("12.345678"))


def _short(asset: str) -> Position:
    return Position(
        account_id=2,
        instrument=f"{asset}/USDT:USDT",
        side=Side.SHORT,
        quantity=Decimal("12.3"),
        entry_price=Decimal("99.5"),
        contract_size=ONE,
        is_inverse=False,
    )
