"""Set up an account at the simulated venue from the table that `apply` reads."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from django.db import transaction

from oms.domain.growth import CASH
from oms.domain.orders import OrderSide, OrderType
from oms.domain.paper import opening_price
from oms.models import PaperAccount, PaperBalance, PaperMark, PaperPosition
from oms.venues.paper_book import place_order
from portfolio.domain.holdings import AccountKind, MalformedInstrument, Side, symbol_of
from portfolio.models import VenueAccount
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import NotANumber, decimal_from, positive_from

Choice = TypeVar("Choice", bound=StrEnum)

_ACCOUNT_KEYS = frozenset({"seed", "balances", "positions", "orders"})
_POSITION_KEYS = frozenset({"instrument", "side", "quantity", "entry_price"})
_ORDER_KEYS = frozenset({"instrument", "side", "type", "quantity", "price"})


class PaperSpecRefused(RiskConsoleError):
    """A key of the paper table is missing, unknown or wrong; field names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionSpec:
    instrument: str
    side: Side
    quantity: Decimal
    entry_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSpec:
    instrument: str
    side: OrderSide
    type: OrderType
    quantity: Decimal
    price: Decimal
    is_reduce_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSpec:
    """What a paper account starts with; without a seed its prices move only by pushed marks."""

    seed: int | None
    balances: Mapping[str, Decimal]
    positions: tuple[PositionSpec, ...]
    orders: tuple[OrderSpec, ...]


def read_paper_spec(table: Mapping[str, object], *, kind: AccountKind) -> PaperSpec:
    """Return what the table says.

    :raises PaperSpecRefused: naming the key, such as positions[0].quantity
    """
    _refuse_unknown(table, known=_ACCOUNT_KEYS, at="")
    spec = PaperSpec(
        seed=_seed(table),
        balances=_balances(table),
        positions=tuple(_position(row, at=at, kind=kind) for at, row in _rows(table, "positions")),
        orders=tuple(_order(row, at=at, kind=kind) for at, row in _rows(table, "orders")),
    )
    _refuse_twice(spec.positions)
    return spec


@transaction.atomic
def open_paper_account(*, account: VenueAccount, spec: PaperSpec, now: datetime) -> PaperAccount:
    """Create the account's state at the simulated venue, and the market of what it trades."""
    paper = PaperAccount.objects.create(account=account)
    PaperBalance.objects.bulk_create(
        PaperBalance(account=paper, asset=asset, total=total)
        for asset, total in spec.balances.items()
    )
    PaperPosition.objects.bulk_create(
        PaperPosition(
            account=paper,
            instrument=position.instrument,
            side=position.side,
            quantity=position.quantity,
            entry_price=position.entry_price,
        )
        for position in spec.positions
    )
    for order in spec.orders:
        _place(order, account=paper, now=now)
    if spec.seed is not None:
        _open_market(account=account, spec=spec, seed=spec.seed)
    return paper


def _place(order: OrderSpec, *, account: PaperAccount, now: datetime) -> None:
    place_order(
        account=account,
        instrument=order.instrument,
        side=order.side,
        order_type=order.type,
        quantity=order.quantity,
        price=order.price,
        is_reduce_only=order.is_reduce_only,
        now=now,
    )


def _open_market(*, account: VenueAccount, spec: PaperSpec, seed: int) -> None:
    prices = {
        order.instrument: opening_price(order.instrument, hint=order.price) for order in spec.orders
    }
    prices |= _spot_prices(account, spec)
    prices |= {position.instrument: position.entry_price for position in spec.positions}
    for instrument, price in prices.items():
        PaperMark.objects.get_or_create(
            venue=account.venue,
            instrument=instrument,
            defaults={"seed": seed, "price": price},
        )


def _spot_prices(account: VenueAccount, spec: PaperSpec) -> dict[str, Decimal]:
    currency = account.portfolio.reference_currency
    if account.kind != AccountKind.SPOT:
        return {}
    instruments = [
        f"{asset}/{currency}" for asset in spec.balances if asset not in CASH | {currency}
    ]
    return {instrument: opening_price(instrument) for instrument in instruments}


