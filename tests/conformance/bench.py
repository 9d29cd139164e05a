"""A venue on the bench: what a test does behind the venue's counter, for each venue alike."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum, auto
from typing import ClassVar

from oms.domain.credentials import Credentials, KeyPurpose
from oms.domain.orders import OrderSide, OrderType
from oms.models import (
    PaperAccount,
    PaperBalance,
    PaperCall,
    PaperFault,
    PaperFaultKind,
    PaperMark,
    PaperOrder,
    PaperPosition,
)
from oms.services.keys import set_key
from oms.venues import paper_book
from oms.venues.base import VenueAdapter
from oms.venues.ccxt.adapter import CcxtAdapter
from oms.venues.paper import PaperAdapter
from portfolio.domain.holdings import AccountKind, Side, VenueKind
from portfolio.models import MarkSource, Portfolio, Venue, VenueAccount
from tests.clock import NOON
from tests.emulators.faults import Fault, FaultKind, Verb
from tests.emulators.fills import Position
from tests.emulators.kraken import KrakenEmulator
from tests.emulators.kraken_futures import KrakenFuturesEmulator
from tests.emulators.mexc_spot import MexcSpotEmulator
from tests.emulators.mexc_swap import MexcSwapEmulator
from tests.emulators.server import Emulator


class Trouble(StrEnum):
    """What happens to one call."""

    GHOST = auto()
    HANG = auto()
    PARTIAL = auto()
    APPEAR = auto()
    MALFORMED = auto()
    REVOKED = auto()
    SLOW_DOWN = auto()
    DOWN = auto()


class Call(StrEnum):
    """The calls of the port that a test troubles."""

    LIST = auto()
    CANCEL_ALL = auto()
    CANCEL_ORDERS = auto()
    BALANCES = auto()
    QUOTES = auto()
    REDUCE = auto()


class Bench(ABC):
    """One account at one venue, and one instrument to trade there.

    :param price: what the instrument costs at first
    :param size: an order that the venue takes
    :param scopes: how many calls a whole listing takes
    :param falls_back: a cancel of everything that fails is tried by symbol within the same call
    :param lot: a holding whose half the venue takes too
    """

    name: ClassVar[str]
    kind: ClassVar[AccountKind]
    instrument: ClassVar[str]
    exchange: ClassVar[str] = ""
    price: ClassVar = Decimal(60000)
    size: ClassVar = Decimal("0.01")
    lot: ClassVar = Decimal(1)
    cash: ClassVar = "USD"
    scopes: ClassVar = 1
    falls_back: ClassVar = False
    troubles: ClassVar = frozenset(Trouble)

    def __init__(self) -> None:
        portfolio = Portfolio.objects.create(
            slug=self.name, name=self.name, reference_currency="USDT"
        )
        kind = VenueKind.EXCHANGE if self.exchange else VenueKind.PAPER
        venue, _ = Venue.objects.update_or_create(
            slug=self.name,
            defaults={
                "kind": kind,
                "exchange": self.exchange,
                "source": MarkSource.VENUE,
                "urls": self.urls,
            },
        )
        self.account = VenueAccount.objects.create(
            portfolio=portfolio, venue=venue, slug=self.name, kind=self.kind
        )

    @property
    def urls(self) -> Mapping[str, str]:
        return {}

    @abstractmethod
    def adapter(self) -> VenueAdapter:
        """Return an adapter that has not spoken to the venue yet."""

    @abstractmethod
    def place(
        self,
        *,
        side: OrderSide = OrderSide.BUY,
        order_type: OrderType = OrderType.LIMIT,
        price: Decimal | None = None,
        is_reduce_only: bool = False,
    ) -> str:
        """Put an order on the book and return its id; without a price it rests at half."""

    @abstractmethod
    def open_ids(self) -> set[str]:
        """Return the ids on the venue's own book."""

    @abstractmethod
    def own(self, asset: str, total: str) -> None:
        """Set a balance."""

    @abstractmethod
    def hold(self, quantity: str) -> None:
        """Set a long position in the instrument, or the balance of its base on spot."""

    @abstractmethod
    def held(self) -> Decimal:
        """Return what is left of that."""

    @abstractmethod
    def trouble(self, trouble: Trouble, call: Call) -> None:
        """Let the next such call meet this."""


