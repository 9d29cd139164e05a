"""Questions to a process: a PING, a page."""

import http.client
import select
import socket
import time
from urllib.parse import urlsplit

PROBE_SECONDS = 2.0
GIVE_UP_SECONDS = 10.0


def answers_ping(path: str) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PROBE_SECONDS)
            connection.connect(path)
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


class WebProbe:
    """Asks an address again and again, and never waits for the answer: a hung web process must
    not keep the supervisor from the others.
    """

    def __init__(self, url: str, *, host: str) -> None:
        self._url = urlsplit(url)
        self._host = host
        self._connection: http.client.HTTPConnection | None = None
        self._asked = 0.0
        self._answered = 0.0

    def has_answered(self) -> bool:
        """Return whether a 200 came lately; ask, or look for an answer, meanwhile."""
        try:
            self._proceed()
        except (OSError, http.client.HTTPException):
            self._hang_up()
        return self._answered > 0 and time.monotonic() - self._answered <= GIVE_UP_SECONDS

    def _proceed(self) -> None:
        now = time.monotonic()
        if self._connection is None:
            if now - self._asked >= PROBE_SECONDS or not self._answered:
                self._ask(now)
        elif select.select([self._connection.sock], [], [], 0)[0]:
            if self._connection.getresponse().status == http.client.OK:
                self._answered = now
            self._hang_up()
        elif now - self._asked > GIVE_UP_SECONDS:
            self._hang_up()

    def _ask(self, now: float) -> None:
        self._asked = now
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", self._url.port, timeout=PROBE_SECONDS
        )
        self._connection.request("GET", self._url.path, headers={"Host": self._host})

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
