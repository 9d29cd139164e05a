"""What may go wrong at a venue, scripted call by call."""

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Verb = Literal[
    "open_orders",
    "cancel_all",
    "cancel_orders",
    "balances",
    "positions",
    "quotes",
    "markets",
    "reduce",
    "find_order",
    "time",
    "permissions",
    "dead_man",
    "stream_token",
]


class FaultKind(StrEnum):
    """The first nine answer one call; STALL silences the feeds of every websocket."""

    MESSAGE = "MESSAGE"
    STATUS = "STATUS"
    HANG = "HANG"
    GHOST = "GHOST"
    PARTIAL = "PARTIAL"
    APPEAR = "APPEAR"
    MALFORMED = "MALFORMED"
    SKEW = "SKEW"
    REVOKED = "REVOKED"
    MAINTENANCE = "MAINTENANCE"
    STALL = "STALL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One scripted failure.

    :param call: the verb that it befalls; None befalls any
    :param times: how many calls it befalls; None befalls all until it is cleared
    :param status: of STATUS and GHOST
    :param message: of MESSAGE: the venue's own error text or code
    :param amount: of PARTIAL, how many orders are cancelled; of SKEW, by how many seconds the
        venue's clock is ahead
    """

    kind: FaultKind
    call: Verb | None = None
    times: int | None = 1
    status: int = 504
    message: str = ""
    amount: int = 1

    def befalls(self, verb: Verb, *, is_private: bool) -> bool:
        """Return whether this call fails; a revoked key does not matter to public calls."""
        is_of_socket = self.kind is FaultKind.STALL
        is_harmless = self.kind is FaultKind.REVOKED and not is_private
        return self.call in {None, verb} and not is_of_socket and not is_harmless


class Faults:
    """The script; a test adds to it while the venue's thread uses it up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Fault, int | None]] = []

    def add(self, fault: Fault) -> None:
        """Let it befall from now on, after those that were added before."""
        with self._lock:
            self._left.append((fault, fault.times))

    def clear(self) -> None:
        """Let everything go well from now on."""
        with self._lock:
            self._left.clear()

    @property
    def is_stalled(self) -> bool:
        """Whether websockets stay open and tell nothing."""
        with self._lock:
            return any(fault.kind is FaultKind.STALL for fault, _ in self._left)

    def take(self, verb: Verb, *, is_private: bool) -> Fault | None:
        """Use up one call of the first fault that befalls it."""
        with self._lock:
            for index, (fault, left) in enumerate(self._left):
                if fault.befalls(verb, is_private=is_private):
                    self._use_up(index, fault, left)
                    return fault
        return None

    def _use_up(self, index: int, fault: Fault, left: int | None) -> None:
        if left is None:
            return
        if left > 1:
            self._left[index] = (fault, left - 1)
        else:
            del self._left[index]
