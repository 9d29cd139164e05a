"""The description of the API, and its pages under the strict policy."""

import re

from tests.functional.api.conftest import Caller


def test_every_call_of_the_contract_is_described(anonymous: Caller) -> None:
    paths = anonymous("GET", "openapi.json").json()["paths"]

    found = {(method.upper(), path) for path, calls in paths.items() for method in calls}
    assert found == {
        ("GET", "/api/v1/portfolios"),
        ("GET", "/api/v1/portfolios/{slug}"),
        ("GET", "/api/v1/portfolios/{slug}/holdings"),
        ("GET", "/api/v1/portfolios/{slug}/equity"),
        ("PUT", "/api/v1/portfolios/{slug}/accounts/{account_slug}/snapshot"),
        ("POST", "/api/v1/marks"),
        ("GET", "/api/v1/portfolios/{slug}/gate"),
        ("POST", "/api/v1/portfolios/{slug}/trip"),
        ("POST", "/api/v1/portfolios/{slug}/pause"),
        ("GET", "/api/v1/trips"),
        ("GET", "/api/v1/trips/{trip_id}"),
        ("GET", "/api/v1/audit"),
    }


def test_every_call_is_described_as_needing_a_token(anonymous: Caller) -> None:
    paths = anonymous("GET", "openapi.json").json()["paths"]

    assert all(call["security"] for calls in paths.values() for call in calls.values())


def test_the_pages_load_only_from_here_and_run_nothing_inline(anonymous: Caller) -> None:
    response = anonymous("GET", "docs")

    page = response.content.decode()
    assert response.status_code == 200
    assert "script-src 'self';" in f"{response['Content-Security-Policy']};"
    assert not re.findall(r'(?:src|href)="https?:', page)
    assert not re.findall(r"<script(?![^>]*(?:src=|application/json))", page)
