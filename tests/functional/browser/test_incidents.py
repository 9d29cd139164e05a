"""An incident before the eyes of who operates it: it grows, is noted, acknowledged, taken along."""

import re
from pathlib import Path
from zipfile import ZipFile

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.functional.browser.conftest import Desk, SignIn, Watched

pytestmark = pytest.mark.browser

WIDTHS = "[document.documentElement.scrollWidth, window.innerWidth]"
PLACES = ("list", "page", "table")


@pytest.fixture(scope="session")
def tripped(desk: Desk) -> Desk:
    """Return the console with a trip of the book that is for it."""
    assert desk.push("incident", "9450") == "TRIGGERED"
    return desk


def open_incident(watched: Watched) -> Page:
    page = watched.page
    page.goto("/incidents/?portfolio=incident")
    page.get_by_role("link", name=re.compile(r"^INC-\d+$")).first.click()
    expect(page.locator("h1")).to_contain_text("Incident was triggered")
    return page


def go_to(watched: Watched, place: str) -> Page:
    if place == "list":
        watched.page.goto("/incidents/")
        return watched.page
    page = open_incident(watched)
    if place == "table":
        page.goto(str(page.locator("#table-link").get_attribute("href")))
    return page


def test_it_is_noted_acknowledged_and_taken_along(
    tripped: Desk, sign_in: SignIn, tmp_path: Path
) -> None:
    watched = sign_in()
    page = open_incident(watched)
    timeline = page.locator("[data-key=timeline]")
    expect(timeline).to_contain_text("perp: confirmed without orders, twice", timeout=20_000)
    expect(page.locator("#chart canvas").first).to_be_visible()

    page.get_by_label("Add a note").fill("a hedge that was filled late")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator("[data-key=written]")).to_contain_text("a hedge that was filled late")

    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("[data-key=head]")).to_contain_text("Acknowledged by operator")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)

    with page.expect_download() as found:
        page.get_by_role("button", name="Evidence bundle").click()
    found.value.save_as(tmp_path / "bundle.zip")
    with ZipFile(tmp_path / "bundle.zip") as bundle:
        assert "manifest.json" in bundle.namelist()
    expect(timeline).to_contain_text("operator took a copy", timeout=10_000)
    watched.assert_clean()


def test_what_is_typed_stays_while_the_page_is_fetched_again(
    tripped: Desk, sign_in: SignIn
) -> None:
    watched = sign_in()
    page = open_incident(watched)
    page.get_by_label("Add a note").fill("not finished")

    with page.expect_response(lambda answer: answer.request.headers.get("hx-request") == "true"):
        pass

    expect(page.get_by_label("Add a note")).to_have_value("not finished")
    watched.assert_clean()


def test_a_line_leads_to_its_entry_in_the_log(tripped: Desk, sign_in: SignIn) -> None:
    watched = sign_in(username="auditor")
    page = open_incident(watched)
    link = page.locator(".timeline li", has_text="Loss at the trip limit").get_by_role("link")

    link.click()

    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("breaker.trip.happened")
    watched.assert_clean()


def test_the_report_needs_nothing_but_itself(
    tripped: Desk, sign_in: SignIn, tmp_path: Path
) -> None:
    watched = sign_in()
    page = open_incident(watched)
    with page.expect_download() as found:
        page.get_by_role("button", name="Report").click()
    found.value.save_as(tmp_path / "report.html")

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "report.html").as_uri())

    expect(page.locator("h1")).to_contain_text("Incident was triggered")
    assert [url for url in asked if not url.startswith("file:")] == []


@pytest.mark.parametrize("place", PLACES)
def test_nothing_scrolls_sideways_on_a_phone(tripped: Desk, sign_in: SignIn, place: str) -> None:
    watched = sign_in(width=390)
    page = go_to(watched, place)

    wanted, has = page.evaluate(WIDTHS)

    assert wanted <= has
    watched.assert_clean()


@pytest.mark.parametrize("theme", ["DARK", "LIGHT"])
@pytest.mark.parametrize("place", PLACES)
def test_axe_finds_nothing(tripped: Desk, sign_in: SignIn, place: str, theme: str) -> None:
    watched = sign_in()
    while watched.page.locator("html").get_attribute("data-theme") != theme:
        watched.page.get_by_role("button", name="Theme").first.click()
    page = go_to(watched, place)
    page.locator("#live[data-state=up]").wait_for()

    found = Axe().run(page).response["violations"]

    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []
