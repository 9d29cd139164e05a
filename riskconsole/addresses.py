"""The network address that a request came from, through trusted proxies only; and went to."""

from collections.abc import Callable, Sequence
from functools import wraps
from ipaddress import ip_address, ip_network
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.shortcuts import redirect


def address_of(request: HttpRequest) -> str:
    """Return the caller's address for the log; empty where the server was told none."""
    return caller_behind(
        remote=request.META.get("REMOTE_ADDR") or "",
        forwarded=request.headers.get("X-Forwarded-For", ""),
        trusted=settings.TRUSTED_PROXIES,
    )


def caller_behind(*, remote: str, forwarded: str, trusted: Sequence[str]) -> str:
    """Return the last hop that no trusted proxy vouches for.

    Each proxy adds the address it was called from at the right, so everything left of the first
    untrusted hop may be invented.
    """
    caller = remote
    for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not _is_trusted(caller, trusted) or not _is_address(hop):
            return caller
        caller = hop
    return caller


def by_its_name(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Send a browser that came to 127.0.0.1 to localhost: a passkey belongs to a name."""

    @wraps(view)
    def moved(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        host, port = split_domain_port(request.get_host())
        address = host.strip("[]")
        is_loopback = _is_address(address) and ip_address(address).is_loopback
        if settings.IS_PRODUCTION or request.method != "GET" or not is_loopback:
            return view(request, *args, **kwargs)
        name = f"localhost:{port}" if port else "localhost"
        return redirect(f"{request.scheme}://{name}{request.get_full_path()}")

    return moved


def _is_trusted(address: str, trusted: Sequence[str]) -> bool:
    return _is_address(address) and any(
        ip_address(address) in ip_network(network, strict=False) for network in trusted
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
