"""Close what a halted or paused portfolio holds, by hand; without a browser and without Redis."""

import sys
import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from breaker.management.portfolios import COMMAND, find
from breaker.selectors.flattening import FlattenPreview, flatten_preview
from breaker.services.flattening import flatten
from oms.selectors import CloseRow, closes_of
from oms.services.closing import AlreadyClosing, due_closes, send_close_leg
from portfolio.models import Portfolio
from riskconsole.command import ConsoleCommand
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.kernel.numbers import money_text, plain_text

NOT_FLAT = 1
PATIENCE = timedelta(seconds=75)
LOOK_EVERY_SECONDS = 0.25


class NotConfirmed(RiskConsoleError):
    """What was typed is not the portfolio's name."""


class Command(ConsoleCommand):
    help = "Close positions now: reduce-only orders, at most 3 % through the mark."
    # Nothing that is wrong elsewhere may keep a person from closing.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--account", default="", metavar="A", help="one account")
        parser.add_argument("--instrument", default="", metavar="I", help="one instrument or asset")
        parser.add_argument("--confirm", metavar="SLUG", help="the portfolio again, unasked")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401
        portfolio = find(options["slug"])
        only = {"account": options["account"], "instrument": options["instrument"]}
        self._show(flatten_preview(portfolio, **only))
        self._confirm(portfolio, typed=options["confirm"])
        cause = self._begin(portfolio, **only)
        self._attend(cause)
        rows = closes_of(cause=cause)
        for row in rows:
            self.stdout.write(_result(row))
        if any(row.is_open for row in rows):
            raise CommandError("Not flat yet: the console goes on trying", returncode=NOT_FLAT)

    def _show(self, preview: FlattenPreview) -> None:
        for row in preview.rows:
            worth = "no price" if row.notional is None else money_text(row.notional)
            size = f"{row.side} {plain_text(row.quantity)} {row.name}"
            self.stdout.write(f"{row.account}: {size}, {worth} {preview.currency}")
        cost = f"at most {money_text(preview.worst_cost)} through the mark, and fees"
        self.stdout.write(f"Notional {money_text(preview.notional)} {preview.currency}, {cost}")
        if preview.by_hand:
            self.stdout.write(f"Close there by hand: {', '.join(preview.by_hand)}")

    def _confirm(self, portfolio: Portfolio, *, typed: str | None) -> None:
        if typed is None:
            if not sys.stdin.isatty():
                raise NotConfirmed(f"Say --confirm {portfolio.slug} where nobody can be asked")
            typed = input(f"Type {portfolio.slug} to close this: ")
        if typed.strip() != portfolio.slug:
            raise NotConfirmed(f"{typed!r} is not {portfolio.slug!r}: nothing was sent")

    def _begin(self, portfolio: Portfolio, **only: str) -> str:
        """Return the cause of the run that closes it, its trip's where that does so already."""
        now = timezone.now()
        try:
            run = flatten(portfolio_id=portfolio.pk, actor=COMMAND, address="", now=now, **only)
        except AlreadyClosing as error:
            self.stdout.write(str(error))
            return error.cause
        return run.cause

    def _attend(self, cause: str) -> None:
        """Make the attempts here, beside whoever else does; give up only looking."""
        end = timezone.now() + PATIENCE
        while timezone.now() < end:
            for leg in due_closes(now=timezone.now()):
                if leg.run.cause == cause:
                    send_close_leg(leg=leg, now=timezone.now())
            if not any(row.is_open for row in closes_of(cause=cause)):
                return
            time.sleep(LOOK_EVERY_SECONDS)


def _result(row: CloseRow) -> str:
    left = ", ".join(
        f"{stays.side} {plain_text(stays.quantity)} {stays.name} ({stays.reason})"
        for stays in row.residuals
    )
    why = "; ".join(filter(None, (left and f"stays: {left}", row.error)))
    return f"{row.account}: {row.status}{f', {why}' if why else ''}"
