"""What the machine itself takes: two Redis round trips, a durable commit, a loopback POST."""

import http.client
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from time import perf_counter_ns

from redis import Redis

SAMPLES = 100
_NS_PER_MS = 1_000_000


class Answer(BaseHTTPRequestHandler):
    """Takes a POST and answers that there is nothing to say, in one packet."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(http.HTTPStatus.NO_CONTENT)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Keep quiet."""


def measure_floor(*, redis: Redis, folder: Path) -> list[float]:
    """Return the milliseconds of each try; commits are as durable as the console's own."""
    with (
        _server() as port,
        closing(sqlite3.connect(folder / "floor.sqlite3")) as database,
        closing(http.client.HTTPConnection("127.0.0.1", port)) as connection,
    ):
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE IF NOT EXISTS row (value)")
        return [_once(redis, database, connection) for _ in range(SAMPLES)]


def _once(
    redis: Redis, database: sqlite3.Connection, connection: http.client.HTTPConnection
) -> float:
    began = perf_counter_ns()
    redis.ping()
    redis.ping()
    database.execute("INSERT INTO row VALUES (1)")
    database.commit()
    connection.request("POST", "/", body=b"{}")
    connection.getresponse().read()
    return (perf_counter_ns() - began) / _NS_PER_MS


@contextmanager
def _server() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
