"""What both markets of MEXC share: how they sign, spell and say no."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import ClassVar

from portfolio.domain.holdings import symbol_of
from tests.emulators.book import Book
from tests.emulators.server import Emulator
from tests.emulators.wire import Refused, Request

DAMAGED = 500


def signature_of(text: str, *, secret: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def is_signed(text: str, *, secret: str, signature: str) -> bool:
    return hmac.compare_digest(signature_of(text, secret=secret), signature)


def millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def code_and_text(message: str) -> tuple[int, str]:
    """Take `700003 Timestamp ...` apart; a text without a code is an internal error."""
    code, _, text = message.partition(" ")
    return (int(code), text) if code.lstrip("-").isdigit() else (DAMAGED, message)


class MexcEmulator(Emulator):
    """One market of MEXC.

    :param book: of this market alone; the spot and the swap account of a client share nothing
    """

    default_instruments: ClassVar[tuple[str, ...]]
    separator: ClassVar[str]
    bad_symbol: ClassVar[str]
    bad_parameter: ClassVar[str]

    def __init__(
        self,
        *,
        book: Book,
        latency: timedelta = timedelta(0),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(book=book, latency=latency, clock=clock)
        # Instruments that are listed and take no order from a program.
        self.halted: set[str] = set()

    def id_of(self, instrument: str) -> str:
        """Return the venue's own spelling of an instrument."""
        symbol = symbol_of(instrument)
        return f"{symbol.base}{self.separator}{symbol.quote}"

    def instruments(self) -> list[str]:
        """Return everything that trades here: what every test finds, and what this one priced."""
        known = {*self.default_instruments, *tuple(self.book.prices)}
        return sorted(known | {order.instrument for order in self.book.open_orders()})

    def priced(self) -> list[str]:
        return [name for name in self.instruments() if name in self.book.prices]

    def instrument(self, symbol: str) -> str:
        """Return the instrument that the venue spells so.

        :raises Refused: for a symbol that is not listed
        """
        for name in self.instruments():
            if self.id_of(name) == symbol:
                return name
        raise Refused(self.error(self.bad_symbol))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Refuse what cannot be read: a figure that is none, an unknown side, a missing field."""
        try:
            yield
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise Refused(self.error(self.bad_parameter)) from error

    def mark(self, instrument: str) -> Decimal:
        """Return the price at which a market order fills.

        :raises Refused: without one
        """
        price = self.book.prices.get(instrument)
        if price is None:
            raise Refused(self.error("30010 no valid trade price"))
        return price

    def is_within(self, stamp: str, *, request: Request, window: timedelta) -> bool:
        """Return whether a request was stamped no longer ago than window, and not ahead."""
        with self.reading():
            age = timedelta(milliseconds=millis(request.at) - int(stamp))
        return timedelta(seconds=-1) < age <= window
