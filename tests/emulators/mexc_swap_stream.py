"""The websocket of MEXC swap: tickers for everybody, the account for who signed in."""

import json
import threading
from typing import Any

from portfolio.domain.holdings import Side
from tests.emulators.mexc import MexcEmulator, is_signed, millis
from tests.emulators.mexc_swap_told import (
    asset_row,
    closed_row,
    deal_row,
    is_plan,
    order_row,
    plan_row,
    position_row,
    ticker_row,
)
from tests.emulators.orders import Order
from tests.emulators.watched import Change, Topic
from tests.emulators.wire import Session

TICKERS = ("tickers",)
PERSONAL = ("personal",)


class MexcSwapStream(MexcEmulator):
    """What /edge says. Who signed in is told of assets, positions and orders without asking."""

    # Set as soon as anyone signed in: what changes from then on is told.
    signed_in: threading.Event

    socket_path = "/edge"

    def receive(self, session: Session, text: str) -> None:
        message = json.loads(text)
        method, param = message["method"], message.get("param") or {}
        if method == "ping":
            session.reply(self._frame("pong", millis(self.clock())))
        elif method == "login":
            self._sign_in(session, param)
        elif method.startswith("unsub."):
            session.topics.discard(_topic(method.removeprefix("unsub."), param))
            session.reply(self._frame(f"rs.{method}", "success"))
        else:
            self._subscribe(session, method, param)

    def broadcast(self, session: Session, change: Change) -> None:
        if change.topic is Topic.PRICE:
            self._tell_price(session, change.key)
        elif PERSONAL in session.topics:
            self._tell_account(session, change)

    def _sign_in(self, session: Session, param: dict[str, Any]) -> None:
        name, stamp = str(param.get("apiKey", "")), str(param.get("reqTime", ""))
        key = self.keys.get(name)
        signature = str(param.get("signature", ""))
        if key is None or not is_signed(
            name + stamp, secret=key.credentials.secret, signature=signature
        ):
            session.reply(self._frame("rs.error", "Login failed"))
            return
        session.topics.add(PERSONAL)
        self.signed_in.set()
        session.reply(self._frame("rs.login", "success"))

    def _subscribe(self, session: Session, method: str, param: dict[str, Any]) -> None:
        """Acknowledge, and tell the present state at once as the venue does."""
        topic = _topic(method.removeprefix("sub."), param)
        session.topics.add(topic)
        session.reply(self._frame(f"rs.{method}", "success"))
        priced = {self.id_of(name): name for name in self.priced()}
        if topic == TICKERS:
            rows = [self._ticker(name) for name in priced.values()]
            session.push(self._frame("push.tickers", rows))
        elif topic[0] == "ticker" and topic[-1] in priced:
            self._tell_price(session, priced[topic[-1]])

    def _tell_price(self, session: Session, instrument: str) -> None:
        symbol = self.id_of(instrument)
        row = self._ticker(instrument)
        if ("ticker", symbol) in session.topics:
            session.push({**self._frame("push.ticker", row), "symbol": symbol})
        if TICKERS in session.topics:
            session.push(self._frame("push.tickers", [row]))

    def _ticker(self, instrument: str) -> dict[str, object]:
        price = self.book.prices[instrument]
        return ticker_row(self.id_of(instrument), price, at=millis(self.clock()))

    def _tell_account(self, session: Session, change: Change) -> None:
        if change.topic is Topic.BALANCE:
            row = asset_row(self.book, change.key)
            session.push(self._frame("push.personal.asset", row))
        elif change.topic is Topic.POSITION:
            for side in Side:
                row = self._position(change.key, side)
                session.push(self._frame("push.personal.position", row))
        else:
            self._tell_order(session, self.book.find(change.key))

    def _tell_order(self, session: Session, order: Order) -> None:
        symbol = self.id_of(order.instrument)
        if is_plan(order):
            row = plan_row(order, symbol=symbol)
            session.push(self._frame("push.personal.plan.order", row))
            return
        session.push(self._frame("push.personal.order", order_row(order, symbol=symbol)))
        if order.filled:
            session.push(self._frame("push.personal.order.deal", deal_row(order, symbol=symbol)))

    def _position(self, instrument: str, side: Side) -> dict[str, object]:
        symbol = self.id_of(instrument)
        with self.book.lock:
            if (instrument, side) in self.book.positions:
                return position_row(self.book, instrument, side, symbol=symbol)
        return closed_row(side, symbol=symbol)

    def _frame(self, channel: str, data: object) -> dict[str, object]:
        return {"channel": channel, "data": data, "ts": millis(self.clock())}


def _topic(name: str, param: dict[str, Any]) -> tuple[str, ...]:
    return (name, param["symbol"]) if "symbol" in param else (name,)
