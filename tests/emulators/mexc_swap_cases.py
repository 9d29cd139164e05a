"""An emulated swap account of MEXC, and what tests put into it."""

from decimal import Decimal

from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import Side
from tests.emulators.fills import Position
from tests.emulators.mexc_swap import MexcSwapEmulator
from tests.emulators.orders import Order

SWAP = "BTC/USDT:USDT"
OTHER = "ETH/USDT:USDT"
LONG = (SWAP, Side.LONG)
SHORT = (SWAP, Side.SHORT)


def rest(
    venue: MexcSwapEmulator, *, count: int = 1, type_: OrderType = OrderType.LIMIT
) -> list[Order]:
    return [
        venue.book.place(
            instrument=SWAP,
            side=OrderSide.BUY,
            type=type_,
            quantity=Decimal(10),
            price=Decimal(1000 if type_ is OrderType.LIMIT else 90000),
        )
        for _ in range(count)
    ]


def hold(
    venue: MexcSwapEmulator,
    key: tuple[str, Side] = LONG,
    *,
    quantity: int = 1500,
    entry: int = 50000,
) -> None:
    venue.book.positions[key] = Position(quantity=Decimal(quantity), entry_price=Decimal(entry))


def order(side: int, **changes: object) -> dict[str, object]:
    """Return an order as it goes over the wire: at the market, with the side's number."""
    return {"symbol": "BTC_USDT", "vol": 1500, "side": side, "type": 5, "openType": 2, **changes}
