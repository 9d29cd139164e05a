"""Write what a portfolio holds: a snapshot replaces its account's lines, whole or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F

from portfolio.domain.holdings import AccountKind, Side
from portfolio.models import Balance, Evaluation, Portfolio, Position, VenueAccount
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import ONE, known_money_text, plain_text

MAX_AHEAD = timedelta(seconds=2)
_MICROSECOND = timedelta(microseconds=1)


class SnapshotRefused(RiskConsoleError):
    """A snapshot cannot be applied; nothing of it was."""


class StaleSnapshot(SnapshotRefused):
    """Its as_of is not later than the stored one."""


class FutureSnapshot(SnapshotRefused):
    """Its as_of is more than 2 s ahead of the server."""


class PositionsOnSpot(SnapshotRefused):
    """A spot account holds no positions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """One side of one instrument; mark is the venue's own at the snapshot."""

    instrument: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    contract_size: Decimal = ONE
    is_inverse: bool = False
    mark: Decimal | None = None


@transaction.atomic
def apply_snapshot(
    *,
    account_id: int,
    balances: Mapping[str, Decimal],
    positions: Sequence[PositionLine],
    as_of: datetime | None,
    now: datetime,
    venue_equity: Decimal | None = None,
    venue_equity_currency: str = "",
) -> VenueAccount:
    """Replace the account's balances and positions; without as_of it is the server's time.

    :raises StaleSnapshot: if as_of is not later than the stored one
    :raises FutureSnapshot: if as_of is more than 2 s ahead of now
    :raises PositionsOnSpot: if a spot account brings positions
    """
    account = VenueAccount.objects.select_for_update().get(pk=account_id)
    if positions and account.kind == AccountKind.SPOT:
        raise PositionsOnSpot(f"Account {account.slug} is a spot account and holds no positions")
    account.as_of = _checked_time(account=account, as_of=as_of, now=now)
    before = lines_of(account)
    Balance.objects.filter(account=account).delete()
    Position.objects.filter(account=account).delete()
    _insert(account=account, balances=balances, positions=positions)
    account.venue_equity = venue_equity
    account.venue_equity_currency = venue_equity_currency
    if account.is_excepted:
        account.is_excepted = False
        holdings_changed(account.portfolio_id)
    if before != lines_of(account):
        _note_change(account=account, before=before)
    account.save()
    return account


def holdings_changed(portfolio_id: int) -> None:
    """Let every process compile its book anew."""
    Portfolio.objects.filter(pk=portfolio_id).update(holdings_version=F("holdings_version") + 1)


def lines_of(account: VenueAccount) -> dict[str, object]:
    """Return an account's lines as JSON, as they are kept in previous."""
    return {
        "venue_equity": known_money_text(account.venue_equity),
        "venue_equity_currency": account.venue_equity_currency,
        "balances": [
            [balance.asset, plain_text(balance.total)]
            for balance in account.balances.order_by("asset")
        ],
        "positions": [
            [
                position.instrument,
                position.side,
                plain_text(position.quantity),
                plain_text(position.entry_price),
                plain_text(position.contract_size),
                int(position.is_inverse),
                position.snapshot_mark and plain_text(position.snapshot_mark),
            ]
            for position in account.positions.order_by("instrument", "side")
        ],
    }


def _checked_time(*, account: VenueAccount, as_of: datetime | None, now: datetime) -> datetime:
    stored = account.as_of
    if as_of is None:
        return now if stored is None or stored < now else stored + _MICROSECOND
    if stored is not None and as_of <= stored:
        raise StaleSnapshot(
            f"as_of {time_text(as_of)} is not later than the stored {time_text(stored)}"
        )
    if as_of > now + MAX_AHEAD:
        raise FutureSnapshot(f"as_of {time_text(as_of)} is more than 2 s ahead of the server")
    return as_of


def _insert(
    *,
    account: VenueAccount,
    balances: Mapping[str, Decimal],
    positions: Sequence[PositionLine],
) -> None:
    Balance.objects.bulk_create(
        Balance(account=account, asset=asset, total=total) for asset, total in balances.items()
    )
    Position.objects.bulk_create(
        Position(
            account=account,
            instrument=line.instrument,
            side=line.side,
            quantity=line.quantity,
            entry_price=line.entry_price,
            contract_size=line.contract_size,
            is_inverse=line.is_inverse,
            snapshot_mark=line.mark,
        )
        for line in positions
    )


def _note_change(*, account: VenueAccount, before: dict[str, object]) -> None:
    """Remember the lines before this change, unless they are what a breach is judged by."""
    holdings_changed(account.portfolio_id)
    is_judged = Evaluation.objects.filter(
        portfolio_id=account.portfolio_id, quantity_breach_since__isnull=False
    )
    if not is_judged.exists():
        account.previous = before
