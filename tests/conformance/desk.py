"""A portfolio that is spread over four emulated markets, worth 37,925 USDT by hand.

USDT/USD is 0.8 on Kraken, so that a dollar is 1.25 USDT without a remainder:

    Kraken          0.1 BTC and 0.15 BTC that earns, at 60,000 USD       18,750 USDT
                    1,000 USD and 500 USDT                                1,750
    Kraken Futures  5,000 USD and +100 of a linear long                   6,375
                    0.05 BTC and -0.003 BTC of an inverse short           3,525
    MEXC            2 ETH at 3,000 USDT, and 300 USDT                     6,300
    MEXC swap       1,000 USDT and +225 of 1,500 contracts of 0.0001 BTC  1,225
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from breaker.services import monitoring
from breaker.services.desk import desks
from oms.domain.credentials import KeyPurpose
from oms.domain.orders import OrderSide, OrderType
from oms.services import cancelling, closing
from oms.services.exchanges import take_quotes
from oms.services.feeding import take_snapshot
from oms.services.keys import set_key
from portfolio.domain.holdings import AccountKind, Side, VenueKind
from portfolio.models import MarkSource, Portfolio, Venue, VenueAccount
from portfolio.services.needs import books_without_prices
from tests.emulators.fills import Position
from tests.emulators.kraken import KrakenEmulator
from tests.emulators.kraken_futures import KrakenFuturesEmulator
from tests.emulators.mexc_spot import MexcSpotEmulator
from tests.emulators.mexc_swap import MexcSwapEmulator
from tests.emulators.server import Emulator
from tests.factories import make_portfolio

WORTH = Decimal(37_925)
SPOT, MARGIN = AccountKind.SPOT, AccountKind.MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One market of the desk: its account and the emulator behind it."""

    slug: str
    exchange: str
    kind: AccountKind
    emulator: Emulator


@dataclass(slots=True, kw_only=True)
class FourVenues:
    """The desk; its clock is moved by hand, except within a call to a venue."""

    portfolio: Portfolio
    places: dict[str, Place]
    now: datetime

    def read(self) -> None:
        """Ask every market for marks and holdings, and let the breaker decide."""
        self.now += timedelta(seconds=1)
        for account in self.accounts():
            take_snapshot(account_id=account.pk, now=self.now)
        self.quote()

    def quote(self) -> None:
        """Ask every market for marks only."""
        books = books_without_prices()
        for account in self.accounts():
            take_quotes(account_id=account.pk, books=books, now=self.now)
        monitoring.sweep(now=self.now, late_after=timedelta(0))

    def attend(self) -> None:
        """Make an attempt on every leg that is due, one after the other."""
        self.now += timedelta(seconds=2)
        for leg in cancelling.due_legs(now=self.now):
            cancelling.send_cancel_leg(leg=leg, now=self.now)

    def close(self) -> None:
        """Make an attempt on every account that is due to be closed, at marks of now."""
        self.quote()
        for leg in closing.due_closes(now=self.now):
            closing.send_close_leg(leg=leg, now=self.now)

    def accounts(self) -> list[VenueAccount]:
        return list(VenueAccount.objects.order_by("pk"))

    def emulator(self, slug: str) -> Emulator:
        return self.places[slug].emulator


@contextmanager
def four_venues() -> Iterator[FourVenues]:
    """Open the four markets and a portfolio with an account and keys on each."""
    desks.forget()
    with ExitStack() as stack:
        places = {
            place.slug: place
            for place in (
                Place(slug="kraken", exchange="kraken", kind=SPOT, emulator=_kraken()),
                Place(slug="futures", exchange="krakenfutures", kind=MARGIN, emulator=_futures()),
                Place(slug="mexc", exchange="mexc", kind=SPOT, emulator=_mexc()),
                Place(slug="swap", exchange="mexc", kind=MARGIN, emulator=_swap()),
            )
        }
        for place in places.values():
            stack.enter_context(place.emulator)
        now = datetime.now(UTC)
        portfolio = make_portfolio(capital=str(WORTH), accounts=())
        for place in places.values():
            _join(portfolio, place, now=now)
        yield FourVenues(portfolio=portfolio, places=places, now=now)


