from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "riskconsole.ops"
    label = "ops"

    def ready(self) -> None:
        from riskconsole.celery import app
        from riskconsole.live import checks as live_checks  # noqa: F401  (they register themselves)
        from riskconsole.ops import checks, workers  # noqa: F401

        workers.add_to(app)
