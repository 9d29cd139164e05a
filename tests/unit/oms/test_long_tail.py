"""Venues without a file of their own: every scope is asked for, and no failure is called empty."""

from collections.abc import Callable
from typing import Any

import ccxt
import pytest

from oms.domain.orders import CancelAnswer, OrderType
from oms.venues.base import Rejected, Retryable, Unknown, Unsupported, VenueError
from oms.venues.ccxt.capabilities import TABLE, Capabilities, capabilities_of
from oms.venues.ccxt.market import CancelAll
from oms.venues.ccxt.unified import Unified
from portfolio.domain.holdings import AccountKind

LONG_TAIL = {key: row for key, row in TABLE.items() if issubclass(row.market, Unified)}
VENUES = [pytest.param(key, row, id="-".join(key)) for key, row in LONG_TAIL.items()]
UNIFIED = {
    CancelAll.NATIVE: "cancelAllOrders",
    CancelAll.PER_SYMBOL: "cancelAllOrders",
    CancelAll.BY_ID: "cancelOrders",
}


class FakeClient:
    """Answers ccxt's calls from a script and remembers them.

    :param orders: what each listing of open orders answers, in turn; an error is raised
    """

    exchange = "venue"

    def __init__(self, *orders: object, has_batch: bool = True) -> None:
        self.orders = list(orders)
        self.has_batch = has_batch
        self.calls: list[tuple[Any, ...]] = []
        self.raw_ids: tuple[str, ...] = ()

    def ask(self, call: str, *arguments: object, is_public: bool = False) -> object:
        self.calls.append((call, *arguments))
        if call != "fetch_open_orders":
            return {}
        answer = self.orders.pop(0) if self.orders else []
        if isinstance(answer, VenueError):
            raise answer
        return answer

    def can(self, call: str) -> bool:
        return self.has_batch

    def ids_of_last_answer(self) -> tuple[str, ...]:
        return self.raw_ids

    def now(self) -> object:
        return None


def order(order_id: str, **fields: object) -> dict[str, object]:
    return {
        "id": order_id,
        "symbol": "BTC/USDT",
        "side": "buy",
        "price": "55000.5",
        "remaining": "0.1",
        "timestamp": 1_700_000_000_000,
        "triggerPrice": None,
        **fields,
    }


def market(client: FakeClient, *, scopes: int = 1, by: CancelAll = CancelAll.NATIVE) -> Unified:
    places = tuple({"scope": number} for number in range(scopes))
    kind = type("Tail", (Unified,), {"scopes": places, "cancel_by": by})
    made: Unified = kind(client)
    return made


@pytest.mark.parametrize(("key", "row"), VENUES)
def test_none_is_called_proven(key: tuple[str, AccountKind], row: Capabilities) -> None:
    assert not row.is_proven
    assert any("never proven here" in limit for limit in row.limits)


@pytest.mark.parametrize(("key", "row"), VENUES)
def test_ccxt_has_the_call_that_the_recipe_needs(
    key: tuple[str, AccountKind], row: Capabilities
) -> None:
    api = getattr(ccxt, key[0])()

    assert api.has["fetchOpenOrders"]
    assert api.has[UNIFIED[row.cancel_all]] or api.has["cancelOrder"]


def test_a_market_that_nobody_knows_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="nosuchvenue"):
        capabilities_of(exchange="nosuchvenue", kind=AccountKind.SPOT)


def test_every_scope_is_listed() -> None:
    client = FakeClient([order("1")], [order("2", triggerPrice="50000")])

    listing = market(client, scopes=2).open_orders()

    assert listing.is_complete
    assert [(row.id, row.type) for row in listing.orders] == [
        ("1", OrderType.LIMIT),
        ("2", OrderType.STOP),
    ]
    assert [call[-1] for call in client.calls] == [{"scope": 0}, {"scope": 1}]


def test_a_scope_that_fails_leaves_the_listing_incomplete() -> None:
    client = FakeClient([order("1")], Retryable("slow down"))

    listing = market(client, scopes=2).open_orders()

    assert len(listing.orders) == 1
    assert not listing.is_complete


def test_where_every_scope_fails_there_is_no_listing() -> None:
    client = FakeClient(Retryable("slow down"), Unknown("nothing"))

    with pytest.raises(Retryable):
        market(client, scopes=2).open_orders()