class PaperBench(Bench):
    """The simulated venue."""

    name = "paper"
    kind = AccountKind.MARGIN
    instrument = "BTC/USDT:USDT"
    cash = "USDT"
    troubles = frozenset(Trouble) - {Trouble.MALFORMED}

    _kinds: ClassVar = {
        Trouble.GHOST: PaperFaultKind.GHOST,
        Trouble.HANG: PaperFaultKind.HANG,
        Trouble.PARTIAL: PaperFaultKind.PARTIAL,
        Trouble.APPEAR: PaperFaultKind.APPEAR,
        Trouble.REVOKED: PaperFaultKind.AUTH_FAILED,
        Trouble.SLOW_DOWN: PaperFaultKind.RETRYABLE,
        Trouble.DOWN: PaperFaultKind.UNKNOWN,
    }
    _calls: ClassVar = {
        Call.LIST: PaperCall.OPEN_ORDERS,
        Call.CANCEL_ALL: PaperCall.CANCEL_ALL,
        Call.CANCEL_ORDERS: PaperCall.CANCEL_ORDERS,
        Call.BALANCES: PaperCall.SNAPSHOT,
        Call.QUOTES: PaperCall.QUOTES,
        Call.REDUCE: PaperCall.REDUCE,
    }

    def __init__(self) -> None:
        super().__init__()
        self.paper = PaperAccount.objects.create(account=self.account)
        PaperMark.objects.create(
            venue=self.account.venue, instrument=self.instrument, seed=1, price=self.price
        )

    def adapter(self) -> VenueAdapter:
        return PaperAdapter(account=self.account, sleep=lambda _seconds: None)

    def place(
        self,
        *,
        side: OrderSide = OrderSide.BUY,
        order_type: OrderType = OrderType.LIMIT,
        price: Decimal | None = None,
        is_reduce_only: bool = False,
    ) -> str:
        order = paper_book.place_order(
            account=self.paper,
            instrument=self.instrument,
            side=side,
            order_type=order_type,
            quantity=self.size,
            price=price or self.price / 2,
            is_reduce_only=is_reduce_only,
            now=NOON,
        )
        return str(order.pk)

    def open_ids(self) -> set[str]:
        return {str(pk) for pk in PaperOrder.objects.values_list("pk", flat=True)}

    def own(self, asset: str, total: str) -> None:
        PaperBalance.objects.create(account=self.paper, asset=asset, total=Decimal(total))

    def hold(self, quantity: str) -> None:
        PaperPosition.objects.create(
            account=self.paper,
            instrument=self.instrument,
            side=Side.LONG,
            quantity=Decimal(quantity),
            entry_price=self.price,
        )

    def held(self) -> Decimal:
        position = PaperPosition.objects.filter(account=self.paper).first()
        return position.quantity if position else Decimal(0)

    def trouble(self, trouble: Trouble, call: Call) -> None:
        PaperFault.objects.create(
            account=self.paper, kind=self._kinds[trouble], call=self._calls[call], amount=1
        )


