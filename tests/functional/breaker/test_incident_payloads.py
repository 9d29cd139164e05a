"""What people and venues write is text on every page of an incident, and in its report."""

from html.parser import HTMLParser

import pytest
from django.utils import timezone

from breaker.services.incidents import add_note
from oms.models import CancelLeg
from portfolio.models import Portfolio
from riskconsole.people.models import User
from tests.functional.breaker.conftest import SignedIn
from tests.functional.breaker.incidents import halted, text_of
from tests.functional.breaker.payloads import PAYLOADS

LOADING = {"audio", "base", "embed", "iframe", "img", "marquee", "math", "object", "video"}
ADDRESSES = ("href", "src", "srcdoc", "action", "formaction", "data", "content")


class Parts(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def what_could_act(page: str) -> list[tuple[str, dict[str, str]]]:
    """Return the elements that would run or load something that is not the console's own."""
    parts = Parts()
    parts.feed(page)
    return [(tag, attributes) for tag, attributes in parts.found if is_active(tag, attributes)]


def is_active(tag: str, attributes: dict[str, str]) -> bool:
    addresses = " ".join(attributes.get(name, "") for name in ADDRESSES).lower()
    is_foreign = any(word in addresses for word in ("javascript:", "evil.example", "data:text"))
    is_script = tag == "script" and not attributes.get("src", "").startswith("/static/")
    has_handler = any(name.startswith("on") or name == "style" for name in attributes)
    return is_foreign or is_script or has_handler or tag in LOADING


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_people_and_venues_write_is_shown_as_text(
    main: Portfolio, signed_in: SignedIn, payload: str
) -> None:
    Portfolio.objects.filter(pk=main.pk).update(name=payload[:100])
    trip = halted(main, reason=payload)
    CancelLeg.objects.update(error=payload)
    add_note(
        trip=trip,
        author=User.objects.get(username="alice"),
        text=payload,
        address="",
        now=timezone.now(),
    )
    client = signed_in("alice")

    pages = [text_of(client, "/incidents/"), text_of(client, f"/incidents/{trip.pk}/")]
    report = client.post(f"/incidents/{trip.pk}/export/", {"format": "html"})
    pages.append(report.getvalue().decode())

    for page in pages:
        assert payload not in page
        assert what_could_act(page) == []
