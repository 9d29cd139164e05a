"""What closing by hand would send, and what it would cost at worst: read before it is confirmed."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from oms.domain.close_plan import COLLAR
from oms.domain.closing import CloseStatus
from oms.domain.growth import CASH
from oms.selectors import CloseRow, closes_shown_of
from portfolio.domain.holdings import AccountKind, Side, VenueKind
from portfolio.domain.lines import Line, LineFlag, LineKind
from portfolio.models import Portfolio
from portfolio.selectors import stored_book_of
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import EXACT, ZERO

CLOSE_TONES: Mapping[CloseStatus, str] = {
    CloseStatus.CLOSING: "warn",
    CloseStatus.FLAT: "ok",
    CloseStatus.RESIDUAL: "ok",
    CloseStatus.NEEDS_HUMAN: "trip",
}
CLOSE_WORDS: Mapping[CloseStatus, str] = {
    CloseStatus.CLOSING: "being closed, once its orders are gone",
    CloseStatus.FLAT: "confirmed flat",
    CloseStatus.RESIDUAL: "closed, but for what no order takes",
    CloseStatus.NEEDS_HUMAN: "needs a human; the console goes on trying",
}


class NothingThere(RiskConsoleError):
    """The portfolio has no such account, or holds nothing of that name that can be closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenRow:
    """One position, or one asset to sell.

    :param notional: in the reference currency; None without a price
    """

    account: str
    name: str
    side: Side
    quantity: Decimal
    notional: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenPreview:
    """:param by_hand: accounts that the console cannot reach"""

    rows: tuple[FlattenRow, ...]
    by_hand: tuple[str, ...]
    currency: str

    @property
    def notional(self) -> Decimal:
        with_price = [row.notional for row in self.rows if row.notional is not None]
        return sum(with_price, ZERO)

    @property
    def worst_cost(self) -> Decimal:
        """What is lost to the market if every order fills at its limit; fees come on top."""
        return EXACT.multiply(self.notional, COLLAR)

    @property
    def unpriced(self) -> int:
        return sum(row.notional is None for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownClose:
    """The closing of one account as its portfolio's page tells it."""

    close: CloseRow
    tone: str
    words: str


def shown_closes(portfolio: Portfolio) -> tuple[ShownClose, ...]:
    """Return every account that is being closed, or was by the newest run."""
    return tuple(
        ShownClose(close=close, tone=CLOSE_TONES[close.status], words=CLOSE_WORDS[close.status])
        for close in closes_shown_of(portfolio_id=portfolio.pk)
    )


def flatten_preview(
    portfolio: Portfolio, *, account: str = "", instrument: str = ""
) -> FlattenPreview:
    """Return what closing these would reach, by the last snapshots and marks.

    :raises NothingThere: for an account that is not there or not connected, or an instrument or
        asset that is not held
    """
    by_hand = _by_hand(portfolio, account=account)
    lines = [line for line in stored_book_of(portfolio.pk).lines() if _closes(line, portfolio)]
    meant = [line for line in lines if not account or line.account.slug == account]
    rows = [_row(line) for line in meant if not instrument or _is_of(line, instrument)]
    if instrument and not rows:
        raise NothingThere(f"{portfolio.slug} holds no {instrument!r} that can be closed there")
    return FlattenPreview(rows=tuple(rows), by_hand=by_hand, currency=portfolio.reference_currency)


def _by_hand(portfolio: Portfolio, *, account: str) -> tuple[str, ...]:
    kinds = dict(portfolio.accounts.values_list("slug", "venue__kind"))
    if account and account not in kinds:
        raise NothingThere(f"{portfolio.slug} has no account {account!r}")
    if kinds.get(account) == VenueKind.MANUAL:
        raise NothingThere(f"{account} is not connected: close its positions there by hand")
    return tuple(sorted(slug for slug, kind in kinds.items() if kind == VenueKind.MANUAL))


def _closes(line: Line, portfolio: Portfolio) -> bool:
    if line.account.venue_kind is VenueKind.MANUAL:
        return False
    if line.kind is LineKind.POSITION:
        return True
    is_coin = line.kind is LineKind.BALANCE and line.account.kind is AccountKind.SPOT
    cash = CASH | {portfolio.reference_currency}
    return is_coin and line.quantity > ZERO and line.name not in cash and not _is_pegged(line)


def _is_pegged(line: Line) -> bool:
    return LineFlag.PEG in line.flags


def _is_of(line: Line, instrument: str) -> bool:
    """Return whether the line is of the instrument, or an asset that is sold on it."""
    if line.kind is LineKind.POSITION:
        return line.name == instrument
    return instrument == line.name or instrument.startswith(f"{line.name}/")


def _row(line: Line) -> FlattenRow:
    return FlattenRow(
        account=line.account.slug,
        name=line.name,
        side=line.side or Side.LONG,
        quantity=line.quantity,
        notional=None if line.is_missing else line.notional,
    )
