"""The port onto the simulated venue; its state is in tables, so several processes share it."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import F

from oms.domain.orders import CancelAnswer, OpenOrder, OrderSide, OrderType
from oms.models import (
    PaperAccount,
    PaperCall,
    PaperFault,
    PaperFaultKind,
    PaperOrder,
)
from oms.venues import paper_book
from oms.venues.base import (
    TIMEOUT,
    AccountSnapshot,
    AuthFailed,
    FoundOrder,
    KeyPermissions,
    MarketRules,
    NoPermission,
    OrderList,
    Quote,
    ReduceOrder,
    Rejected,
    Retryable,
    Suspended,
    Unknown,
    Unsupported,
    VenueError,
    VenuePosition,
)
from oms.venues.paper_market import marks_on
from portfolio.domain.holdings import AccountKind, Side, symbol_of
from portfolio.models import VenueAccount
from riskconsole.kernel.numbers import ONE

PAGE = 100
RULES = MarketRules(
    quantity_step=Decimal("0.000001"),
    min_quantity=Decimal("0.000001"),
    min_notional=ONE,
    price_step=Decimal("0.00000001"),
    is_tradable=True,
)

_ANSWERS: dict[str, Callable[[str], VenueError]] = {
    PaperFaultKind.UNKNOWN: Unknown,
    PaperFaultKind.AUTH_FAILED: AuthFailed,
    PaperFaultKind.NO_PERMISSION: NoPermission,
    PaperFaultKind.SUSPENDED: Suspended,
    PaperFaultKind.UNSUPPORTED: Unsupported,
    PaperFaultKind.REJECTED: Rejected,
}

_CLOSES = {OrderSide.SELL: Side.LONG, OrderSide.BUY: Side.SHORT}


@dataclass(slots=True, kw_only=True)
class PaperAdapter:
    """One account at the simulated venue, with the faults that are scripted for it."""

    account: VenueAccount
    sleep: Callable[[float], object] = time.sleep
    _loaded: PaperAccount | None = None

    def open_orders(self) -> OrderList:
        """List what is open, a page of 100 at a time."""
        fault = self._begin(PaperCall.OPEN_ORDERS)
        orders = page = self._page(after=0)
        if fault is not None and fault.kind == PaperFaultKind.INCOMPLETE:
            return _listing(orders, is_complete=False)
        while len(page) == PAGE:
            page = self._page(after=page[-1].pk)
            orders = orders + page
        _end(fault)
        return _listing(orders, is_complete=True)

    def cancel_all(self) -> None:
        """Take every order off the book."""
        self._cancel(PaperCall.CANCEL_ALL)

    def cancel_orders(self, ids: Collection[str]) -> Mapping[str, CancelAnswer]:
        """Take these orders off the book."""
        found, cancelled = self._cancel(PaperCall.CANCEL_ORDERS, ids=ids)
        return {
            order_id: _answer(is_open=order_id in found, is_cancelled=order_id in cancelled)
            for order_id in ids
        }

    def snapshot(self, *, now: datetime) -> AccountSnapshot:
        """Read balances and positions."""
        fault = self._begin(PaperCall.SNAPSHOT)
        account = self._paper()
        marks = marks_on(self.account.venue)
        positions = tuple(
            VenuePosition(
                instrument=row.instrument,
                side=Side(row.side),
                quantity=row.quantity,
                entry_price=row.entry_price,
                contract_size=ONE,
                is_inverse=False,
                mark=marks.get(row.instrument),
            )
            for row in account.positions.order_by("pk")
        )
        balances = dict(account.balances.values_list("asset", "total"))
        is_spot = self.account.kind == AccountKind.SPOT
        free = paper_book.free_balances(account) if is_spot else None
        _end(fault)
        return AccountSnapshot(balances=balances, positions=positions, as_of=now, free=free)

    def quotes(self, instruments: Sequence[str]) -> tuple[Quote, ...]:
        """Read mark prices; an instrument without one is left out."""
        fault = self._begin(PaperCall.QUOTES)
        marks = marks_on(self.account.venue)
        _end(fault)
        return tuple(
            Quote(instrument=instrument, price=marks[instrument], source_at=None)
            for instrument in instruments
            if instrument in marks
        )

    def listed_instruments(self) -> frozenset[str]:
        """Return every instrument that has a price there."""
        return frozenset(marks_on(self.account.venue))

    def reduce(self, order: ReduceOrder) -> None:
        """Fill a reduction at once, or let it be gone."""
        fault = self._begin(PaperCall.REDUCE)
        is_partial = fault is not None and fault.kind == PaperFaultKind.PARTIAL
        account, mark = self._paper(), marks_on(self.account.venue).get(order.instrument)
        _refuse_opening(order)
        if mark is None:
            raise Rejected(f"{order.instrument} has no price")
        if order.position_side is None and order.quantity > paper_book.reducible(account, order):
            raise Rejected(f"Less than that is free to sell on {order.instrument}")
        share = Decimal(fault.amount) / 100 if fault and is_partial else ONE
        if paper_book.reduce(account=account, order=order, mark=mark, share=share) is None:
            raise Rejected(f"The client id {order.client_id} was used before")
        _end(fault)

    def find_order(self, *, client_id: str, instrument: str) -> FoundOrder | None:
        """Look a reduction up; it is never open, for it fills at once or is gone."""
        fault = self._begin(PaperCall.FIND_ORDER)
        found = self._paper().reductions.filter(client_id=client_id, instrument=instrument).first()
        _end(fault)
        if found is None:
            return None
        return FoundOrder(client_id=client_id, filled=found.filled, is_open=False)

    def market_rules(self, instrument: str) -> MarketRules:
        """Return the same rules for every market."""
        _end(self._begin(PaperCall.MARKET_RULES))
        return RULES

    def key_permissions(self) -> KeyPermissions:
        """Return that there is nothing to tell: nobody needs a key there."""
        return KeyPermissions(
            may_withdraw=False,
            may_trade=True,
            account_id=None,
            has_address_list=None,
            expires_at=None,
        )

    def _paper(self) -> PaperAccount:
        """Return the account and its faults as they were at first: an adapter lives shortly."""
        if self._loaded is None:
            accounts = PaperAccount.objects.prefetch_related("faults")
            self._loaded = accounts.get(account=self.account)
        return self._loaded

    def _page(self, *, after: int) -> list[PaperOrder]:
        orders = PaperOrder.objects.filter(account=self._paper().pk, pk__gt=after)
        return list(orders.order_by("pk")[:PAGE])

    def _begin(self, call: PaperCall) -> PaperFault | None:
        """Wait as long as the venue takes, and raise what it answers instead of acting."""
        account = self._paper()
        fault = _next_fault(account, call)
        delay = timedelta(milliseconds=account.latency_ms)
        if fault is not None and fault.kind == PaperFaultKind.LATENCY:
            delay += timedelta(milliseconds=fault.amount)
        if delay >= TIMEOUT or (fault is not None and fault.kind == PaperFaultKind.HANG):
            self.sleep(TIMEOUT.total_seconds())
            raise Unknown(f"no answer to {call} within {TIMEOUT.total_seconds():g} s")
        if delay:
            self.sleep(delay.total_seconds())
        _raise_answer(fault, call)
        return fault

    def _cancel(
        self, call: PaperCall, *, ids: Collection[str] | None = None
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Return the orders that were on the book, and those of them that left it."""
        fault = self._begin(call)
        is_partial = fault is not None and fault.kind == PaperFaultKind.PARTIAL
        found, cancelled = paper_book.cancel(
            account=self._paper(), ids=ids, at_most=fault.amount if fault and is_partial else None
        )
        if fault is not None and fault.kind == PaperFaultKind.APPEAR and found:
            _appear(found[-1])
        _end(fault)
        return _ids(found), _ids(cancelled)


