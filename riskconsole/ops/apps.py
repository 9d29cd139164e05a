from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "riskconsole.ops"
    label = "ops"

    def ready(self) -> None:
        from riskconsole.celery import app
        from riskconsole.ops import checks, workers  # noqa: F401  (checks register themselves)

        workers.add_to(app)
