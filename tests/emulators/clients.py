"""ccxt's exchanges, pointed at emulated venues."""

from collections.abc import Callable
from typing import Any, Protocol

import pytest

from oms.domain.credentials import Credentials
from tests.emulators.server import Emulator


class Client(Protocol):
    """An exchange of ccxt, as tests call it."""

    urls: dict[str, Any]
    options: dict[str, Any]
    nonce: Callable[[], int]
    timeout: int

    def __getattr__(self, name: str) -> Callable[..., Any]: ...


def client(name: str, credentials: Credentials | None = None, *, is_pro: bool = False) -> Client:
    """Return an unthrottled exchange of ccxt; the pro ones are asynchronous and have sockets."""
    module = pytest.importorskip("ccxt.pro" if is_pro else "ccxt")
    options: dict[str, Any] = {"enableRateLimit": False}
    if credentials is not None:
        options |= {"apiKey": credentials.key, "secret": credentials.secret}
    made: Client = getattr(module, name)(options)
    return made


def kraken_client(
    venue: Emulator, credentials: Credentials | None = None, *, is_pro: bool = False
) -> Client:
    """Return a client of an emulated Kraken spot market."""
    exchange = client("kraken", credentials, is_pro=is_pro)
    exchange.urls["api"]["public"] = exchange.urls["api"]["private"] = venue.urls["rest"]
    if is_pro:
        sockets = ("public", "private", "publicV2", "privateV2")
        exchange.urls["api"]["ws"] = dict.fromkeys(sockets, venue.urls["ws"])
    return exchange


def kraken_futures_client(
    venue: Emulator, credentials: Credentials | None = None, *, is_pro: bool = False
) -> Client:
    """Return a client of an emulated Kraken Futures."""
    exchange = client("krakenfutures", credentials, is_pro=is_pro)
    for room, url in exchange.urls["api"].items():
        if isinstance(url, str):
            exchange.urls["api"][room] = url.replace(
                "https://futures.kraken.com", venue.urls["rest"]
            )
    if is_pro:
        exchange.urls["api"]["ws"] = venue.urls["ws"]
    return exchange


def mexc_client(
    venue: Emulator, credentials: Credentials | None = None, *, market: str, is_pro: bool = False
) -> Client:
    """Return a client of one emulated market of MEXC.

    :param market: spot or swap
    """
    exchange = client("mexc", credentials, is_pro=is_pro)
    exchange.options["defaultType"] = market
    rest, api = venue.urls["rest"], exchange.urls["api"]
    api["spot"] = {"public": rest, "private": rest}
    api["contract"] = {
        "public": f"{rest}/api/v1/contract",
        "private": f"{rest}/api/v1/private",
    }
    if is_pro:
        api["ws"] = {"spot": venue.urls["ws"], "swap": venue.urls["ws"]}
    return exchange
