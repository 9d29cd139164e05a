"""The state of an emulated venue: one account, its orders, and the prices that fill them.

Instruments and assets are spelled as ccxt spells them. An order that its price has crossed fills
at that price, when it is placed and whenever the price changes.
"""

import itertools
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from oms.domain.orders import OrderSide, OrderType
from portfolio.domain.holdings import Side, settle_of, symbol_of
from tests.emulators.fills import (
    Contract,
    Position,
    has_crossed,
    position_after,
    side_closed_by,
    side_opened_by,
)
from tests.emulators.orders import ZERO, BookRefusal, Order, OrderStatus, Reason
from tests.emulators.watched import Change, Topic, Watched


class Book:
    """Everything the venue knows of the account.

    :param new_id: makes the venue's id of the nth order
    :param is_hedged: a long and a short of one instrument stand side by side, and only a
        reduce-only order closes one
    :param settles_in: names the balance that the gains of an instrument go to
    """

    def __init__(
        self,
        *,
        new_id: Callable[[int], str] = str,
        is_hedged: bool = False,
        settles_in: Callable[[str], str] = settle_of,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.lock = threading.RLock()
        self.balances: Watched[str, Decimal] = Watched(
            lambda asset: self._tell(Topic.BALANCE, asset), lock=self.lock
        )
        self.positions: Watched[tuple[str, Side], Position] = Watched(
            lambda key: self._tell(Topic.POSITION, key[0]), lock=self.lock
        )
        self.prices: Watched[str, Decimal] = Watched(self._price_changed, lock=self.lock)
        self.contracts: dict[str, Contract] = {}
        # How much of an instrument one order finds; what is not named is without end.
        self.liquidity: dict[str, Decimal] = {}
        self.orders: dict[str, Order] = {}
        self.done: dict[str, Order] = {}
        self.watchers: list[Callable[[Change], None]] = []
        self._new_id = new_id
        self._is_hedged = is_hedged
        self._settles_in = settles_in
        self._clock = clock
        self._count = itertools.count(1)

    def place(
        self,
        *,
        instrument: str,
        side: OrderSide,
        type: OrderType,
        quantity: Decimal,
        price: Decimal,
        is_reduce_only: bool = False,
        client_id: str = "",
        is_immediate: bool = False,
    ) -> Order:
        """Take an order; what is_immediate does not fill at once is gone.

        :raises BookRefusal: for an order that a venue refuses
        """
        with self.lock:
            order = Order(
                id=self._new_id(next(self._count)),
                client_id=client_id,
                instrument=instrument,
                side=side,
                type=type,
                quantity=quantity,
                price=price,
                is_reduce_only=is_reduce_only,
                created_at=self._clock(),
            )
            self._check(order)
            self._keep(order)
            self._match(order)
            if is_immediate and order.id in self.orders:
                self.cancel([order.id])
            return self.find(order.id)

    def cancel(
        self, ids: Collection[str] | None = None, *, at_most: int | None = None
    ) -> list[Order]:
        """Take orders off the book, all or those with these ids; return those that left it."""
        with self.lock:
            found = [order for order in self.orders.values() if ids is None or order.id in ids]
            for order in found[:at_most]:
                self._keep(replace(order, status=OrderStatus.CANCELLED))
            return [self.done[order.id] for order in found[:at_most]]

    def find(self, order_id: str) -> Order:
        """Return an order, open or done.

        :raises KeyError: for an id that was never given
        """
        with self.lock:
            return self.orders.get(order_id) or self.done[order_id]

    def by_client_id(self, client_id: str) -> Order | None:
        """Return the order that its client called so, open or done."""
        with self.lock:
            every = itertools.chain(self.orders.values(), self.done.values())
            return next((order for order in every if order.client_id == client_id), None)

    def open_orders(self) -> list[Order]:
        """Return what is open, oldest first."""
        with self.lock:
            return list(self.orders.values())

    def contract(self, instrument: str) -> Contract:
        """Return what one contract is; without being told, one unit of it."""
        symbol = symbol_of(instrument)
        return self.contracts.get(
            instrument, Contract(is_inverse=bool(symbol.settle) and symbol.settle == symbol.base)
        )

    def pnl(self, instrument: str, side: Side) -> Decimal:
        """Return the unrealized profit of one position, in the settlement asset."""
        with self.lock:
            position = self.positions[instrument, side]
            mark = self.prices.get(instrument, position.entry_price)
            return self.contract(instrument).gain(
                quantity=position.quantity, entry=position.entry_price, exit_=mark, side=side
            )

    def _check(self, order: Order) -> None:
        if order.client_id and self.by_client_id(order.client_id):
            raise BookRefusal(Reason.DUPLICATE_CLIENT_ID)
        is_spot = not symbol_of(order.instrument).settle
        if is_spot and not self._may_pay(order):
            raise BookRefusal(Reason.INSUFFICIENT_FUNDS)
        closes = side_closed_by(order.side)
        if order.is_reduce_only and (order.instrument, closes) not in self.positions:
            raise BookRefusal(Reason.NOTHING_TO_REDUCE)

    def _may_pay(self, order: Order) -> bool:
        """Return whether a sale is covered; purchases rest unfunded, as tests like them to."""
        base = symbol_of(order.instrument).base
        is_sale = order.side is OrderSide.SELL
        return not is_sale or self.balances.get(base, ZERO) >= order.quantity

    def _price_changed(self, instrument: str) -> None:
        with self.lock:
            self._tell(Topic.PRICE, instrument)
            for order in [row for row in self.orders.values() if row.instrument == instrument]:
                self._match(order)

    def _match(self, order: Order) -> None:
        price = self.prices.get(order.instrument)
        if price is None or not has_crossed(
            side=order.side, type_=order.type, price=order.price, mark=price
        ):
            return
        quantity = self._fillable(order)
        if quantity:
            self._fill(order, quantity=quantity, price=price)
        elif order.is_reduce_only:
            self.cancel([order.id])

    def _fillable(self, order: Order) -> Decimal:
        limits = [order.remaining, self.liquidity.get(order.instrument, order.remaining)]
        if order.is_reduce_only:
            held = self.positions.get((order.instrument, side_closed_by(order.side)))
            limits.append(held.quantity if held else ZERO)
        return min(limits)

    def _fill(self, order: Order, *, quantity: Decimal, price: Decimal) -> None:
        if symbol_of(order.instrument).settle:
            self._fill_contract(order, quantity=quantity, price=price)
        else:
            self._fill_spot(order, quantity=quantity, price=price)
        filled = order.filled + quantity
        cost = order.filled * order.average + quantity * price
        after = replace(order, filled=filled, average=cost / filled)
        self._keep(replace(after, status=self._status(after)))

    def _status(self, order: Order) -> OrderStatus:
        """Return what a fill leaves of an order; without a position nothing can be reduced."""
        if not order.remaining:
            return OrderStatus.FILLED
        is_spent = order.is_reduce_only and not self._fillable(order)
        return OrderStatus.CANCELLED if is_spent else OrderStatus.OPEN

    def _fill_spot(self, order: Order, *, quantity: Decimal, price: Decimal) -> None:
        symbol = symbol_of(order.instrument)
        sign = 1 if order.side is OrderSide.BUY else -1
        self._add(symbol.base, sign * quantity)
        self._add(symbol.quote, -sign * quantity * price)

    def _fill_contract(self, order: Order, *, quantity: Decimal, price: Decimal) -> None:
        closes = side_closed_by(order.side)
        held = self.positions.get((order.instrument, closes))
        may_close = held is not None and (order.is_reduce_only or not self._is_hedged)
        closed = min(quantity, held.quantity) if held and may_close else ZERO
        if held and closed:
            self._close(order.instrument, closes, held, quantity=closed, price=price)
        opened = quantity - closed
        if opened:
            key = (order.instrument, side_opened_by(order.side))
            self.positions[key] = position_after(
                self.positions.get(key), quantity=opened, price=price
            )

    def _close(
        self, instrument: str, side: Side, held: Position, *, quantity: Decimal, price: Decimal
    ) -> None:
        gain = self.contract(instrument).gain(
            quantity=quantity, entry=held.entry_price, exit_=price, side=side
        )
        left = held.quantity - quantity
        if left:
            self.positions[instrument, side] = replace(held, quantity=left)
        else:
            del self.positions[instrument, side]
        self._add(self._settles_in(instrument), gain)

    def _add(self, asset: str, amount: Decimal) -> None:
        self.balances[asset] = self.balances.get(asset, ZERO) + amount

    def _keep(self, order: Order) -> None:
        """Put an order where its status says it belongs."""
        if order.status is OrderStatus.OPEN:
            self.orders[order.id] = order
        else:
            self.orders.pop(order.id, None)
            self.done[order.id] = replace(order, done_at=self._clock())
        self._tell(Topic.ORDER, order.id)

    def _tell(self, topic: Topic, key: str) -> None:
        for watcher in self.watchers:
            watcher(Change(topic=topic, key=key))
