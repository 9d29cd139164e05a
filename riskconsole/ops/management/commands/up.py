"""Prepare a home and become its supervisor: one command, a whole console."""

import fcntl
import os
import shutil
import socket
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.checks import Tags
from django.core.management import call_command
from django.core.management.base import CommandError

from breaker.services.restoring import notice_restore
from riskconsole.command import ConsoleCommand
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.ops.demo_home import become_demo, prepare_demo
from riskconsole.ops.stack import embedded_plan
from riskconsole.ops.supervisor.plan import write_plan
from riskconsole.people.services import first_admin_link

DEFAULT_PORT = 8000
NOT_READY = 1
OPEN_BACKLOG = 128


class Command(ConsoleCommand):
    help = "Start the whole console and keep it running until SIGINT or SIGTERM."
    needs_database = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 picks a free one")
        parser.add_argument("--demo", action="store_true", help="a market of its own to try out")

    def handle(self, *_args: Any, port: int, demo: bool, **_options: Any) -> None:  # noqa: ANN401
        if demo and not settings.IS_DEMO:
            become_demo()
        try:
            self._become_supervisor(port)
        except (RiskConsoleError, OSError) as error:
            raise CommandError(f"not ready: {error}", returncode=NOT_READY) from error

    def _become_supervisor(self, port: int) -> NoReturn:
        home = Path(settings.RISKCONSOLE_HOME)
        hold_home(home)
        listener = listen(port)
        url = f"http://localhost:{listener.getsockname()[1]}"
        plan = embedded_plan(port=listener.getsockname()[1], listen_fd=listener.fileno())
        self._prepare_database(url)
        shutil.rmtree(home / "heartbeats", ignore_errors=True)
        make_socket_folder(settings.REDIS_SOCKET.parent)
        write_plan(plan, home / "up.json")
        os.environ.setdefault("RISKCONSOLE_PUBLIC_URL", url)
        # Each thread of a process would keep an arena of freed memory of its own.
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")
        self.stdout.flush()
        os.chdir(settings.BASE_DIR)
        command = [sys.executable, "-m", "riskconsole.ops.supervisor", str(home / "up.json")]
        os.execv(sys.executable, command)  # noqa: S606

    def _prepare_database(self, url: str) -> None:
        """Migrate, and tell how the first people get in."""
        call_command(
            "migrate", database=settings.MIGRATION_DATABASE, verbosity=0, interactive=False
        )
        self.check(tags=[Tags.database], databases=["default"])
        now = datetime.now(UTC)
        notice_restore(now=now)
        if settings.IS_DEMO:
            for line in prepare_demo(now=now):
                self.stdout.write(line)
        elif link := first_admin_link(now=now):
            self.stdout.write(f"first admin: {url}{link}")


class HomeInUse(RiskConsoleError):
    """Another `up` keeps a console running from this home."""


class PortTaken(RiskConsoleError):
    """Another process listens on the port."""


def hold_home(home: Path) -> None:
    """Take the lock of a home for as long as this process lives, through exec too.

    :raises HomeInUse: if another one has it
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(home / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise HomeInUse(f"another `up` already runs from {home}") from error
    os.set_inheritable(lock, True)  # noqa: FBT003


def listen(port: int) -> socket.socket:
    """Return a listening socket on this machine only; it stays open while web restarts.

    :raises PortTaken: naming the port
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(OPEN_BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PortTaken(f"port {port} cannot be used: {reason}") from error
    listener.set_inheritable(True)
    return listener


def make_socket_folder(folder: Path) -> None:
    """Make the folder of the Redis socket, which nobody else may enter.

    :raises PermissionError: if it is somebody else's
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or folder.is_symlink():
        raise PermissionError(f"{folder} belongs to somebody else")