def _join(portfolio: Portfolio, place: Place, *, now: datetime) -> None:
    venue = Venue.objects.create(
        slug=place.slug,
        kind=VenueKind.EXCHANGE,
        exchange=place.exchange,
        source=MarkSource.VENUE,
        urls=place.emulator.urls,
    )
    account = VenueAccount.objects.create(
        portfolio=portfolio, venue=venue, slug=place.slug, kind=place.kind
    )
    for purpose in KeyPurpose:
        set_key(
            account_id=account.pk,
            purpose=purpose,
            credentials=place.emulator.credentials,
            actor="command",
            address="",
            now=now,
        )


def _kraken() -> Emulator:
    emulator = KrakenEmulator()
    emulator.book.prices |= {"BTC/USD": Decimal(60_000), "USDT/USD": Decimal("0.8")}
    emulator.book.balances |= {
        "BTC": Decimal("0.1"),
        "BTC.F": Decimal("0.15"),
        "USD": Decimal(1_000),
        "USDT": Decimal(500),
    }
    _rest(emulator, "BTC/USD", OrderSide.BUY, price="50000", quantity="0.01")
    return emulator


def _futures() -> Emulator:
    emulator = KrakenFuturesEmulator()
    emulator.book.prices |= {"BTC/USD:USD": Decimal(60_000), "BTC/USD:BTC": Decimal(50_000)}
    emulator.book.balances |= {"USD": Decimal(5_000), "BTC@fi_xbtusd": Decimal("0.05")}
    emulator.book.positions |= {
        ("BTC/USD:USD", Side.LONG): Position(quantity=Decimal("0.1"), entry_price=Decimal(59_000)),
        ("BTC/USD:BTC", Side.SHORT): Position(quantity=Decimal(600), entry_price=Decimal(40_000)),
    }
    _rest(emulator, "BTC/USD:USD", OrderSide.BUY, price="50000", quantity="0.1")
    _rest(
        emulator,
        "BTC/USD:USD",
        OrderSide.SELL,
        price="40000",
        quantity="0.1",
        order_type=OrderType.STOP,
        is_reduce_only=True,
    )
    return emulator


def _mexc() -> Emulator:
    emulator = MexcSpotEmulator()
    emulator.book.prices["ETH/USDT"] = Decimal(3_000)
    emulator.book.balances |= {"ETH": Decimal(2), "USDT": Decimal(300)}
    _rest(emulator, "ETH/USDT", OrderSide.BUY, price="2000", quantity="0.05")
    return emulator


def _swap() -> Emulator:
    emulator = MexcSwapEmulator()
    emulator.book.prices["BTC/USDT:USDT"] = Decimal(60_500)
    emulator.book.balances["USDT"] = Decimal(1_000)
    emulator.book.positions["BTC/USDT:USDT", Side.LONG] = Position(
        quantity=Decimal(1_500), entry_price=Decimal(59_000)
    )
    for order_type, side, price in (
        (OrderType.LIMIT, OrderSide.BUY, "50000"),
        (OrderType.STOP, OrderSide.SELL, "40000"),
    ):
        _rest(
            emulator,
            "BTC/USDT:USDT",
            side,
            price=price,
            quantity="100",
            order_type=order_type,
            is_reduce_only=order_type is OrderType.STOP,
        )
    return emulator


def _rest(
    emulator: Emulator,
    instrument: str,
    side: OrderSide,
    *,
    price: str,
    quantity: str,
    order_type: OrderType = OrderType.LIMIT,
    is_reduce_only: bool = False,
) -> None:
    emulator.book.place(
        instrument=instrument,
        side=side,
        type=order_type,
        quantity=Decimal(quantity),
        price=Decimal(price),
        is_reduce_only=is_reduce_only,
    )
