"""The orders of MEXC swap: two scopes, each listed and cancelled by its own calls."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import Side
from tests.emulators.fills import side_closed_by
from tests.emulators.mexc import millis
from tests.emulators.mexc_swap_stream import MexcSwapStream
from tests.emulators.mexc_swap_told import (
    PLAN_STATES,
    PRICE_UNIT,
    SIDES,
    is_plan,
    order_row,
    plan_row,
)
from tests.emulators.orders import Order
from tests.emulators.wire import Refused, Request

NO_POSITION = "2009 Position is not exists or closed."
NO_SUCH_ORDER = "2040 order not exist"
MAX_CLIENT_ID = 32
MAX_PAGE = 100
DEFAULT_PAGE = 20
MAX_CANCEL = 50
MARKET_TYPES = frozenset({5, 6})
IMMEDIATE_TYPES = MARKET_TYPES | {3}
RESTING_TYPES = frozenset({1, 2})

# What the venue says of one id that it did not cancel.
NOT_THERE = (2040, "order not exist")
ALREADY_OVER = (2041, "order state cannot be cancelled")
FAILED = (500, "Internal error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One order as it was asked for.

    :param kind: the venue's number of an order type: rest, fill at once, at the market
    """

    instrument: str
    side: OrderSide
    is_close: bool
    kind: int
    quantity: Decimal
    price: Decimal
    client_id: str