@pytest.mark.parametrize(
    "broken", [{"side": None}, {"remaining": 0.1}, {"remaining": "many"}, {"timestamp": None}]
)
def test_an_order_that_cannot_be_read_keeps_its_id(broken: dict[str, object]) -> None:
    client = FakeClient([order("1", **broken)])

    listing = market(client).open_orders()

    assert [row.id for row in listing.orders] == ["1"]
    assert not listing.is_complete


def test_where_ccxt_crashed_the_raw_ids_are_kept() -> None:
    client = FakeClient(Unknown("unverified, the answer could not be read: TypeError"))
    client.raw_ids = ("A", "B")

    listing = market(client).open_orders()

    assert [row.id for row in listing.orders] == ["A", "B"]
    assert not listing.is_complete


def test_a_time_out_is_not_read_from_the_answer_before_it() -> None:
    client = FakeClient(Unknown("no answer within 4 s"))
    client.raw_ids = ("A",)

    with pytest.raises(Unknown):
        market(client).open_orders()


def test_a_native_cancel_asks_in_every_scope() -> None:
    client = FakeClient()

    market(client, scopes=2).cancel_all()

    assert client.calls == [
        ("cancel_all_orders", None, {"scope": 0}),
        ("cancel_all_orders", None, {"scope": 1}),
    ]


def test_a_cancel_by_symbol_asks_where_something_is_open() -> None:
    client = FakeClient([order("1"), order("2", symbol="ETH/USDT")], [order("3")])

    market(client, scopes=2, by=CancelAll.PER_SYMBOL).cancel_all()

    assert client.calls[2:] == [
        ("cancel_all_orders", "BTC/USDT", {"scope": 0}),
        ("cancel_all_orders", "ETH/USDT", {"scope": 0}),
        ("cancel_all_orders", "BTC/USDT", {"scope": 1}),
    ]


def test_a_cancel_by_id_names_every_order_with_its_symbol() -> None:
    client = FakeClient([order("1"), order("2"), order("3", symbol="ETH/USDT")])

    market(client, by=CancelAll.BY_ID).cancel_all()

    assert client.calls[1:] == [
        ("cancel_orders", ["1", "2"], "BTC/USDT", {"scope": 0}),
        ("cancel_order", "3", "ETH/USDT", {"scope": 0}),
    ]


def test_an_order_that_is_not_listed_has_an_unknown_end() -> None:
    client = FakeClient([order("1")])

    answers = market(client).cancel_orders(["1", "9"])

    assert answers == {"1": CancelAnswer.ACCEPTED, "9": CancelAnswer.UNKNOWN}


@pytest.mark.parametrize(
    "close",
    [
        lambda tail: tail.reduce(None, None),
        lambda tail: tail.find_order(client_id="1", instrument=None),
    ],
)
def test_nothing_is_closed_there(close: Callable[[Unified], object]) -> None:
    with pytest.raises(Unsupported, match="never proven"):
        close(market(FakeClient()))


def test_one_cancel_that_is_refused_does_not_stop_the_others() -> None:
    class Refusing(FakeClient):
        def ask(self, call: str, *arguments: object, is_public: bool = False) -> object:
            answer = super().ask(call, *arguments, is_public=is_public)
            if call == "cancel_order" and arguments[0] == "1":
                raise Rejected("no")
            return answer

    client = Refusing([order("1"), order("2")], has_batch=False)

    answers = market(client).cancel_orders(["1", "2"])

    assert answers == {"1": CancelAnswer.FAILED, "2": CancelAnswer.ACCEPTED}


@pytest.mark.parametrize(("key", "row"), VENUES)
def test_where_orders_may_be_open_that_nothing_shows_no_account_is_told_to_be_empty(
    key: tuple[str, AccountKind], row: Capabilities
) -> None:
    market: type[Unified] = row.market  # type: ignore[assignment]
    says_so = any("only" in limit or "not read" in limit for limit in row.limits)

    listing = market(FakeClient()).open_orders()  # type: ignore[arg-type]

    assert listing.orders == ()
    assert listing.is_complete is market.lists_all
    assert market.lists_all or says_so
