"""The simulated venue's book: what its clients and its matching do, outside the port.

place_order() belongs to the venue's own side, for demos and tests: the console reaches a venue
only through the port, which has no such function. Its reduce() never opens anything.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from oms.domain.orders import OrderSide, OrderType
from oms.domain.paper import Lot, has_crossed, perp_fill
from oms.models import (
    PaperAccount,
    PaperBalance,
    PaperEntry,
    PaperOrder,
    PaperPosition,
    PaperReduction,
    PaperVerb,
)
from oms.venues.base import ReduceOrder
from portfolio.domain.holdings import Side, symbol_of
from riskconsole.kernel.numbers import ONE, ZERO, plain_text, to_money_step


@transaction.atomic
def place_order(
    *,
    account: PaperAccount,
    instrument: str,
    side: OrderSide,
    order_type: OrderType,
    quantity: Decimal,
    price: Decimal,
    now: datetime,
    is_reduce_only: bool = False,
) -> PaperOrder:
    """Put an order on the simulated book, as a client of that venue would."""
    order = PaperOrder.objects.create(
        account=account,
        instrument=instrument,
        side=side,
        type=order_type,
        quantity=quantity,
        price=price,
        is_reduce_only=is_reduce_only,
        created_at=now,
    )
    _entry(order, PaperVerb.PLACED).save(force_insert=True)
    return order


@transaction.atomic
def cancel(
    *, account: PaperAccount, ids: Collection[str] | None = None, at_most: int | None = None
) -> tuple[list[PaperOrder], list[PaperOrder]]:
    """Take orders off the book, all or those with these ids.

    Return those that were on it and those that left it: the same, unless at_most stops halfway.
    """
    _lock(account)
    wanted = account.orders.order_by("pk")
    found = list(wanted if ids is None else wanted.filter(pk__in=ids))
    cancelled = found[:at_most]
    PaperOrder.objects.filter(pk__in=[order.pk for order in cancelled]).delete()
    PaperEntry.objects.bulk_create(_entry(order, PaperVerb.CANCELLED) for order in cancelled)
    return found, cancelled


@transaction.atomic
def match_orders(*, account: PaperAccount, marks: Mapping[str, Decimal]) -> int:
    """Fill every order that its instrument's mark has crossed; return how many."""
    _lock(account)
    orders = account.orders.filter(instrument__in=marks).order_by("pk")
    crossed = [order for order in orders if _is_crossed(order, marks[order.instrument])]
    for order in crossed:
        _fill(order, marks[order.instrument])
    return len(crossed)


@transaction.atomic
def reduce(
    *, account: PaperAccount, order: ReduceOrder, mark: Decimal, share: Decimal = ONE
) -> PaperReduction | None:
    """Fill a reduction at the mark, or let it be gone; None if its client id was used before.

    :param share: of the quantity that finds somebody to trade with
    """
    _lock(account)
    if account.reductions.filter(client_id=order.client_id).exists():
        return None
    is_crossed = has_crossed(
        side=order.side, order_type=OrderType.LIMIT, price=order.limit_price, mark=mark
    )
    there = min(order.quantity, reducible(account, order)) if is_crossed else ZERO
    filled = to_money_step(there * share)
    if filled:
        _fill_reduction(account, order, quantity=filled, mark=mark)
    row = PaperReduction.objects.create(
        account=account,
        client_id=order.client_id,
        instrument=order.instrument,
        side=order.side,
        quantity=order.quantity,
        limit_price=order.limit_price,
        filled=filled,
    )
    PaperEntry.objects.create(
        account=account,
        verb=PaperVerb.FILLED if filled else PaperVerb.EXPIRED,
        order_id=order.client_id,
        text=f"{row}: {plain_text(filled)} at {plain_text(mark)}",
    )
    return row


def reducible(account: PaperAccount, order: ReduceOrder) -> Decimal:
    """Return how much of what it names an order may close."""
    if order.position_side is None:
        return free_balances(account).get(symbol_of(order.instrument).base, ZERO)
    side = order.position_side
    row = account.positions.filter(instrument=order.instrument, side=side).first()
    return row.quantity if row else ZERO


