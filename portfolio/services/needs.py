"""Which marks the portfolios need: a book without a price knows them."""

from collections.abc import Collection
from functools import lru_cache

from portfolio import selectors
from portfolio.domain.prices import PriceBoard, PricingVenue
from portfolio.domain.valuation import Book
from portfolio.models import Portfolio


def books_without_prices() -> list[Book]:
    """Return the book of every portfolio, made anew where its holdings changed."""
    venues = selectors.pricing_venues()
    versions = Portfolio.objects.values_list("pk", "holdings_version")
    return [_book_at(pk, version, venues) for pk, version in versions]


def needed_at(venue: str, *, books: Collection[Book]) -> frozenset[str]:
    """Return every instrument whose mark there prices a line, or could."""
    return frozenset().union(*(book.needed_instruments(venue=venue) for book in books))


@lru_cache(maxsize=1024)
def _book_at(portfolio_id: int, _version: int, venues: tuple[PricingVenue, ...]) -> Book:
    holdings = selectors.held_by([portfolio_id])[portfolio_id].now
    return Book(holdings=holdings, board=PriceBoard.of(venues, ()))
