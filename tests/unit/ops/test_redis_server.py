from pathlib import Path

import pytest

from riskconsole.ops import redis_server
from riskconsole.places import LONGEST_SOCKET_PATH, socket_path


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o700)
    return path


def test_a_server_on_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    valkey = program(tmp_path, "valkey-server")
    assert redis_server.find_redis_server() == valkey
    redis = program(tmp_path, "redis-server")
    assert redis_server.find_redis_server() == redis


def test_the_wheels_server_is_used_where_path_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = redis_server.find_redis_server()
    assert found.name == "redis-server"
    assert found.parent.parent.name in redis_server.WHEELS


def test_no_server_at_all_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis_server, "WHEELS", ("no_such_wheel",))
    with pytest.raises(redis_server.NoRedisServer, match="set REDIS_URL, or install redis-server"):
        redis_server.find_redis_server()


def test_the_socket_lies_in_the_home_while_its_path_is_short_enough() -> None:
    fits = Path("/" + "h" * (LONGEST_SOCKET_PATH - len("//redis.sock")))
    assert socket_path(fits) == fits / "redis.sock"


def test_a_long_home_gets_a_short_socket_path_of_its_own() -> None:
    long = Path("/" + "h" * (LONGEST_SOCKET_PATH - len("//redis.sock") + 1))
    assert len(str(socket_path(long))) <= LONGEST_SOCKET_PATH
    assert socket_path(long) != socket_path(long / "other")
