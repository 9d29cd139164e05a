"""The websocket's address, behind a check of where the page came from."""

from typing import cast
from urllib.parse import urlsplit

from asgiref.typing import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGISendCallable,
    Scope,
    WebSocketScope,
)
from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from channels.sessions import SessionMiddlewareStack
from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.urls import path

from riskconsole.live.consumers import LiveConsumer
from riskconsole.live.hub import Hub


def websocket_application(hub: Hub) -> ASGI3Application:
    """Return the ASGI application of every websocket."""
    consumer = type("HubConsumer", (LiveConsumer,), {"hub": hub})
    router = URLRouter([path("ws/live/", consumer.as_asgi())])  # type: ignore[attr-defined, list-item]
    return OwnOriginOnly(cast("ASGI3Application", SessionMiddlewareStack(router)))


class OwnOriginOnly:
    """Refuses a websocket whose Origin is missing or is not the console's own address.

    A browser sends cookies along with a websocket that any site opens; the Origin tells them
    apart, and a Host that is not ours is a site that points its own name here.
    """

    def __init__(self, application: ASGI3Application) -> None:
        self._application = application

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        is_own = _is_own(_header(scope, b"origin"), _header(scope, b"host"))
        denier = cast("ASGI3Application", WebsocketDenier.as_asgi())
        await (self._application if is_own else denier)(scope, receive, send)


def _is_own(origin: str, host: str) -> bool:
    if origin == settings.PUBLIC_URL.rstrip("/"):
        return True
    domain, _ = split_domain_port(host)
    is_ours = validate_host(domain, settings.ALLOWED_HOSTS)
    return is_ours and urlsplit(origin).netloc.lower() == host.lower()


def _header(scope: Scope, name: bytes) -> str:
    found = cast("WebSocketScope", scope)["headers"]
    return next((value for key, value in found if key == name), b"").decode("latin-1")
