"""Alerts over a real route: a local server that takes Apprise's JSON notifications."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pytest_django import Settings

from riskconsole.alerts.models import Alert, Delivery, DeliveryStatus, Level
from riskconsole.alerts.services import LEASE, deliver, deliver_due, raise_alert
from tests.clock import NOON, after

pytestmark = pytest.mark.django_db


class Inbox(ThreadingHTTPServer):
    """Answers with status and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), InboxHandler)
        self.status = 200
        self.messages: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/"


class InboxHandler(BaseHTTPRequestHandler):
    server: Inbox

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append(json.loads(body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests read what was received."""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    server = Inbox()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _tasks(sent_tasks: list[tuple[str, dict[str, object]]]) -> None:
    """Keep the deliveries for the test to run."""


def tell() -> Alert:
    return raise_alert(
        portfolio="main",
        cause="trip:1",
        level=Level.TRIP,
        subject="Main is triggered",
        body="Every open order is being cancelled.",
        now=NOON,
    )


def test_an_alert_reaches_every_route_once(inbox: Inbox, settings: Settings) -> None:
    settings.ALERT_URLS = [inbox.url, inbox.url]
    tell()

    deliver_due(now=NOON)
    deliver_due(now=after(600))

    assert [message["title"] for message in inbox.messages] == ["Main is triggered"] * 2
    assert set(Delivery.objects.values_list("status", "delivered_at")) == {
        (DeliveryStatus.DELIVERED, NOON)
    }


def test_a_route_that_fails_is_tried_again_and_the_others_are_not(
    inbox: Inbox, settings: Settings
) -> None:
    settings.ALERT_URLS = [inbox.url, "json://127.0.0.1:1/"]
    tell()
    deliver_due(now=NOON)

    deliver_due(now=after(3))

    assert len(inbox.messages) == 1
    waiting = Delivery.objects.get(route="2:json")
    assert (waiting.status, waiting.attempts) == (DeliveryStatus.PENDING, 2)
    assert waiting.next_attempt_at == after(3) + timedelta(seconds=4)


def test_a_server_error_is_no_delivery(inbox: Inbox, settings: Settings) -> None:
    settings.ALERT_URLS = [inbox.url]
    inbox.status = 500
    tell()

    deliver_due(now=NOON)

    assert Delivery.objects.get().status == DeliveryStatus.PENDING


def test_two_workers_send_it_once(inbox: Inbox, settings: Settings) -> None:
    settings.ALERT_URLS = [inbox.url]
    delivery = tell().deliveries.get()

    for _ in range(2):
        deliver(delivery_id=delivery.pk, now=NOON)

    assert len(inbox.messages) == 1


def test_a_worker_that_died_frees_it_when_its_lease_ends(inbox: Inbox, settings: Settings) -> None:
    settings.ALERT_URLS = [inbox.url]
    delivery = tell().deliveries.get()
    Delivery.objects.update(next_attempt_at=NOON + LEASE, attempts=1)

    deliver(delivery_id=delivery.pk, now=NOON + LEASE - timedelta(seconds=1))
    assert inbox.messages == []
    deliver(delivery_id=delivery.pk, now=NOON + LEASE)

    assert len(inbox.messages) == 1


def test_without_a_route_the_alert_is_kept_and_nothing_is_pretended(settings: Settings) -> None:
    settings.ALERT_URLS = []

    alert = tell()

    assert not alert.deliveries.exists()


def test_a_route_is_named_without_its_secret(settings: Settings) -> None:
    settings.ALERT_URLS = ["slack://TokenA/TokenB/TokenC/"]
    tell()

    assert Delivery.objects.get().route == "1:slack"
