"""What an auditor does in a browser: read, filter, look closer, verify, take away; also without scripts."""

import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from riskconsole.audit import verify_export
from tests.functional.browser.conftest import PASSWORD, Desk, SignIn

pytestmark = pytest.mark.browser
WIDTHS = "[document.documentElement.scrollWidth, window.innerWidth]"


def assert_exported_log_verifies(page: Page, folder: Path) -> None:
    with page.expect_download() as download:
        page.get_by_role("button", name="NDJSON").click()
    download.value.save_as(folder / "log.ndjson")
    done = subprocess.run(
        [sys.executable, verify_export.__file__, str(folder / "log.ndjson")], check=False
    )
    assert done.returncode == 0


def test_an_auditor_filters_looks_closer_verifies_and_takes_the_log_away(
    sign_in: SignIn, tmp_path: Path
) -> None:
    watched = sign_in(username="auditor")
    page = watched.page
    page.goto("/audit/")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("[data-key=seal]")).to_contain_text("Chain intact")
    expect(page.locator("[data-key=seal]")).to_contain_text("Checked")

    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Action").fill("breaker.arming")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".chip")).to_contain_text(["breaker.arming"])
    assert set(page.locator("td .tag").all_inner_texts()) == {"breaker.arming.completed"}

    page.locator("tbody a").first.click()
    drawer = page.locator("dialog[open]")
    expect(drawer).to_contain_text("hash made again, it matches")
    title = drawer.locator("h1").inner_text()
    drawer.locator("[rel=prev]").click()
    expect(drawer.locator("h1")).not_to_have_text(title)
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)

    page.locator(".chip").click()
    assert_exported_log_verifies(page, tmp_path)
    watched.assert_clean()


def test_the_log_is_read_filtered_and_taken_away_without_scripts(
    browser: Browser, desk: Desk, tmp_path: Path
) -> None:
    context = browser.new_context(base_url=desk.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/sign-in/?next=/audit/")
    page.fill("[name=username]", "auditor")
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("From, UTC").fill("never")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".errorlist")).to_contain_text("A time is a day")
    expect(page.get_by_label("From, UTC")).to_have_value("never")
    page.get_by_role("link", name="Newest, all").click()
    page.locator("tbody a").first.click()
    expect(page.locator("h1")).to_contain_text("Entry")
    page.go_back()
    assert_exported_log_verifies(page, tmp_path)
    context.close()


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_of_the_log_is_accessible_and_fits(
    sign_in: SignIn, theme: str, width: int
) -> None:
    watched = sign_in(username="auditor", width=width)
    page = watched.page
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    for address in (
        "/audit/",
        "/audit/1/",
        "/audit/?first=x&action=breaker",
        "/audit/?actor=nobody",
    ):
        page.goto(address)
        assert Axe().run(page).violations_count == 0, address
        content, screen = page.evaluate(WIDTHS)
        assert content <= screen, address
    watched.assert_clean()
