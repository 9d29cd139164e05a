from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class PortfolioConfig(AppConfig):
    name = "portfolio"

    def ready(self) -> None:
        post_migrate.connect(add_built_in_venues, sender=self)


def add_built_in_venues(*, using: str, **_signal: object) -> None:
    """Make sure that the venues "manual" and "paper" exist."""
    from portfolio.domain.holdings import VenueKind
    from portfolio.models import MarkSource, Venue

    if "portfolio_venue" not in connections[using].introspection.table_names():
        return
    for slug, kind in (("manual", VenueKind.MANUAL), ("paper", VenueKind.PAPER)):
        Venue.objects.using(using).get_or_create(
            slug=slug, defaults={"kind": kind, "source": MarkSource.PUSH}
        )
