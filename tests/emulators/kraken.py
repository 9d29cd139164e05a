"""Kraken's spot market, as far as its REST interface is used here.

Errors are texts in a list, with status 200. The nonce of a key has to rise with every call.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

from portfolio.domain.holdings import Side, symbol_of
from riskconsole.kernel.numbers import plain_text
from tests.emulators import kraken_stream
from tests.emulators.book import Book
from tests.emulators.faults import FaultKind
from tests.emulators.kraken_names import ASSETS, PAIRS, asset_id, pair_of
from tests.emulators.kraken_told import (
    held_by,
    told_pair,
    told_ticker,
)
from tests.emulators.kraken_trading import KrakenTrading
from tests.emulators.kraken_wire import (
    claimed_signature,
    parameters,
    private,
    public,
    result,
    signature,
)
from tests.emulators.orders import ZERO, BookRefusal, Reason
from tests.emulators.watched import Change
from tests.emulators.wire import Key, Refused, Reply, Request, Route, Session

TOKEN_SECONDS = 900

_REFUSALS = {
    Reason.INSUFFICIENT_FUNDS: "EOrder:Insufficient funds",
    Reason.DUPLICATE_CLIENT_ID: "EOrder:Duplicate client order id",
    Reason.NOTHING_TO_REDUCE: "EOrder:Reduce only:No position exists",
}


class KrakenEmulator(KrakenTrading):
    """One spot account; margin positions are what the book holds of pairs."""

    fault_messages: ClassVar = {
        FaultKind.REVOKED: "EAPI:Invalid key",
        FaultKind.MAINTENANCE: "EService:Unavailable",
    }
    no_permission = "EGeneral:Permission denied"
    socket_path = "/v2"

    def __init__(self, *, latency: timedelta = timedelta(0)) -> None:
        super().__init__(book=Book(new_id=_txid), latency=latency)
        self.tokens: set[str] = set()
        self.nonces: dict[str, int] = {}

    def routes(self) -> Sequence[Route]:
        return [
            public("Time", "time", self._time),
            public("SystemStatus", "time", self._system_status),
            public("Assets", "markets", self._assets),
            public("AssetPairs", "markets", self._pairs),
            public("Ticker", "quotes", self._ticker),
            private("BalanceEx", "balances", self._balances),
            private("TradeBalance", "balances", self._trade_balance),
            private("OpenPositions", "positions", self._positions),
            private("GetApiKeyInfo", "permissions", self._key_info),
            private("GetWebSocketsToken", "stream_token", self._token),
            *self.order_routes(),
        ]

    def new_secret(self) -> str:
        return base64.b64encode(secrets.token_bytes(64)).decode()

    def authenticate(self, request: Request) -> Key:
        key = self.keys.get(request.headers.get("API-Key", ""))
        if key is None:
            raise Refused(self.error("EAPI:Invalid key"))
        nonce = str(parameters(request).get("nonce", ""))
        if not hmac.compare_digest(signature(key, request, nonce), claimed_signature(request)):
            raise Refused(self.error("EAPI:Invalid signature"))
        self._use_nonce(key, nonce, is_skewed=request.is_skewed)
        return key

    def error(self, message: str) -> Reply:
        return Reply(body={"error": [message]})

    def refusal(self, refusal: BookRefusal) -> Reply:
        return self.error(_REFUSALS[refusal.reason])

    def receive(self, session: Session, text: str) -> None:
        kraken_stream.receive(self, session, json.loads(text))

    def broadcast(self, session: Session, change: Change) -> None:
        kraken_stream.broadcast(self, session, change)

    def _use_nonce(self, key: Key, nonce: str, *, is_skewed: bool) -> None:
        """Take a nonce; to a skewed clock every nonce is one of the past."""
        last = self.nonces.get(key.credentials.key, 0)
        if not nonce.isdigit() or int(nonce) <= last or is_skewed:
            raise Refused(self.error("EAPI:Invalid nonce"))
        self.nonces[key.credentials.key] = int(nonce)

    def _time(self, request: Request) -> object:
        return result({"unixtime": int(request.at.timestamp()), "rfc1123": f"{request.at:%c}"})

    def _system_status(self, request: Request) -> object:
        return result({"status": "online", "timestamp": request.at.isoformat()})

    def _assets(self, _request: Request) -> object:
        return result(
            {
                id_: {
                    "aclass": "currency",
                    "altname": altname,
                    "decimals": 10,
                    "display_decimals": 5,
                    "status": "enabled",
                }
                for id_, altname in ASSETS.values()
            }
        )

    def _pairs(self, _request: Request) -> object:
        return result({pair.id: told_pair(pair) for pair in PAIRS})

    def _ticker(self, request: Request) -> object:
        names = request.query.get("pair", "")
        pairs = [self.pair(name) for name in names.split(",")] if names else PAIRS
        return result(
            {
                pair.id: told_ticker(self.book.prices[pair.instrument])
                for pair in pairs
                if pair.instrument in self.book.prices
            }
        )

    def _balances(self, _request: Request) -> object:
        held = held_by(self.book.open_orders())
        return result(
            {
                asset_id(code): {
                    "balance": plain_text(total),
                    "hold_trade": plain_text(held.get(code, ZERO)),
                }
                for code, total in self.book.balances.items()
            }
        )

    def _trade_balance(self, _request: Request) -> object:
        balance = sum(map(self._in_dollars, self.book.balances), ZERO)
        profit = sum((self.book.pnl(*key) for key in self._margin_keys()), ZERO)
        return result(
            {
                "eb": plain_text(balance),
                "tb": plain_text(balance),
                "m": "0",
                "n": plain_text(profit),
                "c": "0",
                "v": "0",
                "e": plain_text(balance + profit),
                "mf": plain_text(balance + profit),
            }
        )

    def _in_dollars(self, code: str) -> Decimal:
        base = code.partition(".")[0]
        price = Decimal(1) if base == "USD" else self.book.prices.get(f"{base}/USD", ZERO)
        return self.book.balances[code] * price

    def _margin_keys(self) -> list[tuple[str, Side]]:
        return [key for key in self.book.positions if not symbol_of(key[0]).settle]

    def _positions(self, request: Request) -> object:
        rows = [self._told_position(*key) for key in self._margin_keys()]
        if request.form.get("consolidation") == "market":
            return result(rows)
        return result({f"T{number:05}-POSIT": row for number, row in enumerate(rows, 1)})

    def _told_position(self, instrument: str, side: Side) -> dict[str, str]:
        position = self.book.positions[instrument, side]
        cost = plain_text(position.quantity * position.entry_price)
        return {
            "pair": pair_of(instrument).id,
            "positions": "1",
            "type": "buy" if side is Side.LONG else "sell",
            "leverage": "2.00000",
            "cost": cost,
            "fee": "0",
            "vol": plain_text(position.quantity),
            "vol_closed": "0",
            "margin": cost,
            "net": plain_text(self.book.pnl(instrument, side)),
        }

    def _key_info(self, request: Request) -> object:
        key = self.keys[request.headers["API-Key"]]
        rights = ["query-funds", "query-open-trades", "query-closed-trades"]
        rights += ["modify-trades", "close-trades"] if key.may_trade else []
        rights += ["withdraw-funds"] if key.may_withdraw else []
        return result(
            {
                "apiKeyName": "emulated",
                "apiKey": key.credentials.key,
                "nonce": request.form["nonce"],
                "nonceWindow": 0,
                "permissions": rights,
                "iban": "AA88 N84G WOAK NMOI",
                "validUntil": "0",
                "queryFrom": "0",
                "queryTo": "0",
                "createdTime": "1772542900",
                "modifiedTime": "1772543095",
                "ipAllowlist": [],
                "lastUsed": str(int(request.at.timestamp())),
            }
        )

    def _token(self, _request: Request) -> object:
        token = secrets.token_urlsafe(24)
        self.tokens.add(token)
        return result({"token": token, "expires": TOKEN_SECONDS})


def _txid(number: int) -> str:
    return f"O{number:05}-EMULA-TEDXX"
