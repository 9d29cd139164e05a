"""Move a portfolio's reference with the money that came or went."""

from datetime import datetime
from decimal import Decimal

from portfolio import marks
from portfolio.domain.flows import Capital
from portfolio.domain.valuation import Book
from portfolio.models import Portfolio, VenueAccount
from portfolio.selectors import book_of, holdings_of_account
from portfolio.services.snapshots import holdings_changed


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


def ready_book_of(account: VenueAccount) -> Book | None:
    """Return the book of this account alone once each of its lines has a price."""
    book = book_of(holdings=holdings_of_account(account), states=marks.stored_states())
    return None if book.unpriced else book


def let_join(*, account: VenueAccount) -> bool:
    """Count the account from now on; return whether this call did it."""
    is_won = VenueAccount.objects.filter(pk=account.pk, is_joining=True).update(is_joining=False)
    if is_won:
        holdings_changed(account.portfolio_id)
    return bool(is_won)


def remove_account(*, account: VenueAccount, now: datetime) -> None:
    """Let an account no longer belong to its portfolio; its rows stay for the record."""
    VenueAccount.objects.filter(pk=account.pk).update(removed_at=now)
    holdings_changed(account.portfolio_id)
