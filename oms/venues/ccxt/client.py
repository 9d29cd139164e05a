"""One signed connection to an exchange: ccxt as the signer and sender of raw calls."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

import ccxt
import requests

from oms.domain.credentials import Credentials
from oms.venues.base import TIMEOUT, Unknown, VenueError
from oms.venues.ccxt.errors import RAISED, translate

# Both write addresses with signatures, and ccxt its headers, when debug logging is on.
logging.getLogger("ccxt").setLevel(logging.WARNING)
logging.getLogger("urllib3").setLevel(logging.WARNING)

ORDER_IDS = ("orderId", "order_id", "ordId", "algoId", "oid", "id")

Turn = Callable[[float], AbstractContextManager[int]]

_sessions: dict[tuple[object, ...], requests.Session] = {}


class Client:
    """Asks one exchange with one key; every error is one of the port's, without secrets.

    :param options: ccxt's own, beside those that are set here
    :param lane: whose connections are kept open: calls in an emergency share none with readings
    :param turn: gives this key's next nonce and keeps every other process from using it, waiting
        at most so many seconds; None where the venue wants no nonce
    """

    def __init__(
        self,
        *,
        exchange: str,
        credentials: Credentials,
        lane: tuple[object, ...],
        is_throttled: bool,
        options: Mapping[str, Any],
        turn: Turn | None = None,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.exchange = exchange
        self._secrets = (credentials.key, credentials.secret, credentials.passphrase)
        self._turn = turn
        self._ticks = ticks
        self._until: float | None = None
        self._api = getattr(ccxt, exchange)(
            {
                "apiKey": credentials.key,
                "secret": credentials.secret,
                "password": credentials.passphrase,
                "enableRateLimit": is_throttled,
                "enableLastJsonResponse": True,
                "session": _sessions.setdefault((exchange, *lane), requests.Session()),
                **options,
            }
        )
        self._api.on_json_response = _exact
        self._api.number = str

    @property
    def urls(self) -> dict[str, Any]:
        """ccxt's addresses of this exchange, to be pointed elsewhere."""
        addresses: dict[str, Any] = self._api.urls["api"]
        return addresses

    def now(self) -> datetime:
        """Return the wall clock's time."""
        return datetime.now(UTC)

    def code_of(self, asset: str) -> str:
        """Return ccxt's name of an asset that the venue calls so."""
        return str(self._api.safe_currency_code(asset))

    def can(self, call: str) -> bool:
        """Return whether ccxt says that it has a unified call."""
        return self._api.has.get(call) is True

    def ids_of_last_answer(self) -> tuple[str, ...]:
        """Return the order ids in the last raw answer, for when ccxt could not read it."""
        return tuple(dict.fromkeys(_ids_in(self._api.last_json_response)))

    @contextmanager
    def within_time(self) -> Iterator[None]:
        """Let all calls inside end within TIMEOUT together; an outer one goes on counting."""
        if self._until is not None:
            yield
            return
        self._until = self._ticks() + TIMEOUT.total_seconds()
        try:
            yield
        finally:
            self._until = None

    def ask(self, call: str, *arguments: object, is_public: bool = False) -> Any:  # noqa: ANN401
        """Return the venue's raw answer to one of ccxt's calls.

        :raises VenueError: for whatever comes of it
        """
        with self.within_time():
            if self._turn is None or is_public:
                return self._ask(call, arguments)
            with self._turn(self._left()) as nonce:
                self._api.incrementing_nonce = lambda: nonce
                return self._ask(call, arguments)

    def _ask(self, call: str, arguments: tuple[object, ...]) -> Any:  # noqa: ANN401
        self._api.timeout = int(self._left() * 1000)
        failure = None
        try:
            return getattr(self._api, call)(*arguments)
        except VenueError:
            raise
        except RAISED as error:
            failure = translate(error, secrets=self._secrets)
        # Outside the handler: ccxt's error, whose text has signatures, is no context of ours.
        raise failure

    def _left(self) -> float:
        until = self._until
        left = 0 if until is None else until - self._ticks()
        if left <= 0:
            raise Unknown(f"no answer within {TIMEOUT.total_seconds():g} s")
        return left


def _ids_in(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _ids_in(item)
    elif isinstance(value, dict):
        named = [value[key] for key in ORDER_IDS if isinstance(value.get(key), str | int)]
        yield from map(str, named[:1])
        for item in value.values():
            yield from _ids_in(item)


def _exact(text: str) -> Any:  # noqa: ANN401
    """Read JSON with every fraction as its own text: no number passes through a float."""
    return json.loads(text, parse_float=str, parse_constant=_refuse)


def _refuse(constant: str) -> str:
    raise ValueError(f"{constant} is no number of JSON")
