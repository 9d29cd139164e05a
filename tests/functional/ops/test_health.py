import pytest
from django.test import Client

from riskconsole.live.heartbeats import heartbeats
from tests.factories import make_portfolio

pytestmark = pytest.mark.django_db


def test_readyz_tells_every_reason(client: Client) -> None:
    make_portfolio("one")
    make_portfolio("two")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "reasons": [
            "one has no finished evaluation for 30 s",
            "two has no finished evaluation for 30 s",
        ],
    }


def test_healthz_is_the_heartbeat_of_the_web_process(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert next(one for one in heartbeats() if one.name == "web").is_alive


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_can_only_be_read(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
