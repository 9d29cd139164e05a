"""What the supervisor is told to run: read from one JSON file that `up` writes."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildPlan:
    """One process.

    :param heartbeats: names whose heartbeat must be fresh for the process to count as healthy
    :param redis_socket: a unix socket that must answer PING
    :param http_url: an address that must answer 200, asked under the name http_host
    :param stage: started from low to high, stopped from high to low
    :param nice: added to the niceness, so that work in bulk never delays an emergency
    :param fds: inherited file descriptors
    """

    name: str
    argv: tuple[str, ...]
    stage: int
    env: tuple[tuple[str, str], ...] = ()
    heartbeats: tuple[str, ...] = ()
    redis_socket: str = ""
    http_url: str = ""
    http_host: str = "localhost"
    nice: int = 0
    fds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The processes of one console.

    :param home: holds log/, heartbeats/ and events/
    :param folder: where the processes run
    :param url: announced once all are healthy
    :param start_seconds: how long they may take to get there
    :param stop_seconds: how long a stage may take to stop before it is killed
    """

    home: str
    folder: str
    url: str
    children: tuple[ChildPlan, ...]
    start_seconds: float = 60.0
    stop_seconds: float = 5.0


def write_plan(plan: Plan, path: Path) -> None:
    path.write_text(json.dumps(asdict(plan)))


def read_plan(path: Path) -> Plan:
    document = json.loads(path.read_text())
    children = tuple(_child(item) for item in document.pop("children"))
    return Plan(children=children, **document)


def _child(item: dict[str, object]) -> ChildPlan:
    lists = {key: _tuple(value) for key, value in item.items() if isinstance(value, list)}
    return ChildPlan(**(item | lists))  # type: ignore[arg-type]


def _tuple(values: list[object]) -> tuple[object, ...]:
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)
