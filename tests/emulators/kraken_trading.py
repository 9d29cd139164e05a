"""The orders of Kraken's spot market: listed, looked up, placed and cancelled."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from oms.domain.orders import OrderSide, OrderType
from tests.emulators.book import Book
from tests.emulators.dead_man import DeadManSwitch
from tests.emulators.kraken_names import Pair, pair_named
from tests.emulators.kraken_told import sentence, stamp, told_orders
from tests.emulators.kraken_wire import parameters, private, result
from tests.emulators.orders import Order
from tests.emulators.server import Emulator
from tests.emulators.wire import Refused, Request, Route

BATCH = 50
PAGE = 50


class KrakenTrading(Emulator):
    """What a client does with orders."""

    def __init__(self, *, book: Book, latency: timedelta) -> None:
        super().__init__(book=book, latency=latency)
        self.dead_man = DeadManSwitch(book)

    def order_routes(self) -> list[Route]:
        return [
            private("OpenOrders", "open_orders", self._open_orders),
            private("ClosedOrders", "find_order", self._closed_orders),
            private("QueryOrders", "find_order", self._query_orders),
            private("AddOrder", "reduce", self._add_order, is_trading=True),
            private("CancelOrder", "cancel_orders", self._cancel_order, is_trading=True),
            private("CancelOrderBatch", "cancel_orders", self._cancel_batch, is_trading=True),
            private("CancelAll", "cancel_all", self._cancel_all, is_trading=True),
            private("CancelAllOrdersAfter", "dead_man", self._cancel_after, is_trading=True),
        ]

    def _open_orders(self, request: Request) -> object:
        return result({"open": told_orders(_wanted(request, self.book.open_orders()))})

    def _closed_orders(self, request: Request) -> object:
        found = _wanted(request, reversed(list(self.book.done.values())))
        start = int(request.form.get("ofs", "0"))
        return result({"closed": told_orders(found[start : start + PAGE]), "count": len(found)})

    def _query_orders(self, request: Request) -> object:
        ids = request.form.get("txid", "").split(",")
        every = {**self.book.done, **self.book.orders}
        if not set(ids) <= set(every):
            return self.error("EOrder:Invalid order")
        return result(told_orders(every[id_] for id_ in ids))

    def _add_order(self, request: Request) -> object:
        form = request.form
        pair = self.pair(form.get("pair", ""))
        price = self._price(form, pair)
        quantity = self._volume(form, pair, price)
        order = self.book.place(
            instrument=pair.instrument,
            side=OrderSide(form["type"].upper()),
            type=OrderType.STOP if form["ordertype"].startswith("stop") else OrderType.LIMIT,
            quantity=quantity,
            price=price,
            is_reduce_only=form.get("reduce_only") == "true",
            client_id=form.get("cl_ord_id", ""),
            is_immediate=form.get("timeinforce") == "IOC" or form["ordertype"] == "market",
        )
        return result({"descr": {"order": sentence(order)}, "txid": [order.id]})

    def pair(self, name: str) -> Pair:
        pair = pair_named(name)
        if pair is None:
            raise Refused(self.error("EQuery:Unknown asset pair"))
        return pair

    def _price(self, form: dict[str, str], pair: Pair) -> Decimal:
        if form["ordertype"] == "market":
            return self.book.prices[pair.instrument]
        price = self._number(form, "price")
        if price != round(price, pair.price_decimals):
            raise Refused(
                self.error(
                    f"EOrder:Invalid price:{pair.altname} price can only be specified up to"
                    f" {pair.price_decimals} decimals."
                )
            )
        return price

    def _volume(self, form: dict[str, str], pair: Pair, price: Decimal) -> Decimal:
        volume = self._number(form, "volume")
        if volume < pair.order_min:
            raise Refused(self.error("EOrder:Order minimum not met"))
        if volume * price < pair.cost_min:
            raise Refused(self.error("EOrder:Cost minimum not met"))
        return volume

    def _number(self, form: dict[str, str], name: str) -> Decimal:
        try:
            return Decimal(form[name])
        except (KeyError, InvalidOperation):
            raise Refused(self.error(f"EGeneral:Invalid arguments:{name}")) from None

    def _cancel_order(self, request: Request) -> object:
        found = self._ids([request.form.get("txid") or request.form.get("cl_ord_id", "")])
        if not found:
            return self.error("EOrder:Unknown order")
        return result({"count": len(self.book.cancel(found, at_most=request.at_most))})

    def _cancel_batch(self, request: Request) -> object:
        body = parameters(request)
        names = [*body.get("orders", []), *body.get("cl_ord_ids", [])]
        if not 0 < len(names) <= BATCH:
            return self.error("EGeneral:Invalid arguments:orders")
        found = self._ids(map(str, names))
        return result({"count": len(self.book.cancel(found, at_most=request.at_most))})

    def _cancel_all(self, request: Request) -> object:
        return result({"count": len(self.book.cancel(at_most=request.at_most))})

    def _cancel_after(self, request: Request) -> object:
        self.dead_man.arm(int(self._number(request.form, "timeout")), at=request.at)
        fires_at = self.dead_man.fires_at
        return result(
            {
                "currentTime": stamp(request.at),
                "triggerTime": stamp(fires_at) if fires_at else "0",
            }
        )

    def _ids(self, names: Iterable[str]) -> list[str]:
        """Return the ids of the open orders that the venue or their client calls so."""
        wanted = set(names)
        return [row.id for row in self.book.open_orders() if {row.id, row.client_id} & wanted]


def _wanted(request: Request, orders: Iterable[Order]) -> list[Order]:
    client_id = request.form.get("cl_ord_id")
    return [order for order in orders if client_id is None or order.client_id == client_id]
