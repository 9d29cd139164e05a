"""Kraken Futures, as far as its REST interface is used here. It asks for no nonce."""

import base64
import hmac
import json
import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from tests.emulators import kraken_futures_stream
from tests.emulators.book import Book
from tests.emulators.faults import FaultKind
from tests.emulators.kraken_futures_names import (
    INSTRUMENTS,
    contract_of,
    wallet_of,
)
from tests.emulators.kraken_futures_told import (
    stamp,
    told_instrument,
    told_ticker,
)
from tests.emulators.kraken_futures_trading import KrakenFuturesTrading
from tests.emulators.kraken_futures_wallets import told_accounts
from tests.emulators.kraken_futures_wire import claimed_signature, get, private, signature
from tests.emulators.orders import BookRefusal, Reason
from tests.emulators.watched import Change
from tests.emulators.wire import Key, Refused, Reply, Request, Route, Session

_REFUSALS = {
    Reason.INSUFFICIENT_FUNDS: "insufficientAvailableFunds",
    Reason.DUPLICATE_CLIENT_ID: "clientOrderIdAlreadyExist",
    Reason.NOTHING_TO_REDUCE: "wouldNotReducePosition",
}


class KrakenFuturesEmulator(KrakenFuturesTrading):
    """One account with its flex, coin-margined and cash wallets."""

    fault_messages: ClassVar = {
        FaultKind.REVOKED: "authenticationError",
        FaultKind.MAINTENANCE: "Unavailable",
        FaultKind.SKEW: "nonceBelowThreshold",
    }
    no_permission = "accessDenied"
    socket_path = "/ws/v1"

    def __init__(self, *, latency: timedelta = timedelta(0)) -> None:
        super().__init__(book=Book(new_id=_order_id, settles_in=wallet_of), latency=latency)
        self.account_uid = str(uuid.uuid4())

    def routes(self) -> Sequence[Route]:
        return [
            get("instruments", "markets", self._instruments),
            get("tickers", "quotes", self._tickers),
            get("tickers/{symbol}", "quotes", self._ticker),
            private("GET", "accounts", "balances", self._accounts),
            private("GET", "openpositions", "positions", self._positions),
            *self.order_routes(),
            Route(
                method="GET",
                path="/api/auth/v1/api-keys/v3/check",
                verb="permissions",
                handle=self._key_info,
                is_private=True,
            ),
        ]

    def new_secret(self) -> str:
        return base64.b64encode(secrets.token_bytes(64)).decode()

    def authenticate(self, request: Request) -> Key:
        key = self.keys.get(request.headers.get("APIKey", ""))
        if key is None or not hmac.compare_digest(
            signature(key, request), claimed_signature(request)
        ):
            raise Refused(self.error("authenticationError"))
        return key

    def error(self, message: str) -> Reply:
        return Reply(body={"result": "error", "error": message, "serverTime": stamp(self.clock())})

    def refusal(self, refusal: BookRefusal) -> Reply:
        status = {"status": _REFUSALS[refusal.reason], "orderEvents": []}
        return Reply(body=self.success(sendStatus=status))

    def receive(self, session: Session, text: str) -> None:
        kraken_futures_stream.receive(self, session, json.loads(text))

    def broadcast(self, session: Session, change: Change) -> None:
        kraken_futures_stream.broadcast(self, session, change)

    def _instruments(self, _request: Request) -> object:
        index = {"symbol": "in_xbtusd", "type": "spot index", "tradeable": False}
        return self.success(instruments=[*map(told_instrument, INSTRUMENTS), index])

    def _tickers(self, request: Request) -> object:
        return self.success(
            tickers=[
                told_ticker(row, self.book.prices[row.instrument], at=request.at)
                for row in INSTRUMENTS
                if row.instrument in self.book.prices
            ]
        )

    def _ticker(self, request: Request) -> object:
        row = self.contract(request.parts["symbol"])
        price = self.book.prices[row.instrument]
        return self.success(ticker=told_ticker(row, price, at=request.at))

    def _accounts(self, _request: Request) -> object:
        return self.success(accounts=told_accounts(self.book))

    def _positions(self, request: Request) -> object:
        return self.success(
            openPositions=[
                {
                    "side": side.lower(),
                    "symbol": contract_of(instrument).id,
                    "price": float(position.entry_price),
                    "fillTime": stamp(request.at),
                    "size": float(position.quantity),
                    "unrealizedFunding": 0,
                }
                for (instrument, side), position in list(self.book.positions.items())
            ]
        )

    def _key_info(self, request: Request) -> object:
        key = self.keys[request.headers["APIKey"]]
        return {
            "apiKey": key.credentials.key,
            "accountUid": self.account_uid,
            "iiban": "AA08 N84G CPAR UN7A",
            "createdAt": "2026-03-03T13:01:40Z",
            "permissions": {
                "general": "FULL_ACCESS" if key.may_trade else "READ_ONLY",
                "transfer": "FULL_ACCESS" if key.may_withdraw else "NO_ACCESS",
            },
            "allowedCidrBlock": None,
            "allowedCidrBlocks": [],
        }


def _order_id(number: int) -> str:
    return str(uuid.UUID(int=number << 64 | 1))
