"""Move a portfolio's reference with the money that came or went."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolio import marks
from portfolio.domain.flows import Capital
from portfolio.models import Portfolio, VenueAccount
from portfolio.selectors import book_of, held_by, holdings_of_account
from portfolio.services.snapshots import holdings_changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What an account brings, and the equity without it, at the same marks."""

    worth: Decimal
    before: Decimal


def apply_flow(*, portfolio: Portfolio, before: Decimal, after: Decimal) -> Capital:
    """Multiply reference and floor base by after / before; the caller's audit entry tells it.

    :param portfolio: locked with its breaker, in the caller's transaction
    """
    moved = portfolio.capital.after_flow(before=before, after=after)
    Portfolio.objects.filter(pk=portfolio.pk).update(
        initial_capital=moved.initial_capital,
        reference_equity=moved.reference_equity,
        floor_base=moved.floor_base,
        net_flows=moved.net_flows,
    )
    return moved


def joining_accounts() -> list[VenueAccount]:
    """Return the accounts that were read, but do not count yet in their armed portfolio."""
    waiting = VenueAccount.objects.filter(is_joining=True, as_of__isnull=False)
    return list(waiting.select_related("portfolio", "venue").order_by("pk"))


def joining_account(account_id: int) -> VenueAccount | None:
    """Lock and return an account that does not count yet; None if somebody let it join."""
    waiting = VenueAccount.objects.filter(pk=account_id, is_joining=True)
    return waiting.select_for_update(of=("self",)).select_related("portfolio", "venue").first()


def joining_of(account: VenueAccount) -> Joining | None:
    """Return what the account is worth beside the rest once each of its lines has a price."""
    states = marks.stored_states()
    book = book_of(holdings=holdings_of_account(account), states=states)
    if book.unpriced:
        return None
    counted = held_by([account.portfolio_id])[account.portfolio_id].now
    return Joining(worth=book.equity, before=book_of(holdings=counted, states=states).equity)


def let_join(*, account: VenueAccount) -> None:
    """Count the account from now on."""
    VenueAccount.objects.filter(pk=account.pk).update(is_joining=False)
    holdings_changed(account.portfolio_id)


def remove_account(*, account: VenueAccount, now: datetime) -> None:
    """Let an account no longer belong to its portfolio; its rows stay for the record."""
    VenueAccount.objects.filter(pk=account.pk).update(removed_at=now)
    holdings_changed(account.portfolio_id)
