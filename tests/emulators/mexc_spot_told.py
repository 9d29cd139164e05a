"""How MEXC spot writes down what the book holds; every figure is a text."""

from decimal import Decimal

from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import symbol_of
from riskconsole.kernel.numbers import plain_text
from tests.emulators.book import Book
from tests.emulators.mexc import millis
from tests.emulators.orders import ZERO, Order, OrderStatus

QUANTITY_SCALE = 5
PRICE_SCALE = 4
MIN_QUANTITY = Decimal("0.00001")
MIN_NOTIONAL = Decimal(1)

TYPES = {OrderType.LIMIT: "LIMIT", OrderType.STOP: "STOP_LIMIT"}


def status_of(order: Order) -> str:
    if order.status is OrderStatus.FILLED:
        return "FILLED"
    if order.status is OrderStatus.CANCELLED:
        return "PARTIALLY_CANCELED" if order.filled else "CANCELED"
    return "PARTIALLY_FILLED" if order.filled else "NEW"


def placed_row(order: Order, *, symbol: str) -> dict[str, object]:
    """Return what the venue repeats of an order when it takes or cancels it."""
    return {
        "symbol": symbol,
        "orderId": order.id,
        "orderListId": -1,
        "price": plain_text(order.price),
        "origQty": plain_text(order.quantity),
        "type": TYPES[order.type],
        "side": order.side.value,
        "transactTime": millis(order.created_at),
    }


def order_row(order: Order, *, symbol: str) -> dict[str, object]:
    is_stop = order.type is OrderType.STOP
    return {
        "symbol": symbol,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": plain_text(order.price),
        "origQty": plain_text(order.quantity),
        "executedQty": plain_text(order.filled),
        "cummulativeQuoteQty": plain_text(order.filled * order.average),
        "status": status_of(order),
        "timeInForce": None,
        "type": TYPES[order.type],
        "side": order.side.value,
        "stopPrice": plain_text(order.price) if is_stop else None,
        "icebergQty": None,
        "time": millis(order.created_at),
        "updateTime": millis(order.created_at),
        "isWorking": True,
        "origQuoteOrderQty": plain_text(order.quantity * order.price),
    }


def balance_rows(book: Book) -> list[dict[str, str]]:
    """Return every asset; what orders hold down is locked, as far as there is any."""
    rows = []
    for asset, total in list(book.balances.items()):
        locked = min(_locked(book, asset), max(total, ZERO))
        rows.append(
            {"asset": asset, "free": plain_text(total - locked), "locked": plain_text(locked)}
        )
    return rows


def _locked(book: Book, asset: str) -> Decimal:
    return sum((_held_by(order, asset) for order in book.open_orders()), ZERO)


def _held_by(order: Order, asset: str) -> Decimal:
    symbol = symbol_of(order.instrument)
    if order.side is OrderSide.SELL:
        return order.remaining if symbol.base == asset else ZERO
    return order.remaining * order.price if symbol.quote == asset else ZERO


def market_row(instrument: str, *, symbol: str, is_halted: bool) -> dict[str, object]:
    pair = symbol_of(instrument)
    return {
        "symbol": symbol,
        "status": "2" if is_halted else "1",
        "baseAsset": pair.base,
        "baseAssetPrecision": QUANTITY_SCALE,
        "quoteAsset": pair.quote,
        "quotePrecision": PRICE_SCALE,
        "quoteAssetPrecision": PRICE_SCALE,
        "baseCommissionPrecision": QUANTITY_SCALE,
        "quoteCommissionPrecision": PRICE_SCALE,
        "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"],
        "isSpotTradingAllowed": not is_halted,
        "isMarginTradingAllowed": False,
        "quoteAmountPrecision": plain_text(MIN_NOTIONAL),
        "baseSizePrecision": plain_text(MIN_QUANTITY),
        "permissions": ["SPOT"],
        "filters": [],
        "maxQuoteAmount": "2000000",
        "makerCommission": "0",
        "takerCommission": "0.0005",
        "fullName": pair.base,
    }


def day_row(symbol: str, price: Decimal, *, at: int) -> dict[str, object]:
    figure = plain_text(price)
    same = ("prevClosePrice", "lastPrice", "openPrice", "highPrice", "lowPrice")
    return {
        **book_row(symbol, price),
        **dict.fromkeys(same, figure),
        "priceChange": "0",
        "priceChangePercent": "0",
        "volume": "1000",
        "quoteVolume": plain_text(price * 1000),
        "openTime": at - 86_400_000,
        "closeTime": at,
        "count": None,
    }


def book_row(symbol: str, price: Decimal) -> dict[str, object]:
    return {
        "symbol": symbol,
        "bidPrice": plain_text(price),
        "bidQty": "1",
        "askPrice": plain_text(price),
        "askQty": "1",
    }
