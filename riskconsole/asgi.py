"""The web process: pages over HTTP, hints over the websocket."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "riskconsole.settings")
pages = get_asgi_application()

# What follows reads models, so it stands after the set-up above.
from functools import partial  # noqa: E402

from channels.db import database_sync_to_async  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from riskconsole.live.hub import Hub  # noqa: E402
from riskconsole.live.routing import websocket_application  # noqa: E402
from riskconsole.live.subscription import Subscription, redis_at  # noqa: E402
from riskconsole.ops.live_reads import access_of, snapshot_of  # noqa: E402

hub = Hub(
    subscription=Subscription(connect=partial(redis_at, settings.REDIS_URL)),
    access_of=database_sync_to_async(access_of),
    snapshot_of=database_sync_to_async(snapshot_of),
)
application = ProtocolTypeRouter({"http": pages, "websocket": websocket_application(hub)})
