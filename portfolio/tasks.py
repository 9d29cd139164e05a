from django.utils import timezone

from portfolio.services import history
from riskconsole.celery import app


@app.task(name="portfolio.thin_history", soft_time_limit=50)
def thin_history(**_later: object) -> None:
    history.thin(now=timezone.now())
