"""People in a browser: a passkey and an app are added and used, and an admin invites somebody."""

import base64
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.functional.browser.conftest import PASSWORD, WATCH_POLICY, Desk, SignIn

pytestmark = pytest.mark.browser

ADMIN_PAGES = (
    "/settings/people/",
    "/settings/people/1/",
    "/settings/people/invite/",
    "/settings/tokens/",
    "/settings/tokens/create/",
)
BACK_OFFICE = (
    "/admin/",
    "/admin/people/user/",
    "/admin/people/user/1/change/",
    "/admin/portfolio/venue/",
    "/admin/portfolio/venue/add/",
)
WIDTHS = "[document.documentElement.scrollWidth, window.innerWidth]"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def give_device(page: Page) -> None:
    """Put a device into the browser that makes and shows passkeys by itself."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})


def code_of(secret: str, *, later: int = 0) -> str:
    assert base64.b32decode(secret)
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later)))


def assert_accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []


def add_passkey(page: Page) -> None:
    """Let somebody without a second factor add a passkey; ends at the recovery codes."""
    give_device(page)
    page.goto("/settings/")
    page.get_by_role("link", name="Second factor").click()
    page.get_by_role("link", name="Add a passkey").click()
    enter_password(page)
    page.get_by_label("Name").fill("This laptop")
    page.get_by_role("button", name="Add it").click()
    expect(page.locator(".codes li")).to_have_count(10)


def enter_password(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()


def test_a_passkey_and_an_app_are_added_and_prove_who_one_is(desk: Desk, sign_in: SignIn) -> None:
    watched = sign_in(username="newcomer")
    page = watched.page
    give_device(page)

    page.goto("/settings/")
    page.get_by_role("link", name="Second factor").click()
    expect(page.locator("main")).to_contain_text("You have no second factor")
    page.get_by_role("link", name="Add a passkey").click()
    assert_accessible(page)
    enter_password(page)
    assert_accessible(page)
    page.get_by_label("Name").fill("This laptop")
    page.get_by_label("Sign in with it alone").check()
    page.get_by_role("button", name="Add it").click()
    expect(page.locator(".codes li")).to_have_count(10)
    assert_accessible(page)
    page.get_by_role("link", name="I have written them down").click()
    expect(page.locator("main")).to_contain_text("This laptop")

    page.get_by_role("link", name="Add an app").click()
    secret = str(page.locator("[data-secret]").text_content()).strip()
    assert_accessible(page)
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Add it").click()
    expect(page.locator("main")).to_contain_text("Six digits, new every 30 s")

    page.goto("/again/?next=/settings/")
    assert_accessible(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    page.goto("/again/?next=/settings/")
    page.get_by_label("Code").fill(code_of(secret, later=1))
    page.get_by_role("button", name="Confirm with the code").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()

    page.get_by_role("button", name="Sign out").first.click()
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.locator("#live-region")).to_be_visible()
    page.get_by_role("button", name="Sign out").first.click()

    page.fill("[name=username]", "newcomer")
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/sign-in/code/")
    assert_accessible(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("#live-region")).to_be_visible()
    watched.assert_clean()


def test_a_passkey_that_is_not_shown_says_so_on_the_page(desk: Desk, browser: Browser) -> None:
    context = browser.new_context(base_url=desk.url)
    context.add_init_script(WATCH_POLICY)
    page = context.new_page()
    page.goto("/sign-in/")
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": DEVICE | {"isUserVerified": False}},
    )

    page.get_by_role("button", name="Use a passkey instead").click()

    expect(page.locator("#passkey-error")).to_contain_text("No passkey was used")
    assert page.evaluate("window.refusals") == []
    context.close()


def test_an_admin_invites_somebody_who_comes_in(
    desk: Desk, sign_in: SignIn, browser: Browser
) -> None:
    watched = sign_in(username="admin")
    page = watched.page
    page.goto("/settings/people/")
    page.get_by_role("link", name="Invite somebody").click()
    page.get_by_label("Username").fill("guest")
    page.get_by_label("E-mail").fill("guest@example.com")
    page.get_by_label("Calm").select_option("VIEWER")
    page.get_by_role("button", name="Make the link").click()
    link = str(page.locator("[data-secret]").text_content()).strip()
    assert_accessible(page)
    page.get_by_role("link", name="I have it").click()
    expect(page.locator("[data-key=invitations]")).to_contain_text("guest")

    context = browser.new_context()
    guest = context.new_page()
    guest.goto(link)
    assert_accessible(guest)
    guest.locator("[name=new_password1]").fill("correct horse staple")
    guest.locator("[name=new_password2]").fill("correct horse staple")
    guest.get_by_role("button", name="Set it").click()

    expect(guest.locator("tr[data-key=calm]")).to_be_visible()
    expect(guest.locator("tr[data-key=falling]")).to_have_count(0)
    context.close()
    watched.assert_clean()


@pytest.mark.parametrize("theme", ["DARK", "LIGHT"])
def test_the_pages_of_admins_are_for_everybodys_eyes(
    desk: Desk, sign_in: SignIn, theme: str
) -> None:
    watched = sign_in(username="admin")
    page = watched.page
    while page.locator("html").get_attribute("data-theme") != theme:
        page.get_by_role("button", name="Theme").first.click()
    for address in ADMIN_PAGES:
        page.goto(address)
        page.locator("#live[data-state=up]").wait_for()
        assert_accessible(page)
    watched.assert_clean()


def test_the_pages_of_admins_fit_on_a_phone(desk: Desk, sign_in: SignIn) -> None:
    watched = sign_in(username="admin", width=390)
    for address in (*ADMIN_PAGES, *BACK_OFFICE):
        watched.page.goto(address)
        wanted, has = watched.page.evaluate(WIDTHS)
        assert (address, wanted <= has) == (address, True)
    watched.assert_clean()


def test_the_back_office_breaks_no_rule_of_the_policy(desk: Desk, sign_in: SignIn) -> None:
    watched = sign_in(username="admin")
    for address in BACK_OFFICE:
        watched.page.goto(address)
        assert watched.page.evaluate("window.refusals") == []
    watched.assert_clean()
