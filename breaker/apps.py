from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class BreakerConfig(AppConfig):
    name = "breaker"

    def ready(self) -> None:
        post_migrate.connect(install_triggers, sender=self)


def install_triggers(*, using: str, **_signal: object) -> None:
    """Install the refusals of forbidden transitions."""
    from breaker.triggers import TRIGGERS
    from riskconsole import triggers

    triggers.install_where_possible(connections[using], TRIGGERS)