def free_balances(account: PaperAccount) -> dict[str, Decimal]:
    """Return what no open sell order of the account holds."""
    free = dict(account.balances.values_list("asset", "total"))
    for order in account.orders.filter(side=OrderSide.SELL):
        base = symbol_of(order.instrument).base
        if base in free:
            free[base] = max(ZERO, free[base] - order.quantity)
    return free


def _fill_reduction(
    account: PaperAccount, order: ReduceOrder, *, quantity: Decimal, mark: Decimal
) -> None:
    as_order = PaperOrder(
        account=account,
        instrument=order.instrument,
        side=order.side,
        quantity=quantity,
        is_reduce_only=True,
    )
    if order.position_side is None:
        _fill_spot(as_order, mark)
    else:
        _fill_perp(as_order, mark)


def _is_crossed(order: PaperOrder, mark: Decimal) -> bool:
    return has_crossed(
        side=OrderSide(order.side), order_type=OrderType(order.type), price=order.price, mark=mark
    )


def _fill(order: PaperOrder, mark: Decimal) -> None:
    price = mark if order.type == OrderType.STOP else order.price
    is_spot = not symbol_of(order.instrument).settle
    is_filled = _fill_spot(order, price) if is_spot else _fill_perp(order, price)
    text = f"at {plain_text(price)}" if is_filled else "nothing to trade it against"
    _remove(order, PaperVerb.FILLED if is_filled else PaperVerb.EXPIRED, text)


def _fill_spot(order: PaperOrder, price: Decimal) -> bool:
    symbol = symbol_of(order.instrument)
    sign = 1 if order.side == OrderSide.BUY else -1
    changes = {
        symbol.base: sign * order.quantity,
        symbol.quote: to_money_step(-sign * order.quantity * price),
    }
    totals = {asset: _total(order.account, asset) + change for asset, change in changes.items()}
    if any(total < ZERO for total in totals.values()):
        return False
    for asset, total in totals.items():
        _set_total(order.account, asset, total)
    return True


def _fill_perp(order: PaperOrder, price: Decimal) -> bool:
    rows = order.account.positions.filter(instrument=order.instrument)
    before = {
        Side(row.side): Lot(quantity=row.quantity, entry_price=row.entry_price) for row in rows
    }
    fill = perp_fill(
        before,
        side=OrderSide(order.side),
        quantity=order.quantity,
        price=price,
        is_reduce_only=order.is_reduce_only,
    )
    if fill.lots == before:
        return False
    _set_lots(order, fill.lots)
    settle = symbol_of(order.instrument).settle
    _set_total(order.account, settle, _total(order.account, settle) + fill.realized)
    return True


def _set_lots(order: PaperOrder, lots: Mapping[Side, Lot]) -> None:
    positions = PaperPosition.objects.filter(account=order.account, instrument=order.instrument)
    positions.exclude(side__in=lots).delete()
    for side, lot in lots.items():
        PaperPosition.objects.update_or_create(
            account=order.account,
            instrument=order.instrument,
            side=side,
            defaults={"quantity": lot.quantity, "entry_price": lot.entry_price},
        )


def _total(account: PaperAccount, asset: str) -> Decimal:
    balance = account.balances.filter(asset=asset).first()
    return balance.total if balance else ZERO


def _set_total(account: PaperAccount, asset: str, total: Decimal) -> None:
    PaperBalance.objects.update_or_create(account=account, asset=asset, defaults={"total": total})


def _remove(order: PaperOrder, verb: PaperVerb, text: str) -> None:
    """Take one order off the book; its account is locked, so it is still there."""
    PaperOrder.objects.filter(pk=order.pk).delete()
    _entry(order, verb, text).save(force_insert=True)


def _entry(order: PaperOrder, verb: PaperVerb, text: str = "") -> PaperEntry:
    return PaperEntry(
        account_id=order.account_id,
        verb=verb,
        order_id=str(order.pk),
        text=f"{order} {text}".strip(),
    )


def _lock(account: PaperAccount) -> None:
    PaperAccount.objects.select_for_update().get(pk=account.pk)
