"""What a replay holds: balances and linear positions, as they are written on a command line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolio.domain.holdings import (
    Account,
    AccountKind,
    Balance,
    Holdings,
    Position,
    Side,
    VenueKind,
)
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import ONE, ZERO, NotANumber, decimal_from, positive_from

VENUE = "replay"
_ACCOUNT_ID = 1


class BadStake(RiskConsoleError):
    """A holding for a replay is not written as it should be, or is given twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Perp:
    """A linear position; quantity is below zero for a short."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Stakes:
    """Everything a replay holds.

    :param cash: in the currency; the margin balance of the positions too
    :param spot: quantity by asset; below zero is a debt
    """

    currency: str
    cash: Decimal
    spot: Mapping[str, Decimal]
    perps: tuple[Perp, ...]

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols whose bars price the holdings."""
        spot = {f"{asset}{self.currency}" for asset in self.spot}
        return frozenset(spot | {perp.symbol for perp in self.perps})

    def instruments(self) -> Mapping[str, tuple[str, ...]]:
        """Return the instruments that each symbol's closes are marks of."""
        found: dict[str, tuple[str, ...]] = {}
        for asset in self.spot:
            found[f"{asset}{self.currency}"] = (f"{asset}/{self.currency}",)
        for symbol in dict.fromkeys(perp.symbol for perp in self.perps):
            found[symbol] = (*found.get(symbol, ()), self._perpetual(symbol))
        return found

    def holdings(self, *, since: datetime) -> Holdings:
        """Return the same as the holdings of a portfolio."""
        account = Account(
            id=_ACCOUNT_ID,
            slug=VENUE,
            venue=VENUE,
            venue_kind=VenueKind.MANUAL,
            kind=AccountKind.MARGIN,
            is_venue_fed=False,
            snapshot_at=since,
        )
        amounts = {self.currency: self.cash, **self.spot}
        return Holdings(
            version=1,
            reference_currency=self.currency,
            pegs=frozenset(),
            accounts=(account,),
            balances=tuple(
                Balance(account_id=_ACCOUNT_ID, asset=asset, total=total)
                for asset, total in amounts.items()
            ),
            positions=tuple(map(self._position, self.perps)),
        )

    def _perpetual(self, symbol: str) -> str:
        return f"{symbol.removesuffix(self.currency)}/{self.currency}:{self.currency}"

    def _position(self, perp: Perp) -> Position:
        return Position(
            account_id=_ACCOUNT_ID,
            instrument=self._perpetual(perp.symbol),
            side=_side(perp),
            quantity=perp.quantity.copy_abs(),
            entry_price=perp.entry_price,
            contract_size=ONE,
            is_inverse=False,
        )


def stakes_from(*, currency: str, cash: str, spot: Iterable[str], perps: Iterable[str]) -> Stakes:
    """Return what texts such as BTC=0.5 and BTCUSDT=-0.2@61000 say.

    :raises BadStake: naming the text that is wrong or given twice
    """
    stakes = Stakes(
        currency=_word(currency, of=f"--currency {currency}"),
        cash=_number(cash, of=f"--cash {cash}"),
        spot=_spot(spot, currency=currency),
        perps=_perps(perps, currency=currency),
    )
    if not (stakes.cash or stakes.symbols):
        raise BadStake("Nothing is held: give --cash, --spot or --perp")
    return stakes


def _spot(texts: Iterable[str], *, currency: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for text in texts:
        asset, _, quantity = text.partition("=")
        of = f"--spot {text}"
        if _word(asset, of=of) in found:
            raise BadStake(f"{of}: {asset} is given twice")
        if asset == currency:
            raise BadStake(f"{of}: {currency} is the currency itself, give it as --cash")
        found[asset] = _size(quantity, of=of)
    return found


def _perps(texts: Iterable[str], *, currency: str) -> tuple[Perp, ...]:
    found: dict[tuple[str, Side], Perp] = {}
    for text in texts:
        perp = _perp(text, currency=currency)
        if (perp.symbol, _side(perp)) in found:
            raise BadStake(f"--perp {text}: a {_side(perp)} of {perp.symbol} is given twice")
        found[perp.symbol, _side(perp)] = perp
    return tuple(found.values())


def _perp(text: str, *, currency: str) -> Perp:
    of = f"--perp {text}"
    symbol, _, stake = text.partition("=")
    quantity, _, entry_price = stake.partition("@")
    _word(symbol.removesuffix(currency), of=of)
    if not symbol.endswith(currency):
        raise BadStake(f"{of}: {symbol} does not end in the currency {currency}")
    try:
        price = positive_from(entry_price)
    except NotANumber as error:
        raise BadStake(f"{of}: entry price {error}") from error
    return Perp(symbol=symbol, quantity=_size(quantity, of=of), entry_price=price)


def _side(perp: Perp) -> Side:
    return Side.LONG if perp.quantity > ZERO else Side.SHORT


def _size(text: str, *, of: str) -> Decimal:
    number = _number(text, of=of)
    if not number:
        raise BadStake(f"{of}: the quantity is zero")
    return number


def _number(text: str, *, of: str) -> Decimal:
    try:
        return decimal_from(text)
    except NotANumber as error:
        raise BadStake(f"{of}: {error}") from error


def _word(text: str, *, of: str) -> str:
    if not text or not text.isprintable() or set(text) & set("/: =@"):
        raise BadStake(f"{of}: {text!r} is not a symbol")
    return text