class MexcSwapOrders(MexcSwapStream):
    """What lists, finds, places and cancels orders, in hedge mode."""

    def open(self, request: Request) -> object:
        symbol = request.parts.get("symbol") or request.query.get("symbol")
        orders = [order for order in self.book.open_orders() if not is_plan(order)]
        return answer(page(request, [self._row(row) for row in orders], symbol=symbol))

    def plans(self, request: Request) -> object:
        """Return trigger orders of every state, or of the states asked for."""
        states = set(request.query.get("states", "1,2,3").split(","))
        orders = [order for order in self._every() if is_plan(order)]
        wanted = [self._row(row) for row in orders if str(PLAN_STATES[row.status]) in states]
        return answer(page(request, wanted, symbol=request.query.get("symbol")))

    def _every(self) -> list[Order]:
        return [*self.book.done.values(), *self.book.orders.values()]

    def _row(self, order: Order) -> dict[str, object]:
        symbol = self.id_of(order.instrument)
        return plan_row(order, symbol=symbol) if is_plan(order) else order_row(order, symbol=symbol)

    def get(self, request: Request) -> object:
        found = [order for order in self._every() if order.id == request.parts["id"]]
        return self._found(found[0] if found else None)

    def get_external(self, request: Request) -> object:
        instrument = self.instrument(request.parts["symbol"])
        order = self.book.by_client_id(request.parts["id"])
        return self._found(order if order and order.instrument == instrument else None)

    def _found(self, order: Order | None) -> object:
        return self.error(NO_SUCH_ORDER) if order is None else answer(self._row(order))

    def create(self, request: Request) -> object:
        with self.reading():
            asked = self._asked(request)
        self._check(asked)
        if asked.is_close:
            self._check_close(asked)
        order = self.book.place(
            instrument=asked.instrument,
            side=asked.side,
            type=OrderType.LIMIT,
            quantity=asked.quantity,
            price=asked.price,
            is_reduce_only=asked.is_close,
            client_id=asked.client_id,
            is_immediate=asked.kind in IMMEDIATE_TYPES,
        )
        return answer({"orderId": order.id, "ts": millis(order.created_at)})

    def _asked(self, request: Request) -> Asked:
        body: Any = request.json()
        instrument, kind = self.instrument(body["symbol"]), int(body["type"])
        side, is_close = SIDES[int(body["side"])]
        is_market = kind in MARKET_TYPES
        return Asked(
            instrument=instrument,
            side=side,
            is_close=is_close,
            kind=kind,
            quantity=Decimal(str(body["vol"])),
            price=self.mark(instrument) if is_market else Decimal(str(body["price"])),
            client_id=str(body.get("externalOid", "")),
        )

    def _check(self, asked: Asked) -> None:
        if asked.instrument in self.halted:
            raise Refused(self.error("1002 Contract not allow place order!"))
        if asked.kind not in IMMEDIATE_TYPES | RESTING_TYPES:
            raise Refused(self.error("2029 Error order type"))
        if asked.quantity < 1 or asked.quantity % 1:
            raise Refused(self.error("2011 Order quantity error, please try to modify."))
        if asked.price % PRICE_UNIT:
            raise Refused(self.error("2015 Price or quantity precision error"))
        if len(asked.client_id) > MAX_CLIENT_ID:
            raise Refused(self.error("2030 External order ID is too long (Max. 32 bits )"))

    def _check_close(self, asked: Asked) -> None:
        """A close may not be larger than what it closes, and never opens the other side."""
        held = self.book.positions.get((asked.instrument, side_closed_by(asked.side)))
        if held is None:
            raise Refused(self.error(NO_POSITION))
        if held.quantity < asked.quantity:
            raise Refused(self.error("2008 Insufficient number of positions can be closed"))

    def cancel(self, request: Request) -> object:
        """Cancel by id; every id is answered for itself."""
        body: Any = request.json()
        ids = [str(order_id) for order_id in body]
        if len(ids) > MAX_CANCEL:
            return self.error(f"2013 Number of cancelled orders exceeds {MAX_CANCEL}")
        known = {order.id for order in self._every() if not is_plan(order)}
        gone = self.book.cancel(known.intersection(ids), at_most=request.at_most)
        answers = dict.fromkeys(known, ALREADY_OVER)
        answers |= dict.fromkeys(known & set(self.book.orders), FAILED)
        answers |= {order.id: (0, "success") for order in gone}
        return answer([_cancelled(row, *answers.get(row, NOT_THERE)) for row in ids])

    def cancel_plans(self, request: Request) -> object:
        """Cancel trigger orders by id; one that is not open spoils the whole answer."""
        body: Any = request.json()
        plans = {order.id for order in self.book.open_orders() if is_plan(order)}
        ids = {str(row["orderId"]) for row in body}
        self.book.cancel(ids & plans, at_most=request.at_most)
        return answer() if ids <= plans else self.error(NO_SUCH_ORDER)

    def cancel_all(self, request: Request, *, of_plans: bool) -> object:
        body: Any = request.json()
        symbol = body.get("symbol")
        ids = [
            order.id
            for order in self.book.open_orders()
            if is_plan(order) is of_plans and symbol in {None, self.id_of(order.instrument)}
        ]
        self.book.cancel(ids, at_most=request.at_most)
        return answer()

    def close_all(self, request: Request) -> object:
        for (instrument, side), held in list(self.book.positions.items()):
            self.book.place(
                instrument=instrument,
                side=OrderSide.SELL if side is Side.LONG else OrderSide.BUY,
                type=OrderType.LIMIT,
                quantity=held.quantity,
                price=self.mark(instrument),
                is_reduce_only=True,
                is_immediate=True,
            )
        return answer([])


def answer(data: object = None) -> dict[str, object]:
    return {"success": True, "code": 0, "data": data}


def _cancelled(order_id: str, code: int, text: str) -> dict[str, object]:
    return {"orderId": order_id, "errorCode": code, "errorMsg": text}


def page(
    request: Request, rows: list[dict[str, object]], *, symbol: str | None
) -> list[dict[str, object]]:
    """Return one page of up to a hundred rows; how many there are is not told."""
    wanted = [row for row in rows if symbol in {None, row["symbol"]}]
    size = min(int(request.query.get("page_size", DEFAULT_PAGE)), MAX_PAGE)
    start = (int(request.query.get("page_num", 1)) - 1) * size
    return wanted[start : start + size]