def _seed(table: Mapping[str, object]) -> int | None:
    seed = table.get("seed")
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, int) or abs(seed) >= 2**63:
        raise PaperSpecRefused("seed", "must be an integer")
    return seed


def _balances(table: Mapping[str, object]) -> dict[str, Decimal]:
    balances = table.get("balances", {})
    if not isinstance(balances, Mapping):
        raise PaperSpecRefused("balances", "must be a table of assets and totals")
    return {
        asset: _number(balances, asset, at="balances.", read=decimal_from) for asset in balances
    }


def _position(row: Mapping[str, object], *, at: str, kind: AccountKind) -> PositionSpec:
    if kind is AccountKind.SPOT:
        raise PaperSpecRefused(at.rstrip("."), "is on a spot account, which holds no positions")
    _refuse_unknown(row, known=_POSITION_KEYS, at=at)
    return PositionSpec(
        instrument=_instrument(row, at=at, kind=kind),
        side=_choice(row, "side", at=at, enum=Side),
        quantity=_number(row, "quantity", at=at, read=positive_from),
        entry_price=_number(row, "entry_price", at=at, read=positive_from),
    )


def _order(row: Mapping[str, object], *, at: str, kind: AccountKind) -> OrderSpec:
    _refuse_unknown(row, known=_ORDER_KEYS | {"reduce_only"}, at=at)
    is_reduce_only = row.get("reduce_only", False)
    if not isinstance(is_reduce_only, bool):
        raise PaperSpecRefused(f"{at}reduce_only", "must be true or false")
    return OrderSpec(
        instrument=_instrument(row, at=at, kind=kind),
        side=_choice(row, "side", at=at, enum=OrderSide),
        type=_choice(row, "type", at=at, enum=OrderType),
        quantity=_number(row, "quantity", at=at, read=positive_from),
        price=_number(row, "price", at=at, read=positive_from),
        is_reduce_only=is_reduce_only,
    )


def _rows(table: Mapping[str, object], key: str) -> Iterable[tuple[str, Mapping[str, object]]]:
    rows = table.get(key, [])
    if not isinstance(rows, list):
        raise PaperSpecRefused(key, "must be a list of tables")
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise PaperSpecRefused(f"{key}[{number}]", "must be a table")
        yield f"{key}[{number}].", row


def _instrument(row: Mapping[str, object], *, at: str, kind: AccountKind) -> str:
    text = row.get("instrument")
    if not isinstance(text, str):
        raise PaperSpecRefused(f"{at}instrument", "must be text")
    try:
        symbol = symbol_of(text)
    except MalformedInstrument as error:
        raise PaperSpecRefused(f"{at}instrument", f"is wrong: {error}") from error
    expected = "" if kind is AccountKind.SPOT else symbol.quote
    if symbol.settle != expected:
        wanted = "a spot market" if kind is AccountKind.SPOT else "a linear perpetual"
        raise PaperSpecRefused(f"{at}instrument", f"must be {wanted}, was {text!r}")
    return text


def _choice(row: Mapping[str, object], key: str, *, at: str, enum: type[Choice]) -> Choice:
    try:
        return enum(str(row.get(key)))
    except ValueError as error:
        raise PaperSpecRefused(f"{at}{key}", f"is wrong: {error}") from error


def _number(
    row: Mapping[str, object],
    key: str,
    *,
    at: str,
    read: Callable[[str | int | Decimal], Decimal],
) -> Decimal:
    value = row.get(key)
    if not isinstance(value, str | int | Decimal):
        raise PaperSpecRefused(f"{at}{key}", "must be a number")
    try:
        return read(value)
    except (NotANumber, TypeError) as error:
        raise PaperSpecRefused(f"{at}{key}", f"is wrong: {error}") from error


def _refuse_unknown(table: Mapping[str, object], *, known: frozenset[str], at: str) -> None:
    for key in table:
        if key not in known:
            raise PaperSpecRefused(f"{at}{key}", "is not a key of a paper account")


def _refuse_twice(positions: Iterable[PositionSpec]) -> None:
    seen = set()
    for number, position in enumerate(positions):
        if (position.instrument, position.side) in seen:
            raise PaperSpecRefused(f"positions[{number}]", "is there twice")
        seen.add((position.instrument, position.side))
