"""How MEXC swap writes down what the book holds; every figure is a number."""

import zlib
from decimal import Decimal

from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import Side, settle_of, symbol_of
from tests.emulators.book import Book
from tests.emulators.fills import Contract
from tests.emulators.mexc import millis
from tests.emulators.orders import ZERO, Order, OrderStatus

LEVERAGE = 20
CROSS = 2
HEDGED = 1
PRICE_UNIT = Decimal("0.01")

# What a side says is the trade and whether it opens or closes; nothing else tells them apart.
SIDES = {
    1: (OrderSide.BUY, False),
    2: (OrderSide.BUY, True),
    3: (OrderSide.SELL, False),
    4: (OrderSide.SELL, True),
}
SIDE_CODES = {meaning: code for code, meaning in SIDES.items()}
STATES = {OrderStatus.OPEN: 2, OrderStatus.FILLED: 3, OrderStatus.CANCELLED: 4}
PLAN_STATES = {OrderStatus.OPEN: 1, OrderStatus.CANCELLED: 2, OrderStatus.FILLED: 3}
POSITION_TYPES = {Side.LONG: 1, Side.SHORT: 2}


def number(amount: Decimal) -> int | float:
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def contract_row(
    instrument: str, contract: Contract, *, symbol: str, is_halted: bool
) -> dict[str, object]:
    pair = symbol_of(instrument)
    return {
        "symbol": symbol,
        "displayNameEn": f"{symbol} PERPETUAL",
        "positionOpenType": 3,
        "baseCoin": pair.base,
        "quoteCoin": pair.quote,
        "settleCoin": pair.settle,
        "contractSize": number(contract.size),
        "minLeverage": 1,
        "maxLeverage": 200,
        "priceScale": 2,
        "volScale": 0,
        "amountScale": 4,
        "priceUnit": number(PRICE_UNIT),
        "volUnit": 1,
        "minVol": 1,
        "maxVol": 1_000_000,
        "takerFeeRate": 0.0002,
        "makerFeeRate": 0,
        "maintenanceMarginRate": 0.004,
        "initialMarginRate": 0.005,
        "state": 0,
        "isHidden": False,
        "apiAllowed": not is_halted,
    }


def ticker_row(symbol: str, price: Decimal, *, at: int) -> dict[str, object]:
    same = ("lastPrice", "bid1", "ask1", "fairPrice", "indexPrice", "high24Price", "lower24Price")
    return {
        "symbol": symbol,
        **dict.fromkeys(same, number(price)),
        "volume24": 1000,
        "amount24": 1000,
        "holdVol": 1000,
        "riseFallRate": 0,
        "riseFallValue": 0,
        "fundingRate": 0.0001,
        "timestamp": at,
    }


def asset_row(book: Book, currency: str) -> dict[str, object]:
    """Return one currency; equity is the cash and what the open positions earned."""
    cash = book.balances.get(currency, ZERO)
    held = [key for key in tuple(book.positions) if settle_of(key[0]) == currency]
    margin = sum((margin_of(book, *key) for key in held), ZERO)
    unrealized = sum((book.pnl(*key) for key in held), ZERO)
    return {
        "currency": currency,
        "positionMargin": number(margin),
        "availableBalance": number(cash - margin),
        "cashBalance": number(cash - margin),
        "frozenBalance": 0,
        "equity": number(cash + unrealized),
        "unrealized": number(unrealized),
        "bonus": 0,
    }


def margin_of(book: Book, instrument: str, side: Side) -> Decimal:
    position = book.positions[instrument, side]
    contract = book.contract(instrument)
    size = position.quantity * contract.size
    worth = size / position.entry_price if contract.is_inverse else size * position.entry_price
    return worth / LEVERAGE


def position_row(book: Book, instrument: str, side: Side, *, symbol: str) -> dict[str, object]:
    position = book.positions[instrument, side]
    entry = number(position.entry_price)
    margin = number(margin_of(book, instrument, side))
    return {
        **closed_row(side, symbol=symbol),
        "state": 1,
        "holdVol": number(position.quantity),
        "holdAvgPrice": entry,
        "openAvgPrice": entry,
        "oim": margin,
        "im": margin,
    }


def closed_row(side: Side, *, symbol: str) -> dict[str, object]:
    """Return a position as the venue tells its end."""
    zeros = ("holdVol", "frozenVol", "closeVol", "holdAvgPrice", "openAvgPrice", "closeAvgPrice")
    return {
        "positionId": zlib.crc32(f"{symbol}{side}".encode()),
        "symbol": symbol,
        "positionType": POSITION_TYPES[side],
        "openType": CROSS,
        "state": 3,
        **dict.fromkeys((*zeros, "liquidatePrice", "oim", "im", "holdFee", "realised"), 0),
        "leverage": LEVERAGE,
        "autoAddIm": False,
    }


def order_row(order: Order, *, symbol: str) -> dict[str, object]:
    return {
        **_shared(order, symbol=symbol),
        "orderId": int(order.id),
        "positionId": 0,
        "price": number(order.price),
        "category": 1,
        "orderType": 1,
        "dealAvgPrice": number(order.average),
        "dealVol": number(order.filled),
        "remainVol": number(order.remaining),
        "orderMargin": 0,
        "usedMargin": 0,
        "takerFee": 0,
        "makerFee": 0,
        "profit": 0,
        "feeCurrency": settle_of(order.instrument),
        "state": STATES[order.status],
        "externalOid": order.client_id,
    }


def plan_row(order: Order, *, symbol: str) -> dict[str, object]:
    """Return a trigger order; it waits for the last price, and then sells or buys at market."""
    return {
        **_shared(order, symbol=symbol),
        "id": int(order.id),
        "triggerType": 1 if order.side is OrderSide.BUY else 2,
        "triggerPrice": number(order.price),
        "executeCycle": 87600,
        "trend": 1,
        "orderType": 5,
        "state": PLAN_STATES[order.status],
    }


def _shared(order: Order, *, symbol: str) -> dict[str, object]:
    return {
        "symbol": symbol,
        "vol": number(order.quantity),
        "leverage": LEVERAGE,
        "side": SIDE_CODES[order.side, order.is_reduce_only],
        "openType": CROSS,
        "positionMode": HEDGED,
        "reduceOnly": order.is_reduce_only,
        "errorCode": 0,
        "createTime": millis(order.created_at),
        "updateTime": millis(order.created_at),
    }


def deal_row(order: Order, *, symbol: str) -> dict[str, object]:
    return {
        "id": int(order.id),
        "orderId": int(order.id),
        "symbol": symbol,
        "side": SIDE_CODES[order.side, order.is_reduce_only],
        "vol": number(order.filled),
        "price": number(order.average),
        "fee": 0,
        "feeCurrency": settle_of(order.instrument),
        "isTaker": True,
        "category": 1,
        "externalOid": order.client_id,
        "timestamp": millis(order.created_at),
    }


def is_plan(order: Order) -> bool:
    return order.type is OrderType.STOP
