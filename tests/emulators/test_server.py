"""What every emulated venue does, shown by the smallest one."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from http.client import HTTPConnection
from typing import ClassVar

import pytest

from oms.domain.orders import OrderSide, OrderType
from tests.emulators.faults import Fault, FaultKind
from tests.emulators.orders import BookRefusal
from tests.emulators.server import HOST, Emulator
from tests.emulators.watched import Change
from tests.emulators.wire import Key, Refused, Reply, Request, Route, Session


class TinyEmulator(Emulator):
    """Lists and cancels; the key in the clear is the signature."""

    fault_messages: ClassVar = {FaultKind.REVOKED: "no key", FaultKind.MAINTENANCE: "shut"}
    no_permission = "may not"

    def routes(self) -> Sequence[Route]:
        return [
            Route(method="GET", path="/price/{asset}", verb="quotes", handle=self._price),
            Route(
                method="GET", path="/orders", verb="open_orders", handle=self._list, is_private=True
            ),
            Route(
                method="POST",
                path="/cancel",
                verb="cancel_all",
                handle=self._cancel,
                is_private=True,
                is_trading=True,
            ),
        ]

    def authenticate(self, request: Request) -> Key:
        key = self.keys.get(request.headers.get("Key", ""))
        if key is None or request.is_skewed:
            raise Refused(self.error("no key"))
        return key

    def error(self, message: str) -> Reply:
        return Reply(body={"error": message}, status=400)

    def refusal(self, refusal: BookRefusal) -> Reply:
        return self.error(refusal.reason)

    def receive(self, session: Session, text: str) -> None:
        session.reply(text)

    def broadcast(self, session: Session, change: Change) -> None:
        session.push(change)

    def _price(self, request: Request) -> object:
        return str(self.book.prices[f"{request.parts['asset']}/USD"])

    def _list(self, _request: Request) -> object:
        return list(self.book.orders)

    def _cancel(self, request: Request) -> object:
        return len(self.book.cancel(at_most=request.at_most))


@pytest.fixture
def venue() -> Iterator[TinyEmulator]:
    with TinyEmulator() as venue:
        venue.book.prices["BTC/USD"] = Decimal(60000)
        for _ in range(3):
            venue.book.place(
                instrument="BTC/USD",
                side=OrderSide.BUY,
                type=OrderType.LIMIT,
                quantity=Decimal(1),
                price=Decimal(1),
            )
        yield venue


def ask(
    venue: TinyEmulator, method: str, path: str, *, key: str | None = None, timeout: float = 5
) -> tuple[int, str]:
    connection = HTTPConnection(HOST, venue.port, timeout=timeout)
    try:
        connection.request(method, path, headers={"Key": key or venue.credentials.key})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_calls_are_noted_in_order_and_without_their_query(venue: TinyEmulator) -> None:
    assert ask(venue, "GET", "/price/BTC?secret=1") == (200, '"60000"')
    assert ask(venue, "POST", "/cancel") == (200, "3")

    assert [(call.verb, call.path) for call in venue.calls] == [
        ("quotes", "/price/BTC"),
        ("cancel_all", "/cancel"),
    ]


def test_an_unknown_key_and_an_unknown_endpoint_are_refused(venue: TinyEmulator) -> None:
    assert ask(venue, "GET", "/orders", key="other")[0] == 400
    assert ask(venue, "GET", "/nothing")[0] == 404


def test_a_key_that_only_reads_cannot_cancel(venue: TinyEmulator) -> None:
    reading = venue.add_key(may_trade=False)

    assert ask(venue, "GET", "/orders", key=reading.key)[0] == 200
    assert ask(venue, "POST", "/cancel", key=reading.key) == (400, '{"error": "may not"}')
    assert len(venue.book.orders) == 3


@pytest.mark.parametrize(
    ("fault", "status", "text", "left"),
    [
        (Fault(kind=FaultKind.MESSAGE, message="busy"), 400, '{"error": "busy"}', 3),
        (Fault(kind=FaultKind.STATUS, status=502), 502, "{}", 3),
        (Fault(kind=FaultKind.MAINTENANCE), 400, '{"error": "shut"}', 3),
        (Fault(kind=FaultKind.REVOKED), 400, '{"error": "no key"}', 3),
        (Fault(kind=FaultKind.SKEW), 400, '{"error": "no key"}', 3),
        (Fault(kind=FaultKind.GHOST), 504, "{}", 0),
        (Fault(kind=FaultKind.PARTIAL, amount=2), 200, "2", 1),
        (Fault(kind=FaultKind.APPEAR), 200, "3", 1),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_a_fault_befalls_one_call(
    venue: TinyEmulator, fault: Fault, status: int, text: str, left: int
) -> None:
    venue.faults.add(fault)

    assert ask(venue, "POST", "/cancel") == (status, text)
    assert len(venue.book.orders) == left
    assert ask(venue, "POST", "/cancel") == (200, str(left))


def test_malformed_json_is_no_json(venue: TinyEmulator) -> None:
    venue.faults.add(Fault(kind=FaultKind.MALFORMED))

    with pytest.raises(json.JSONDecodeError):
        json.loads(ask(venue, "GET", "/orders")[1])


def test_a_call_that_hangs_is_never_answered_and_does_nothing(venue: TinyEmulator) -> None:
    venue.faults.add(Fault(kind=FaultKind.HANG, call="cancel_all"))

    with pytest.raises(TimeoutError):
        ask(venue, "POST", "/cancel", timeout=0.05)
    assert len(venue.book.orders) == 3


def test_a_revoked_key_leaves_public_calls_alone(venue: TinyEmulator) -> None:
    venue.faults.add(Fault(kind=FaultKind.REVOKED, times=None))

    assert ask(venue, "GET", "/price/BTC")[0] == 200
    assert [ask(venue, "GET", "/orders")[0] for _ in range(3)] == [400, 400, 400]

    venue.faults.clear()
    assert ask(venue, "GET", "/orders")[0] == 200
