"""What passes between a client and an emulated venue."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from urllib.parse import parse_qsl

from oms.domain.credentials import Credentials
from tests.emulators.faults import Faults, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that arrived; without its query, body and headers, so without secrets."""

    verb: Verb
    path: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One API key that the venue knows."""

    credentials: Credentials
    may_trade: bool = True
    may_withdraw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the venue answers."""

    body: object
    status: int = 200


class Refused(Exception):
    """The venue answers this instead of acting."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as it came off the wire.

    :param query_text: raw, as it was signed
    :param at: the venue's clock, wrong by as much as a SKEW fault says
    :param at_most: how many orders a PARTIAL fault lets it cancel
    """

    method: str
    path: str
    query_text: str
    body: str
    headers: Mapping[str, str]
    at: datetime
    is_skewed: bool = False
    at_most: int | None = None
    parts: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def query(self) -> dict[str, str]:
        """Parameters of the address."""
        return dict(parse_qsl(self.query_text, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """Parameters of a body that is a form."""
        return dict(parse_qsl(self.body, keep_blank_values=True))

    def values(self, name: str) -> list[str]:
        """Return every value of a parameter that the address or the form repeats."""
        pairs = parse_qsl(self.query_text) + parse_qsl(self.body)
        return [value for key, value in pairs if key == name]

    def json(self) -> object:
        """Return the body that is JSON."""
        return json.loads(self.body or "{}")


@dataclass(frozen=True, kw_only=True)
class Route:
    """One endpoint.

    :param path: with {names} for the parts that vary; they become Request.parts
    :param handle: returns the body of the answer, or a whole Reply
    """

    method: str
    path: str
    verb: Verb
    handle: Callable[[Request], object]
    is_private: bool = False
    is_trading: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the varying parts, or None for another endpoint."""
        found = self.pattern.fullmatch(path) if method == self.method else None
        return found.groupdict() if found else None


@dataclass(kw_only=True, eq=False)
class Session:
    """One websocket: what it subscribed to and what is on its way to it.

    :param topics: subscriptions in the venue's own words; the subclass decides their shape
    :param notes: anything else that the venue remembers of the connection
    """

    faults: Faults
    topics: set[tuple[str, ...]] = field(default_factory=set)
    notes: dict[str, str] = field(default_factory=dict)
    outbox: asyncio.Queue[str | bytes] = field(default_factory=asyncio.Queue)

    def reply(self, frame: object) -> None:
        """Answer a request: pongs and acknowledgements come even from a stalled venue."""
        self.outbox.put_nowait(frame if isinstance(frame, bytes) else json.dumps(frame))

    def push(self, frame: object) -> None:
        """Tell news, unless the venue is stalled."""
        if not self.faults.is_stalled:
            self.reply(frame)
