"""A swapped browser library stops the start: both come from packages of one person each."""

import hashlib
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.core.checks import CheckMessage, Error, register

PINNED = {
    "lightweight-charts/lightweight-charts.js": (
        "756b0ba9f58930226d6b8b9d47ad310448ab85d799ea1f7c2c02304777c10b52"
    ),
    "django_htmx/htmx-2.min.js": (
        "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de"
    ),
}


@register
def browser_libraries_are_the_pinned_ones(**_kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401
    return [
        Error(f"The static file {name} is not the one that was reviewed", id="live.E001")
        for name, digest in PINNED.items()
        if _sha256(name) != digest
    ]


def _sha256(name: str) -> str:
    found = finders.find(name)
    return hashlib.sha256(Path(str(found)).read_bytes()).hexdigest() if found else ""
