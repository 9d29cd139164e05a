"""Two people in two browsers: one asks, the other decides, and both see what became of it."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.functional.browser.conftest import PASSWORD, Desk, SignIn, Watched
from tests.functional.browser.test_people import add_passkey, code_of

pytestmark = pytest.mark.browser

REASON = "One bad hedge fill, now flat and no orders are left"
WIDTHS = "[document.documentElement.scrollWidth, window.innerWidth]"
PAGES = (
    ("operator", "/breakers/"),
    ("operator", "/approvals/"),
    ("operator", "/halt-all/"),
    ("operator", "/portfolios/calm/limits/"),
    ("operator", "/portfolios/calm/ask/disable/"),
    ("operator", "/portfolios/calm/ask/flow/"),
    ("operator", "/portfolios/calm/ask/removal/"),
    ("admin", "/breakers/new/"),
    ("admin", "/portfolios/calm/accounts/new/"),
)


def assert_accessible(page: Page) -> None:
    """Hold a page against axe in both themes."""
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []


def assert_fits(page: Page) -> None:
    """Nothing scrolls sideways on a phone."""
    page.set_viewport_size({"width": 390, "height": 844})
    wanted, has = page.evaluate(WIDTHS)
    assert wanted <= has
    page.set_viewport_size({"width": 1440, "height": 900})


def add_app(page: Page) -> str:
    """Let somebody add an authenticator app; return its secret."""
    page.goto("/settings/")
    page.get_by_role("link", name="Second factor").click()
    page.get_by_role("link", name="Add an app").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    secret = str(page.locator("[data-secret]").text_content()).strip()
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Add it").click()
    return secret


def next_refetch(page: Page) -> None:
    with page.expect_response(lambda answer: answer.request.headers.get("hx-request") == "true"):
        pass


def ask_for_reset_of(slug: str, page: Page) -> None:
    """Halt a book and go to the form that asks for its reset."""
    page.goto(f"/portfolios/{slug}/")
    page.locator(f"#halt-{slug}").click()
    page.get_by_role("dialog").get_by_label("to confirm").fill(slug)
    page.keyboard.press("Enter")
    expect(page.locator("[data-key=legs]")).to_contain_text("EMPTY", timeout=20_000)
    page.get_by_role("link", name="Ask for a reset").click()


def ask(watched: Watched) -> None:
    """Halt a book and ask for its reset, until the request is on the screen."""
    page = watched.page
    ask_for_reset_of("decided", page)
    assert_accessible(page)
    assert_fits(page)
    page.get_by_label("Keep the reference").check()
    page.get_by_label("Why, in your words").fill("too short")
    page.get_by_role("button", name="Ask for it").click()
    expect(page.locator(".errorlist")).to_contain_text("at least 20 characters, this has 9")
    expect(page.get_by_label("Keep the reference")).to_be_checked()
    page.get_by_label("Why, in your words").fill(REASON)
    page.get_by_role("button", name="Ask for it").click()
    page.wait_for_url("**/approvals/*/")


def test_one_asks_another_approves_and_the_gate_opens(desk: Desk, sign_in: SignIn) -> None:
    operator, approver = sign_in(), sign_in(username="approver")
    secret = add_app(approver.page)
    ask(operator)
    expect(operator.page.get_by_role("button", name="Withdraw")).to_be_visible()
    expect(operator.page.get_by_role("button", name="Approve and resume")).to_have_count(0)
    assert_accessible(operator.page)

    page = approver.page
    page.goto("/approvals/")
    expect(page.locator(".rail .count.waits")).to_contain_text("1")
    page.get_by_role("link", name="Reset Decided").click()
    expect(page.locator("[data-key=request]")).to_contain_text("The reason says “no orders”")
    assert_accessible(page)
    assert_fits(page)

    page.get_by_label("to confirm").fill("another")
    page.get_by_label("What you checked").fill("looked at the fills")
    page.get_by_label("orders cancelled there by hand").check()
    page.get_by_role("button", name="Approve and resume").click()
    expect(page.locator(".errorlist")).to_contain_text("Type decided to confirm")
    next_refetch(page)
    next_refetch(page)
    expect(page.get_by_label("What you checked")).to_have_value("looked at the fills")
    expect(page.get_by_label("orders cancelled there by hand")).to_be_checked()

    page.get_by_label("to confirm").fill("DECIDED")
    page.get_by_label("Code of your authenticator app").fill(code_of(secret, later=1))
    page.get_by_role("button", name="Approve and resume").click()
    expect(page.locator("[data-key=verdict]")).to_contain_text("approver approved this")
    assert_accessible(page)

    expect(operator.page.locator("[data-key=verdict]")).to_contain_text("approver approved this")
    operator.page.goto("/portfolios/decided/")
    head = operator.page.locator("[data-key=head]")
    expect(head).to_contain_text("Active")
    expect(head).to_contain_text(re.compile(r"Gate\s*Open"))
    operator.assert_clean()
    approver.assert_clean()


def test_a_passkey_approves_and_what_was_typed_is_not_typed_again(
    desk: Desk, sign_in: SignIn
) -> None:
    operator, approver = sign_in(), sign_in(username="second")
    add_passkey(approver.page)
    ask_for_reset_of("keyed", operator.page)
    operator.page.get_by_label("Keep the reference").check()
    operator.page.get_by_label("Why, in your words").fill(REASON)
    operator.page.get_by_role("button", name="Ask for it").click()
    operator.page.wait_for_url("**/approvals/*/")

    page = approver.page
    page.goto(operator.page.url)
    page.get_by_label("to confirm").fill("keyed")
    page.get_by_label("What you checked").fill("looked at the fills")
    page.get_by_label("orders cancelled there by hand").check()
    page.get_by_role("button", name="Approve and resume").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("[data-key=verdict]")).to_contain_text("second approved this")
    expect(page.locator("main")).to_contain_text("looked at the fills")
    expect(page.locator("main")).to_contain_text("passkey")
    operator.page.goto("/portfolios/keyed/")
    expect(operator.page.locator("[data-key=head]")).to_contain_text("Active")
    approver.assert_clean()


def test_limits_say_at_once_what_needs_a_second_person(desk: Desk, sign_in: SignIn) -> None:
    watched = sign_in()
    page = watched.page
    page.goto("/portfolios/phone/limits/")

    page.get_by_label("Trips at a loss of").fill("6")
    page.get_by_label("Warns at a loss of").fill("2")

    difference = page.locator("#difference")
    expect(difference).to_contain_text("loosens, needs approval")
    expect(difference).to_contain_text("at once")
    page.get_by_label("Why, if something loosens").fill("a calmer book needs more room to breathe")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.locator("main")).to_contain_text("Done: portfolio phone: warning 3 % -> 2 %")
    expect(page.locator("[data-key=request]")).to_contain_text("trip 5 % → 6 %")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.locator("[data-key=verdict]")).to_contain_text("Withdrawn")
    watched.assert_clean()


def test_halt_all_opens_from_the_breakers_and_from_a_phone(desk: Desk, sign_in: SignIn) -> None:
    watched = sign_in(width=390)
    page = watched.page
    page.get_by_role("link", name="Halt all").first.click()
    expect(page.get_by_role("heading", name=re.compile("Halt all"))).to_be_visible()

    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/breakers/")
    page.locator("#halt-all").click()
    expect(page.get_by_role("dialog")).to_contain_text("Shuts the gate of Calm")
    assert_accessible(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    watched.assert_clean()


@pytest.mark.parametrize(("username", "address"), PAGES)
def test_each_page_is_accessible_and_fits_a_phone(
    desk: Desk, sign_in: SignIn, username: str, address: str
) -> None:
    watched = sign_in(username=username)
    page = watched.page
    page.goto(address)
    expect(page.locator("h1")).to_have_count(1)
    assert_accessible(page)
    assert_fits(page)
    next_refetch(page)
    expect(page.locator("h1")).to_have_count(1)
    watched.assert_clean()
