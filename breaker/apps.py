from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


class BreakerConfig(AppConfig):
    name = "breaker"

    def ready(self) -> None:
        pre_migrate.connect(make_way, sender=self)
        post_migrate.connect(install_triggers, sender=self)


def make_way(*, using: str, **_signal: object) -> None:
    """Let a migration rebuild the tables that the refusals speak of."""
    from breaker.triggers import TRIGGERS
    from riskconsole import triggers

    triggers.make_way(connections[using], TRIGGERS)


def install_triggers(*, using: str, **_signal: object) -> None:
    """Install the refusals of forbidden transitions."""
    from breaker.triggers import TRIGGERS
    from riskconsole import triggers

    triggers.install_where_possible(connections[using], TRIGGERS)
