"""The read-only websocket of a page; it neither queries nor writes."""

import json
from typing import Any

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer

from riskconsole.live.hub import Connection, Hub, Refused

UNKNOWN_MESSAGE = 1003
LONGEST_MESSAGE = 100


class LiveConsumer(AsyncConsumer):
    """Sends frames; all that it takes is {"type":"resync"}."""

    hub: Hub
    _connection: Connection | None = None

    async def websocket_connect(self, _message: dict[str, Any]) -> None:
        """Accept, then send a snapshot; close with 4401 if nobody is signed in, 4429 at too many.

        A browser learns the code of a close only on a connection that was accepted.
        """
        await self.send({"type": "websocket.accept"})
        try:
            self._connection = await self.hub.join(
                session_key=self.scope["session"].session_key or "",
                send=self._send_text,
                close=self._close,
            )
        except Refused as refusal:
            await self._close(refusal.code)

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        if self._connection is None:
            return
        if not _is_resync(message.get("text") or ""):
            await self._close(UNKNOWN_MESSAGE)
            return
        self._connection.wants_snapshot = True

    async def websocket_disconnect(self, _message: dict[str, Any]) -> None:
        if self._connection is not None:
            self.hub.leave(self._connection)
        raise StopConsumer

    async def _send_text(self, text: str) -> None:
        await self.send({"type": "websocket.send", "text": text})

    async def _close(self, code: int) -> None:
        await self.send({"type": "websocket.close", "code": code})


def _is_resync(text: str) -> bool:
    try:
        return len(text) <= LONGEST_MESSAGE and json.loads(text) == {"type": "resync"}
    except ValueError:
        return False
