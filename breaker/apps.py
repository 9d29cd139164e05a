from collections.abc import Sequence

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


class BreakerConfig(AppConfig):
    name = "breaker"

    def ready(self) -> None:
        pre_migrate.connect(make_way, sender=self)
        post_migrate.connect(install_triggers, sender=self)


def make_way(*, using: str, plan: Sequence[object] = (), **_signal: object) -> None:
    """Drop the refusals where a migration may change the tables that they speak of.

    SQLite does not rename such a table, and PostgreSQL does not alter such a column.
    """
    from breaker.triggers import TRIGGERS
    from riskconsole import triggers

    if plan:
        triggers.remove(connections[using], TRIGGERS)


def install_triggers(*, using: str, **_signal: object) -> None:
    """Install the refusals of forbidden transitions."""
    from breaker.triggers import TRIGGERS
    from riskconsole import triggers

    triggers.install_where_possible(connections[using], TRIGGERS)