def _next_fault(account: PaperAccount, call: PaperCall) -> PaperFault | None:
    """Use up one call of the first fault that is scripted for it."""
    for fault in sorted(account.faults.all(), key=lambda fault: fault.pk):
        if fault.call in {call, PaperCall.ANY} and fault.remaining and _use_up(fault):
            return fault
    return None


def _use_up(fault: PaperFault) -> bool:
    fault.remaining -= 1
    still = PaperFault.objects.filter(pk=fault.pk, remaining__gt=0)
    return still.update(remaining=F("remaining") - 1) == 1


def _raise_answer(fault: PaperFault | None, call: PaperCall) -> None:
    if fault is None:
        return
    if fault.kind == PaperFaultKind.RETRYABLE:
        raise Retryable(f"{call} must wait", after=timedelta(seconds=fault.amount))
    if fault.kind in _ANSWERS:
        raise _ANSWERS[fault.kind](f"{call} was answered with {fault.kind}")


def _refuse_opening(order: ReduceOrder) -> None:
    """Refuse what a venue in hedge mode would take for an order that opens."""
    is_spot = not symbol_of(order.instrument).settle
    closes = None if is_spot else _CLOSES[order.side]
    if order.position_side is not closes or (is_spot and order.side is OrderSide.BUY):
        raise Rejected(f"{order.side} {order.instrument} does not reduce {order.position_side}")


def _end(fault: PaperFault | None) -> None:
    if fault is not None and fault.kind == PaperFaultKind.GHOST:
        raise Unknown("the answer was lost on the way")


def _appear(order: PaperOrder) -> None:
    paper_book.place_order(
        account=order.account,
        instrument=order.instrument,
        side=OrderSide(order.side),
        order_type=OrderType(order.type),
        quantity=order.quantity,
        price=order.price,
        is_reduce_only=order.is_reduce_only,
        now=order.created_at,
    )


def _answer(*, is_open: bool, is_cancelled: bool) -> CancelAnswer:
    if not is_open:
        return CancelAnswer.GONE
    return CancelAnswer.ACCEPTED if is_cancelled else CancelAnswer.FAILED


def _ids(orders: Iterable[PaperOrder]) -> frozenset[str]:
    return frozenset(str(order.pk) for order in orders)


def _listing(orders: Sequence[PaperOrder], *, is_complete: bool) -> OrderList:
    return OrderList(orders=tuple(_told(order) for order in orders), is_complete=is_complete)


def _told(order: PaperOrder) -> OpenOrder:
    return OpenOrder(
        id=str(order.pk),
        instrument=order.instrument,
        side=OrderSide(order.side),
        type=OrderType(order.type),
        quantity=order.quantity,
        price=order.price,
        is_reduce_only=order.is_reduce_only,
        created_at=order.created_at,
    )
