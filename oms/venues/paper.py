"""The port onto the simulated venue; its state is in tables, so several processes share it."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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
    NoPermission,
    OrderList,
    Quote,
    Rejected,
    Retryable,
    Suspended,
    Unknown,
    Unsupported,
    VenueError,
    VenuePosition,
)
from oms.venues.paper_market import marks_on
from portfolio.domain.holdings import Side
from riskconsole.kernel.numbers import ONE

PAGE = 100

_ANSWERS: dict[str, Callable[[str], VenueError]] = {
    PaperFaultKind.UNKNOWN: Unknown,
    PaperFaultKind.AUTH_FAILED: AuthFailed,
    PaperFaultKind.NO_PERMISSION: NoPermission,
    PaperFaultKind.SUSPENDED: Suspended,
    PaperFaultKind.UNSUPPORTED: Unsupported,
    PaperFaultKind.REJECTED: Rejected,
}


@dataclass(slots=True, kw_only=True)
class PaperAdapter:
    """One account at the simulated venue, with the faults that are scripted for it."""

    account_id: int
    sleep: Callable[[float], object] = time.sleep

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
        fault = self._begin(PaperCall.CANCEL_ALL)
        self._cancel(list(self._account().orders.order_by("pk")), fault)

    def cancel_orders(self, ids: Collection[str]) -> Mapping[str, CancelAnswer]:
        """Take these orders off the book."""
        fault = self._begin(PaperCall.CANCEL_ORDERS)
        orders = list(self._account().orders.filter(pk__in=ids).order_by("pk"))
        open_ids = {str(order.pk) for order in orders}
        cancelled = {str(pk) for pk in self._cancel(orders, fault)}
        return {
            order_id: _answer(is_open=order_id in open_ids, is_cancelled=order_id in cancelled)
            for order_id in ids
        }

    def snapshot(self, *, now: datetime) -> AccountSnapshot:
        """Read balances and positions."""
        fault = self._begin(PaperCall.SNAPSHOT)
        account = self._account()
        marks = marks_on(account.account.venue)
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
        _end(fault)
        return AccountSnapshot(balances=balances, positions=positions, as_of=now)

    def quotes(self, instruments: Sequence[str]) -> tuple[Quote, ...]:
        """Read mark prices; an instrument without one is left out."""
        fault = self._begin(PaperCall.QUOTES)
        marks = marks_on(self._account().account.venue)
        _end(fault)
        return tuple(
            Quote(instrument=instrument, price=marks[instrument], source_at=None)
            for instrument in instruments
            if instrument in marks
        )

    def listed_instruments(self) -> frozenset[str]:
        """Return every instrument that has a price there."""
        return frozenset(marks_on(self._account().account.venue))

    def _account(self) -> PaperAccount:
        accounts = PaperAccount.objects.select_related("account__venue")
        return accounts.get(account_id=self.account_id)

    def _page(self, *, after: int) -> list[PaperOrder]:
        orders = PaperOrder.objects.filter(account__account_id=self.account_id, pk__gt=after)
        return list(orders.order_by("pk")[:PAGE])

    def _begin(self, call: PaperCall) -> PaperFault | None:
        """Wait as long as the venue takes, and raise what it answers instead of acting."""
        account = self._account()
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

    def _cancel(self, orders: Sequence[PaperOrder], fault: PaperFault | None) -> frozenset[int]:
        is_partial = fault is not None and fault.kind == PaperFaultKind.PARTIAL
        asked = orders[: fault.amount] if fault is not None and is_partial else orders
        cancelled = paper_book.cancel(account=self._account(), orders=asked)
        if fault is not None and fault.kind == PaperFaultKind.APPEAR and orders:
            _appear(orders[-1])
        _end(fault)
        return cancelled


def _next_fault(account: PaperAccount, call: PaperCall) -> PaperFault | None:
    """Use up one call of the first fault that is scripted for it."""
    scripted = account.faults.filter(call__in=[call, PaperCall.ANY], remaining__gt=0)
    for fault in scripted.order_by("pk"):
        if scripted.filter(pk=fault.pk).update(remaining=F("remaining") - 1):
            return fault
    return None


def _raise_answer(fault: PaperFault | None, call: PaperCall) -> None:
    if fault is None:
        return
    if fault.kind == PaperFaultKind.RETRYABLE:
        raise Retryable(f"{call} must wait", after=timedelta(seconds=fault.amount))
    if fault.kind in _ANSWERS:
        raise _ANSWERS[fault.kind](f"{call} was answered with {fault.kind}")


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
