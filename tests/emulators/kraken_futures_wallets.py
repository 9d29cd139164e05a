"""The wallets of Kraken Futures: flex for linear contracts, one fi_ for each inverse coin.

A balance of the book named BTC is flex collateral; BTC@fi_xbtusd and BTC@cash are elsewhere.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from portfolio.domain.holdings import settle_of
from tests.emulators.book import Book
from tests.emulators.kraken_futures_names import ticker_of, wallet_of
from tests.emulators.orders import ZERO

FLEX = "flex"
COINS = ("BTC", "ETH")
ONE = Decimal(1)


def balances_in(book: Book, wallet: str) -> dict[str, Decimal]:
    """Return the totals of one wallet by asset."""
    found = {}
    for name, total in book.balances.items():
        code, _, place = name.partition("@")
        if (place or FLEX) == wallet:
            found[code] = total
    return found


def dollars(book: Book, code: str) -> Decimal:
    """Return the price of an asset; what has none counts as a dollar."""
    if code == "USD":
        return ONE
    return book.prices.get(f"{code}/USD:USD", book.prices.get(f"{code}/USD", ONE))


def profit(book: Book, *, settles: Callable[[str], bool]) -> Decimal:
    """Return the unrealized profit of the positions whose instrument settles there."""
    gains = (book.pnl(*key) for key in list(book.positions) if settles(key[0]))
    return sum(gains, ZERO)


def told_accounts(book: Book) -> dict[str, Any]:
    """Return every wallet as GET accounts tells it."""
    margin = {f"fi_{ticker_of(coin).lower()}usd": _told_margin(book, coin) for coin in COINS}
    cash = {ticker_of(code).lower(): float(n) for code, n in balances_in(book, "cash").items()}
    return {
        "cash": {"balances": cash, "type": "cashAccount"},
        "flex": _told_flex(book),
        **margin,
    }


def flex_figures(book: Book) -> tuple[dict[str, Decimal], Decimal, Decimal]:
    """Return the quantities of the flex wallet, their value, and the profit beside it."""
    held = balances_in(book, FLEX)
    value = sum((n * dollars(book, code) for code, n in held.items()), ZERO)
    return held, value, profit(book, settles=lambda name: settle_of(name) == "USD")


def coin_figures(book: Book, coin: str) -> tuple[Decimal, Decimal]:
    """Return the balance and the profit of the wallet of one inverse coin."""
    wallet = wallet_of(f"{coin}/USD:{coin}")
    gain = profit(book, settles=lambda name: wallet_of(name) == wallet)
    return book.balances.get(wallet, ZERO), gain


def _told_flex(book: Book) -> dict[str, Any]:
    held, value, gain = flex_figures(book)
    equity = float(value + gain)
    return {
        "currencies": {
            ticker_of(code): {
                "quantity": float(quantity),
                "value": float(quantity * dollars(book, code)),
                "collateral": float(quantity * dollars(book, code)),
                "available": float(quantity),
            }
            for code, quantity in held.items()
        },
        "initialMargin": 0,
        "initialMarginWithOrders": 0,
        "maintenanceMargin": 0,
        "balanceValue": float(value),
        "portfolioValue": equity,
        "collateralValue": float(value),
        "pnl": float(gain),
        "unrealizedFunding": 0,
        "totalUnrealized": float(gain),
        "totalUnrealizedAsMargin": float(gain),
        "availableMargin": equity,
        "marginEquity": equity,
        "type": "multiCollateralMarginAccount",
    }


def _told_margin(book: Book, coin: str) -> dict[str, Any]:
    balance, gain = coin_figures(book, coin)
    none = {"im": 0, "mm": 0, "lt": 0, "tt": 0}
    return {
        "auxiliary": {
            "usd": 0,
            "pv": float(balance + gain),
            "pnl": float(gain),
            "af": float(balance + gain),
            "funding": 0,
        },
        "marginRequirements": none,
        "triggerEstimates": none,
        "balances": {ticker_of(coin).lower(): float(balance)},
        "currency": ticker_of(coin).lower(),
        "type": "marginAccount",
    }
