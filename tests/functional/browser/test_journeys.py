"""What an operator sees in a browser, from a calm desk to a halted one."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.functional.browser.conftest import Desk, SignIn

pytestmark = pytest.mark.browser

NO_SOCKET = """
window.WebSocket = class { constructor() { setTimeout(() => this.onclose({ code: 1006 })); } };
"""
WIDTHS = "[document.documentElement.scrollWidth, window.innerWidth]"
PAGES = (
    "/",
    "/portfolios/calm/",
    "/portfolios/calm/halt/",
    "/portfolios/calm/equity/table/",
    "/audit/",
    "/settings/",
    "/settings/second-factor/",
    "/settings/sessions/",
)


def test_a_calm_desk_turns_to_warning_and_trip_before_the_operators_eyes(
    desk: Desk, sign_in: SignIn
) -> None:
    watched = sign_in()
    page = watched.page
    row = page.locator("tr[data-key=falling]")
    expect(row).to_contain_text("Active")
    expect(row).to_contain_text("9,900.00")
    expect(page.locator("#live")).to_have_text("Live")

    assert desk.push("falling", "9650") == "WARNING"
    expect(row).to_contain_text("Warning")

    assert desk.push("falling", "9450") == "TRIGGERED"
    expect(page.locator("[data-key=alarm-falling]")).to_contain_text("Falling is triggered")
    expect(row).to_contain_text("Triggered")
    expect(row).to_contain_text("Halted")
    expect(page).to_have_title(re.compile(r"^⛔ \d+ triggered"))
    expect(page.locator("#favicon")).to_have_attribute("href", re.compile("favicon-TRIGGERED"))

    row.get_by_role("link", name="Falling").click()
    legs = page.locator("[data-key=legs]")
    expect(legs).to_contain_text("EMPTY", timeout=20_000)
    expect(legs).to_contain_text("CANCELLED")
    expect(legs).to_contain_text("NOT_CONNECTED")
    expect(page.locator("[data-key=steps]")).to_contain_text("perp: 1 cancelled")
    watched.assert_clean()


def test_the_chart_is_drawn_and_its_table_says_the_same(desk: Desk, sign_in: SignIn) -> None:
    watched = sign_in()
    page = watched.page
    page.goto("/portfolios/calm/?range=15m")

    expect(page.locator("#chart canvas").first).to_be_visible()
    page.get_by_role("link", name="1h", exact=True).click()
    expect(page.locator("[data-range='1h']")).to_have_attribute("aria-current", "true")
    page.get_by_text("Show as table").click()
    expect(page.locator("#chart-table")).to_contain_text("9,900.00")
    expect(page.locator("#chart")).to_be_hidden()
    watched.assert_clean()


def test_an_operator_halts_in_the_dialog_by_typing_the_name(desk: Desk, sign_in: SignIn) -> None:
    watched = sign_in()
    page = watched.page
    page.locator("#halt-halted").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Halt Halted")
    expect(dialog).to_contain_text("Cancels every open order on perp")

    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    page.locator("#halt-halted").click()
    dialog.get_by_label("Reason").fill("a journey")
    dialog.get_by_label("to confirm").fill("HALTED")
    page.keyboard.press("Enter")

    expect(page.locator("[data-key=alarm-halted]")).to_contain_text("Halted by a person")
    expect(page.locator("[data-key=alarm-halted]")).to_contain_text("a journey")
    watched.assert_clean()


def test_new_entries_are_offered_and_never_move_the_log(desk: Desk, sign_in: SignIn) -> None:
    watched = sign_in(username="auditor")
    page = watched.page
    page.goto("/audit/")
    first = page.locator("tbody tr").first
    newest = str(first.get_attribute("data-key"))

    operator = sign_in().page
    operator.goto("/portfolios/phone/")
    operator.get_by_role("button", name="Pause, reduce only").click()

    pill = page.get_by_role("link", name=re.compile(r"^\d+ new entr(y|ies)$"))
    expect(pill).to_be_visible(timeout=10_000)
    expect(first).to_have_attribute("data-key", newest)
    pill.click()
    expect(page.locator("tbody")).to_contain_text("breaker.pause.began")
    expect(pill).to_be_hidden()
    watched.assert_clean()


def test_without_a_socket_the_page_says_so_and_polls(desk: Desk, sign_in: SignIn) -> None:
    watched = sign_in(before=NO_SOCKET)
    page = watched.page

    expect(page.locator("#lost")).to_contain_text("Live feed lost", timeout=10_000)
    expect(page.locator("#live")).to_contain_text("Offline")
    assert desk.push("polled", "9650") == "WARNING"

    expect(page.locator("tr[data-key=polled]")).to_contain_text("Warning", timeout=10_000)


def test_a_page_that_is_open_for_long_stays_whole(desk: Desk, sign_in: SignIn) -> None:
    watched = sign_in()
    for address in PAGES:
        page = watched.page
        page.goto(address)
        with page.expect_response(
            lambda answer: answer.request.headers.get("hx-request") == "true"
        ):
            pass
        expect(page.locator("h1")).to_have_count(1)
        expect(page.locator("#live-region [data-key=shell]")).to_have_count(1)
    watched.assert_clean()


def test_signing_out_elsewhere_is_said_on_an_open_page(desk: Desk, sign_in: SignIn) -> None:
    watched = sign_in()
    page = watched.page
    expect(page.locator("#live")).to_have_text("Live")

    other = page.context.new_page()
    other.goto("/audit/")
    other.get_by_role("button", name="Sign out").first.click()

    expect(page.locator("#signed-out")).to_be_visible(timeout=10_000)


def test_the_theme_is_kept_for_the_user(desk: Desk, sign_in: SignIn) -> None:
    watched = sign_in()
    page, html = watched.page, watched.page.locator("html")
    before = html.get_attribute("data-theme")

    page.get_by_role("button", name="Theme").first.click()
    expect(html).not_to_have_attribute("data-theme", str(before))
    after = html.get_attribute("data-theme")

    assert sign_in().page.locator("html").get_attribute("data-theme") == after
    watched.assert_clean()


@pytest.mark.parametrize("address", PAGES)
def test_nothing_scrolls_sideways_on_a_phone(desk: Desk, sign_in: SignIn, address: str) -> None:
    watched = sign_in(width=390)
    watched.page.goto(address)

    wanted, has = watched.page.evaluate(WIDTHS)

    assert wanted <= has
    watched.assert_clean()


@pytest.mark.parametrize("theme", ["DARK", "LIGHT"])
@pytest.mark.parametrize("address", PAGES)
def test_axe_finds_nothing(desk: Desk, sign_in: SignIn, address: str, theme: str) -> None:
    page = sign_in().page
    while page.locator("html").get_attribute("data-theme") != theme:
        page.get_by_role("button", name="Theme").first.click()
    page.goto(address)
    page.locator("#live[data-state=up]").wait_for()

    found = Axe().run(page).response["violations"]

    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []


def test_axe_finds_nothing_where_one_signs_in(desk: Desk, browser: Browser) -> None:
    page = browser.new_page(base_url=desk.url)
    page.goto("/sign-in/")

    assert Axe().run(page).response["violations"] == []
    page.close()
