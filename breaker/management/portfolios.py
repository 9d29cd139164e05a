"""The portfolios that a command is told to act on: one by its slug, or all."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from portfolio.models import Portfolio
from riskconsole.kernel.errors import RiskConsoleError

COMMAND = "command"


class UnknownPortfolio(RiskConsoleError):
    """No portfolio has this slug."""


def add_choice(parser: ArgumentParser) -> None:
    """Take either SLUG or --all."""
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("slug", nargs="?", metavar="SLUG", help="one portfolio")
    choice.add_argument("--all", action="store_true", help="every portfolio")


def chosen(options: Mapping[str, Any]) -> list[Portfolio]:
    """Return the portfolios that are meant.

    :raises UnknownPortfolio: for a slug that nobody has
    """
    if options["all"]:
        return list(Portfolio.objects.order_by("slug"))
    return [find(options["slug"])]


def find(slug: str) -> Portfolio:
    """Return the portfolio with this slug.

    :raises UnknownPortfolio: if nobody has it
    """
    found = Portfolio.objects.filter(slug=slug).first()
    if found is None:
        raise UnknownPortfolio(f"There is no portfolio {slug!r}")
    return found
