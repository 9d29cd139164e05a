"""Where things lie: the secret of a home, the socket of its Redis, the static files of a wheel."""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

LONGEST_SOCKET_PATH = 100


def _random_text() -> str:
    return secrets.token_urlsafe(50)


def kept_secret(path: Path, *, make: Callable[[], str] = _random_text) -> str:
    """Return the secret in a file that only its owner reads, made at first need."""
    if not path.exists():
        _keep(path, make())
    return path.read_text()


def stored_secret(path: Path, name: str) -> str:
    """Return the secret in a file that must be there; name is the setting that points to it."""
    try:
        secret = path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error.strerror}") from error
    if not secret:
        raise ImproperlyConfigured(f"{name} is an empty file")
    return secret


def _keep(path: Path, secret: str) -> None:
    """Put the file there whole, unless another process was first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(file.name)


def socket_path(home: Path) -> Path:
    """Return where the embedded Redis listens: in the home, or, where that is too long for the
    address of a unix socket, in a short folder named after it.
    """
    inside = home / "redis.sock"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH:
        return inside
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"riskconsole-{name}" / "redis.sock"


def wheel_folder(module: str, folder: str) -> Path:
    """Return a folder of static files inside an installed package, without importing it."""
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ImproperlyConfigured(f"The package {module} is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / folder
