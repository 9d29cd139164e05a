"""The whole console as `up` runs it, and Chromium in front of it."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.conftest import missing_part
from tests.functional.ops.test_up import Console, run, stop

PASSWORD = "a password of the journeys"
BOOKS = """
[[user]]
username = "operator"
email = "operator@example.com"
password_env = "JOURNEY_PASSWORD"

[[user]]
username = "approver"
email = "approver@example.com"
password_env = "JOURNEY_PASSWORD"

[[user]]
username = "second"
email = "second@example.com"
password_env = "JOURNEY_PASSWORD"

[[user]]
username = "auditor"
email = "auditor@example.com"
site_role = "AUDITOR"
password_env = "JOURNEY_PASSWORD"

[[user]]
username = "newcomer"
email = "newcomer@example.com"
password_env = "JOURNEY_PASSWORD"

[[user]]
username = "admin"
email = "admin@example.com"
site_role = "ADMIN"
password_env = "JOURNEY_PASSWORD"

{books}
"""
BOOK = """
[[portfolio]]
slug = "{slug}"
name = "{name}"
reference_currency = "USDT"
initial_capital = "10000"
[[portfolio.account]]
slug = "cash"
venue = "manual"
kind = "spot"
[[portfolio.account]]
slug = "perp"
venue = "paper"
kind = "margin"
[portfolio.account.paper]
balances = {{ USDT = "0" }}
orders = [{{ instrument = "BTC/USDT:USDT", side = "BUY", type = "LIMIT", quantity = "0.1", price = "55000", reduce_only = false }}]
[[portfolio.member]]
user = "operator"
role = "OPERATOR"
[[portfolio.member]]
user = "approver"
role = "APPROVER"
[[portfolio.member]]
user = "second"
role = "APPROVER"
"""
SLUGS = ("calm", "decided", "falling", "halted", "incident", "keyed", "phone", "polled")
WATCH_POLICY = """
window.refusals = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.refusals.push(event.violatedDirective + " " + event.blockedURI));
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The running console, and a token that pushes what a manual account holds."""

    url: str
    token: str

    def push(self, slug: str, equity: str) -> str:
        """Push the balance of a book's manual account; return the state that it leads to."""
        answer = httpx.put(
            f"{self.url}api/v1/portfolios/{slug}/accounts/cash/snapshot",
            json={"balances": {"USDT": equity}},
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=20,
        )
        answer.raise_for_status()
        return str(answer.json()["state"])


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        missing_part("Chromium is not installed")
    return {"executable_path": chromium, "args": ["--no-sandbox"]}


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return a console with a book for each journey, all without a loss."""
    home = tmp_path_factory.mktemp("journeys")
    books = "".join(BOOK.format(slug=slug, name=slug.capitalize()) for slug in SLUGS)
    (home / "books.toml").write_text(BOOKS.format(books=books))
    os.environ["JOURNEY_PASSWORD"] = PASSWORD
    console = Console(home, "--port", "0")
    try:
        yield _furnish(console, home)
    finally:
        stop(console)


def _furnish(console: Console, home: Path) -> Desk:
    url = console.url
    applied = run(home, "apply", str(home / "books.toml"))
    assert applied.returncode == 0, applied.stderr
    token = run(home, "token", "create", "journeys", "--scope", "feed").stdout.strip()
    desk = Desk(url=url, token=token)
    for slug in SLUGS:
        assert desk.push(slug, "9900") == "ACTIVE"
    return desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A page whose console and policy are watched; nothing may be reported at its end."""

    page: Page
    reports: list[str]

    def assert_clean(self) -> None:
        assert self.reports == []
        assert self.page.evaluate("window.refusals") == []


SignIn = Callable[..., Watched]


@pytest.fixture
def sign_in(browser: Browser, desk: Desk) -> Iterator[SignIn]:
    """Return a function that signs somebody in on a screen of a given width."""
    contexts: list[BrowserContext] = []

    def sign_in(*, username: str = "operator", width: int = 1440, before: str = "") -> Watched:
        context = browser.new_context(base_url=desk.url, viewport={"width": width, "height": 900})
        contexts.append(context)
        context.add_init_script(WATCH_POLICY + before)
        page, reports = context.new_page(), []
        page.on("console", lambda line: reports.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: reports.append(str(error)))
        page.goto("/sign-in/")
        page.fill("[name=username]", username)
        page.fill("[name=password]", PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector("#live-region")
        return Watched(page=page, reports=reports)

    yield sign_in
    for context in contexts:
        context.close()
