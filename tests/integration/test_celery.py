"""A broker that does not answer must not take a commit's consequences with it."""

import pytest
from django.db import transaction
from kombu.exceptions import OperationalError
from pytest_django import DjangoCaptureOnCommitCallbacks

from riskconsole import celery


@pytest.fixture
def dead_broker(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the tasks that were tried on a broker that refuses them."""
    tried: list[str] = []

    def refuse(name: str, **_options: object) -> None:
        tried.append(name)
        raise OperationalError("connection refused")

    monkeypatch.setattr(celery.app, "send_task", refuse)
    monkeypatch.setattr(celery, "nudger", celery.Nudger())
    return tried


@pytest.mark.django_db
def test_what_follows_a_commit_goes_on_behind_a_dead_broker(
    dead_broker: list[str],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    followed = []
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        celery.enqueue_on_commit("alerts.deliver", leg_id=1)
        transaction.on_commit(lambda: followed.append("the next"))

    assert followed == ["the next"]
    assert dead_broker == ["alerts.deliver"]


@pytest.mark.usefixtures("dead_broker")
def test_a_dead_broker_is_asked_once_and_then_left_alone(dead_broker: list[str]) -> None:
    for leg in range(20):
        celery.nudger.send("alerts.deliver", leg_id=leg)

    assert len(dead_broker) == 1
