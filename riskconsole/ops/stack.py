"""The processes of an embedded console, as the supervisor is told to run them."""

import sys
from pathlib import Path

from django.conf import settings

from riskconsole.ops.redis_server import find_redis_server, redis_command
from riskconsole.ops.supervisor.plan import ChildPlan, Plan

# What all lean on first; beat stops before the workers it feeds.
REDIS_STAGE, WORK_STAGE, BEAT_STAGE = 0, 1, 2
# An emergency must not queue behind the stream of evaluations.
MONITOR_NICENESS = 10
EMERGENCY_THREADS = 16

# All that a browser sends is one short word; nothing longer is read.
FRAME_LIMITS = ("--websocket-max-message-size", "65536", "--websocket-max-frame-size", "65536")

WORKER_OPTIONS = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def embedded_plan(*, port: int, listen_fd: int) -> Plan:
    """Return everything a console needs on one machine; web listens on an open socket.

    :raises NoRedisServer: if none is configured and none can be found
    """
    own_redis = (_redis(),) if settings.HAS_OWN_REDIS else ()
    url = f"http://localhost:{port}/"
    return Plan(
        home=str(settings.RISKCONSOLE_HOME),
        folder=str(settings.BASE_DIR),
        url=url,
        children=(
            *own_redis,
            _web(url=url, listen_fd=listen_fd),
            _worker("emergency", "--pool", "threads", "--concurrency", str(EMERGENCY_THREADS)),
            _worker("monitor", "--pool", "solo", nice=MONITOR_NICENESS),
            _worker("background", "--pool", "solo", has_beat=True),
            _command("feed"),
            _command("guardian"),
        ),
    )


def _redis() -> ChildPlan:
    return ChildPlan(
        name="redis",
        argv=redis_command(find_redis_server(), socket=settings.REDIS_SOCKET),
        stage=REDIS_STAGE,
        redis_socket=str(settings.REDIS_SOCKET),
    )


def _web(*, url: str, listen_fd: int) -> ChildPlan:
    application = "riskconsole.asgi:application"
    return ChildPlan(
        name="web",
        argv=_python(
            "daphne", "--fd", str(listen_fd), "--verbosity", "0", *FRAME_LIMITS, application
        ),
        stage=WORK_STAGE,
        http_url=f"{url}healthz",
        http_host=_allowed_host(),
        fds=(listen_fd,),
    )


def _worker(queue: str, *options: str, nice: int = 0, has_beat: bool = False) -> ChildPlan:
    name = f"worker-{queue}"
    return ChildPlan(
        name=name,
        argv=_python(
            "celery",
            "--quiet",
            "-A",
            "riskconsole",
            "worker",
            "-Q",
            queue,
            "-n",
            f"{name}@%h",
            *WORKER_OPTIONS,
            *options,
        ),
        stage=BEAT_STAGE if has_beat else WORK_STAGE,
        env=(("RISKCONSOLE_BEAT_INSIDE", "true"),) if has_beat else (),
        heartbeats=(name, "beat") if has_beat else (name,),
        nice=nice,
    )


def _command(name: str) -> ChildPlan:
    manage = str(Path(settings.BASE_DIR) / "manage.py")
    argv = (sys.executable, manage, name, "--skip-checks")
    return ChildPlan(name=name, argv=argv, stage=WORK_STAGE, heartbeats=(name,))


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _allowed_host() -> str:
    """Return a name that the web process answers to, for the health probe."""
    return next((host for host in settings.ALLOWED_HOSTS if host != "*"), "localhost").lstrip(".")
