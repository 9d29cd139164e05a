"""A venue on a loopback port: a thread of its own, one address for REST and websockets."""

import asyncio
import json
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import ClassVar, Self

from aiohttp import WSMsgType, web

from oms.domain.credentials import Credentials
from tests.emulators.book import Book
from tests.emulators.faults import Fault, FaultKind, Faults, Verb
from tests.emulators.orders import BookRefusal, Order
from tests.emulators.watched import Change
from tests.emulators.wire import Call, Key, Refused, Reply, Request, Route, Session

HOST = "127.0.0.1"
START_SECONDS = 10
MALFORMED = '{"result": {"broken'


class Emulator(ABC):
    """What every emulated venue shares. Use as a context manager; the state is in `book`.

    :param latency: how long each REST call takes at least
    """

    fault_messages: ClassVar[Mapping[FaultKind, str]]
    no_permission: ClassVar[str]
    socket_path: ClassVar[str] = "/ws"

    def __init__(
        self,
        *,
        book: Book | None = None,
        latency: timedelta = timedelta(0),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.book = book or Book()
        self.faults = Faults()
        self.calls: list[Call] = []
        self.keys: dict[str, Key] = {}
        self.clock = clock
        self.latency = latency
        self.credentials = self.add_key()
        self.port = 0
        self._routes = self.routes()
        self._sessions: set[Session] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = asyncio.Event()

    @property
    def urls(self) -> dict[str, str]:
        """Where the venue is, as Venue.urls tells it."""
        return {
            "rest": f"http://{HOST}:{self.port}",
            "ws": f"ws://{HOST}:{self.port}{self.socket_path}",
        }

    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """Return every endpoint."""

    @abstractmethod
    def authenticate(self, request: Request) -> Key:
        """Return the key that signed a private request.

        :raises Refused: for a wrong key, signature, nonce or clock
        """

    @abstractmethod
    def error(self, message: str) -> Reply:
        """Return the venue's way to say this error."""

    @abstractmethod
    def refusal(self, refusal: BookRefusal) -> Reply:
        """Return the venue's way to say that it takes no such order."""

    @abstractmethod
    def receive(self, session: Session, text: str) -> None:
        """Answer a message of a websocket."""

    @abstractmethod
    def broadcast(self, session: Session, change: Change) -> None:
        """Tell one websocket what changed in the book."""

    def add_key(self, *, may_trade: bool = True, may_withdraw: bool = False) -> Credentials:
        """Let one more key in, and return it."""
        credentials = Credentials(key=f"key-{secrets.token_hex(8)}", secret=self.new_secret())
        self.keys[credentials.key] = Key(
            credentials=credentials, may_trade=may_trade, may_withdraw=may_withdraw
        )
        return credentials

    def new_secret(self) -> str:
        """Return a secret in the venue's form."""
        return secrets.token_hex(16)

    def verbs(self) -> list[Verb]:
        """Return what was asked, in order of arrival."""
        return [call.verb for call in self.calls]

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise TimeoutError("the emulated venue did not start")
        self.book.watchers.append(self._book_changed)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.book.watchers.remove(self._book_changed)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._closing.wait()
        await runner.cleanup()

    async def _handle(self, incoming: web.Request) -> web.StreamResponse:
        if incoming.headers.get("Upgrade", "").lower() == "websocket":
            return await self._talk(incoming)
        path, _, query_text = incoming.raw_path.partition("?")
        request = Request(
            method=incoming.method,
            path=path,
            query_text=query_text,
            body=await incoming.text(),
            headers=dict(incoming.headers),
            at=self.clock(),
        )
        return await self._answer(request)

    async def _answer(self, request: Request) -> web.Response:
        route, parts = self._route_of(request)
        if route is None:
            return web.json_response({"error": f"no such endpoint: {request.path}"}, status=404)
        self.calls.append(Call(verb=route.verb, path=request.path, at=request.at))
        fault = self.faults.take(route.verb, is_private=route.is_private)
        if self.latency:
            await asyncio.sleep(self.latency.total_seconds())
        if fault is not None and fault.kind is FaultKind.HANG:
            await self._closing.wait()
            return web.Response(status=504)
        reply = self._reply_under(fault, route, replace(request, parts=parts))
        text = MALFORMED if _is(fault, FaultKind.MALFORMED) else json.dumps(reply.body)
        return web.Response(text=text, status=reply.status, content_type="application/json")

    def _route_of(self, request: Request) -> tuple[Route | None, dict[str, str]]:
        for route in self._routes:
            parts = route.match(request.method, request.path)
            if parts is not None:
                return route, parts
        return None, {}

    def _reply_under(self, fault: Fault | None, route: Route, request: Request) -> Reply:
        """Do what is asked as far as a fault lets it happen, and answer what it lets pass."""
        if fault is None:
            return self._reply(route, request)
        if fault.kind is FaultKind.STATUS:
            return Reply(body={}, status=fault.status)
        if fault.kind is FaultKind.MESSAGE:
            return self.error(fault.message)
        if fault.kind in self.fault_messages:
            return self.error(self.fault_messages[fault.kind])
        before = self.book.open_orders()
        reply = self._reply(route, _bent(request, fault))
        if fault.kind is FaultKind.APPEAR and before:
            self._appear(before[-1])
        is_ghost = fault.kind is FaultKind.GHOST
        return Reply(body={}, status=fault.status) if is_ghost else reply

    def _reply(self, route: Route, request: Request) -> Reply:
        try:
            if route.is_private:
                self._admit(route, request)
            with self.book.lock:
                answer = route.handle(request)
        except Refused as refused:
            return refused.reply
        except BookRefusal as refusal:
            return self.refusal(refusal)
        return answer if isinstance(answer, Reply) else Reply(body=answer)

    def _admit(self, route: Route, request: Request) -> None:
        key = self.authenticate(request)
        if route.is_trading and not key.may_trade:
            raise Refused(self.error(self.no_permission))

    def _appear(self, order: Order) -> None:
        """Let another actor place an order like this one."""
        self.book.place(
            instrument=order.instrument,
            side=order.side,
            type=order.type,
            quantity=order.quantity,
            price=order.price,
            is_reduce_only=order.is_reduce_only,
        )

    async def _talk(self, incoming: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(incoming)
        session = Session(faults=self.faults)
        self._sessions.add(session)
        tasks = [
            asyncio.create_task(self._read(socket, session)),
            asyncio.create_task(_write(socket, session)),
            asyncio.create_task(self._closing.wait()),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self._sessions.discard(session)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await socket.close()
        return socket

    async def _read(self, socket: web.WebSocketResponse, session: Session) -> None:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                with self.book.lock:
                    self.receive(session, message.data)

    def _book_changed(self, change: Change) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell_all, change)

    def _tell_all(self, change: Change) -> None:
        with self.book.lock:
            for session in tuple(self._sessions):
                self.broadcast(session, change)


async def _write(socket: web.WebSocketResponse, session: Session) -> None:
    while True:
        frame = await session.outbox.get()
        await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))


def _is(fault: Fault | None, kind: FaultKind) -> bool:
    return fault is not None and fault.kind is kind


def _bent(request: Request, fault: Fault) -> Request:
    if fault.kind is FaultKind.PARTIAL:
        return replace(request, at_most=fault.amount)
    if fault.kind is FaultKind.SKEW:
        ahead = timedelta(seconds=fault.amount)
        return replace(request, at=request.at + ahead, is_skewed=True)
    return request
