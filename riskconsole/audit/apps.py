from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "riskconsole.audit"
    label = "audit"

    def ready(self) -> None:
        post_migrate.connect(prepare_log, sender=self)


def prepare_log(*, using: str, **_signal: object) -> None:
    """Install the triggers of the log, and the head of an empty one."""
    from riskconsole import triggers
    from riskconsole.audit.models import AuditHead
    from riskconsole.audit.triggers import TRIGGERS

    if triggers.install_where_possible(connections[using], TRIGGERS):
        AuditHead.objects.using(using).get_or_create(pk=1)