class EmulatedBench(Bench):
    """A venue that an emulator plays, reached through ccxt."""

    slow_down: ClassVar[str]
    _calls: ClassVar[Mapping[Call, Verb]] = {
        Call.LIST: "open_orders",
        Call.CANCEL_ALL: "cancel_all",
        Call.CANCEL_ORDERS: "cancel_orders",
        Call.BALANCES: "balances",
        Call.QUOTES: "quotes",
        Call.REDUCE: "reduce",
    }

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.book = emulator.book
        self.book.prices[self.instrument] = self.price
        super().__init__()

    @property
    def urls(self) -> Mapping[str, str]:
        return self.emulator.urls

    def adapter(self, credentials: Credentials | None = None) -> VenueAdapter:
        credentials = credentials or self.emulator.credentials
        return CcxtAdapter(account=self.account, credentials=credentials, emergency=True)

    def place(
        self,
        *,
        side: OrderSide = OrderSide.BUY,
        order_type: OrderType = OrderType.LIMIT,
        price: Decimal | None = None,
        is_reduce_only: bool = False,
    ) -> str:
        order = self.book.place(
            instrument=self.instrument,
            side=side,
            type=order_type,
            quantity=self.size,
            price=price or self.price / 2,
            is_reduce_only=is_reduce_only,
        )
        return order.id

    def take_keys(self) -> None:
        """Give the account keys of its own, one for each purpose."""
        for purpose in KeyPurpose:
            set_key(
                account_id=self.account.pk,
                purpose=purpose,
                credentials=self.emulator.add_key(),
                actor="command",
                address="",
                now=NOON,
            )

    def open_ids(self) -> set[str]:
        return {order.id for order in self.book.open_orders()}

    def own(self, asset: str, total: str) -> None:
        self.book.balances[asset] = Decimal(total)

    def hold(self, quantity: str) -> None:
        held = Position(quantity=Decimal(quantity), entry_price=self.price)
        self.book.positions[self.instrument, Side.LONG] = held

    def held(self) -> Decimal:
        position = self.book.positions.get((self.instrument, Side.LONG))
        return position.quantity if position else Decimal(0)

    def trouble(self, trouble: Trouble, call: Call) -> None:
        self.emulator.faults.add(self._fault(trouble, self._calls[call]))

    def _fault(self, trouble: Trouble, verb: Verb) -> Fault:
        times = self.scopes if verb == "open_orders" else 1
        if trouble is Trouble.SLOW_DOWN:
            return Fault(kind=FaultKind.MESSAGE, call=verb, times=times, message=self.slow_down)
        if trouble is Trouble.DOWN:
            return Fault(kind=FaultKind.STATUS, call=verb, times=times, status=503)
        return Fault(kind=FaultKind[trouble.name], call=verb, times=times)


class KrakenBench(EmulatedBench):
    """Kraken's spot market."""

    name = "kraken"
    kind = AccountKind.SPOT
    exchange = "kraken"
    instrument = "BTC/USD"
    slow_down = "EAPI:Rate limit exceeded"

    def hold(self, quantity: str) -> None:
        self.own("BTC", quantity)

    def held(self) -> Decimal:
        return self.book.balances.get("BTC", Decimal(0))


class KrakenFuturesBench(EmulatedBench):
    """Kraken Futures, a linear contract."""

    name = "krakenfutures"
    kind = AccountKind.MARGIN
    exchange = "krakenfutures"
    instrument = "BTC/USD:USD"
    slow_down = "apiLimitExceeded"


class MexcSpotBench(EmulatedBench):
    """MEXC's spot market."""

    name = "mexc-spot"
    kind = AccountKind.SPOT
    exchange = "mexc"
    instrument = "BTC/USDT"
    cash = "USDT"
    falls_back = True
    slow_down = "429 Too Many Requests"

    def hold(self, quantity: str) -> None:
        self.own("BTC", quantity)

    def held(self) -> Decimal:
        return self.book.balances.get("BTC", Decimal(0))


class MexcSwapBench(EmulatedBench):
    """MEXC's perpetual market, in hedge mode, where nothing is smaller than a contract."""

    name = "mexc-swap"
    kind = AccountKind.MARGIN
    exchange = "mexc"
    instrument = "BTC/USDT:USDT"
    cash = "USDT"
    size = Decimal(10)
    lot = Decimal(10)
    scopes = 3
    slow_down = "510 Requests are too frequent, please try again later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A bench that a test may be set on."""

    name: str
    bench: Callable[[Emulator], EmulatedBench]
    emulator: Callable[[], Emulator]

    def __str__(self) -> str:
        return self.name


EMULATED = (
    Candidate(name="kraken", bench=KrakenBench, emulator=KrakenEmulator),
    Candidate(name="krakenfutures", bench=KrakenFuturesBench, emulator=KrakenFuturesEmulator),
    Candidate(name="mexc-spot", bench=MexcSpotBench, emulator=MexcSpotEmulator),
    Candidate(name="mexc-swap", bench=MexcSwapBench, emulator=MexcSwapEmulator),
)
