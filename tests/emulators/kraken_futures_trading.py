"""The orders of Kraken Futures: listed, looked up, placed and cancelled."""

import json
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from oms.domain.orders import OrderSide, OrderType
from tests.emulators.book import Book
from tests.emulators.dead_man import DeadManSwitch
from tests.emulators.kraken_futures_names import Instrument, instrument_named
from tests.emulators.kraken_futures_told import (
    cancel_event,
    sent_events,
    stamp,
    told_fill,
    told_open_order,
    told_status,
)
from tests.emulators.kraken_futures_wire import private, trading
from tests.emulators.orders import ZERO, Order, OrderStatus
from tests.emulators.server import Emulator
from tests.emulators.wire import Refused, Reply, Request, Route

FILLS = 100
# orders/status forgets an order that is done after so long; fills do not.
STATUS_MEMORY = timedelta(seconds=5)


class KrakenFuturesTrading(Emulator):
    """What a client does with orders."""

    def __init__(self, *, book: Book, latency: timedelta) -> None:
        super().__init__(book=book, latency=latency)
        self.dead_man = DeadManSwitch(book)

    def order_routes(self) -> list[Route]:
        return [
            private("GET", "openorders", "open_orders", self._open_orders),
            private("GET", "orders/status", "find_order", self._order_status),
            private("POST", "orders/status", "find_order", self._order_status),
            private("GET", "fills", "find_order", self._fills),
            trading("sendorder", "reduce", self._send_order),
            trading("cancelorder", "cancel_orders", self._cancel_order),
            trading("batchorder", "cancel_orders", self._batch_order),
            trading("cancelallorders", "cancel_all", self._cancel_all),
            trading("cancelallordersafter", "dead_man", self._cancel_after),
        ]

    def success(self, **parts: object) -> dict[str, object]:
        return {"result": "success", "serverTime": stamp(self.clock()), **parts}

    def _open_orders(self, _request: Request) -> object:
        return self.success(openOrders=[*map(told_open_order, self.book.open_orders())])

    def _order_status(self, request: Request) -> object:
        names = {*request.values("orderIds"), *request.values("cliOrdIds")}
        since = request.at - STATUS_MEMORY
        fresh = [row for row in self.book.done.values() if row.done_at and row.done_at >= since]
        found = [*self.book.open_orders(), *fresh]
        return self.success(
            orders=[told_status(row) for row in found if {row.id, row.client_id} & names]
        )

    def _fills(self, _request: Request) -> object:
        every = [*self.book.done.values(), *self.book.open_orders()]
        filled = [told_fill(order) for order in every if order.filled]
        return self.success(fills=filled[-FILLS:][::-1])

    def _send_order(self, request: Request) -> object:
        sent = request.query | request.form
        row = instrument_named(sent.get("symbol", ""))
        if row is None:
            return self.error("contractNotFound")
        is_stop = sent.get("orderType") in {"stp", "take_profit"}
        order = self.book.place(
            instrument=row.instrument,
            side=OrderSide(sent["side"].upper()),
            type=OrderType.STOP if is_stop else OrderType.LIMIT,
            quantity=self._step(sent, "size", Decimal(1).scaleb(-row.size_decimals)),
            price=self._price(sent, row, is_stop=is_stop),
            is_reduce_only=sent.get("reduceOnly", "").lower() == "true",
            client_id=sent.get("cliOrdId", ""),
            is_immediate=sent.get("orderType") in {"ioc", "mkt"},
        )
        return self.success(sendStatus=_sent_status(order))

    def _price(self, sent: dict[str, str], row: Instrument, *, is_stop: bool) -> Decimal:
        if sent.get("orderType") == "mkt":
            return self.book.prices[row.instrument]
        return self._step(sent, "stopPrice" if is_stop else "limitPrice", row.tick)

    def _step(self, sent: dict[str, str], name: str, step: Decimal) -> Decimal:
        """Return a number above zero that is a multiple of its step."""
        try:
            number = Decimal(sent.get(name, ""))
        except InvalidOperation:
            raise Refused(self.error(f"invalidArgument: {name}")) from None
        if number <= ZERO or number % step:
            status = "invalidSize" if name == "size" else "invalidPrice"
            raise Refused(Reply(body=self.success(sendStatus={"status": status})))
        return number

    def _cancel_order(self, request: Request) -> object:
        sent = request.query | request.form
        return self.success(cancelStatus=self._cancelled(sent, at=stamp(request.at), may_act=True))

    def _batch_order(self, request: Request) -> object:
        batch = json.loads(request.body.removeprefix("json="))["batchOrder"]
        if any(entry.get("order") != "cancel" for entry in batch):
            return self.error("invalidArgument: batchOrder")
        limit = len(batch) if request.at_most is None else request.at_most
        return self.success(
            batchStatus=[
                self._cancelled(entry, at=stamp(request.at), may_act=number < limit)
                for number, entry in enumerate(batch)
            ]
        )

    def _cancelled(self, sent: dict[str, str], *, at: str, may_act: bool) -> dict[str, object]:
        """Cancel one order by its id or its client's; say what became of it."""
        name = sent.get("order_id") or sent.get("cliOrdId", "")
        order = self._named(name)
        told: dict[str, object] = {"order_id": order.id if order else name, "receivedTime": at}
        if order is None or order.status is OrderStatus.CANCELLED:
            return told | {"status": "notFound"}
        if order.status is OrderStatus.FILLED:
            return told | {"status": "filled"}
        if not may_act:
            return told | {"status": "unknownError"}
        self.book.cancel([order.id])
        return told | {"status": "cancelled", "orderEvents": [cancel_event(order)]}

    def _named(self, name: str) -> Order | None:
        found = self.book.orders.get(name) or self.book.done.get(name)
        return found or self.book.by_client_id(name)

    def _cancel_all(self, request: Request) -> object:
        symbol = (request.query | request.form).get("symbol")
        wanted = self.contract(symbol).instrument if symbol else None
        rows = [row for row in self.book.open_orders() if wanted in {None, row.instrument}]
        gone = self.book.cancel([row.id for row in rows], at_most=request.at_most)
        return self.success(
            cancelStatus={
                "receivedTime": stamp(request.at),
                "cancelOnly": symbol or "all",
                "status": "cancelled" if gone else "noOrdersToCancel",
                "cancelledOrders": [
                    {"order_id": row.id, "cliOrdId": row.client_id or None} for row in gone
                ],
                "orderEvents": [*map(cancel_event, gone)],
            }
        )

    def _cancel_after(self, request: Request) -> object:
        timeout = int((request.query | request.form)["timeout"])
        self.dead_man.arm(timeout, at=request.at)
        fires_at = self.dead_man.fires_at
        return self.success(
            status={
                "currentTime": stamp(request.at),
                "triggerTime": stamp(fires_at) if fires_at else "0",
            }
        )

    def contract(self, symbol: str) -> Instrument:
        row = instrument_named(symbol)
        if row is None:
            raise Refused(self.error("contractNotFound"))
        return row


def _sent_status(order: Order) -> dict[str, Any]:
    is_missed = order.status is OrderStatus.CANCELLED and not order.filled
    return {
        "order_id": order.id,
        "status": "iocWouldNotExecute" if is_missed else "placed",
        "receivedTime": stamp(order.created_at),
        "orderEvents": sent_events(order),
    }
