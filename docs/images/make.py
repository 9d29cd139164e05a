"""Draw the pictures beside this file: the demo trips, is reset by two people, and is read.

Run from the project's folder, with Chromium on PATH: python docs/images/make.py
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
READY_SECONDS, HISTORY_SECONDS, CRASH_SECONDS = 90, 150, 60
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class TakesAlerts(BaseHTTPRequestHandler):
    """A route that takes every alert, so that the picture shows a desk where somebody is told."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing on the terminal."""


@contextmanager
def alert_route() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), TakesAlerts)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://localhost:{server.server_port}"
    server.shutdown()


@contextmanager
def demo(route: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Run the demo in a home of its own; give its address and everybody's password."""
    with tempfile.TemporaryDirectory() as home:
        output = Path(home) / "output"
        with output.open("w") as stream:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, str(ROOT / "manage.py"), "up", "--demo", "--port", "0"],
                stdout=stream,
                env=os.environ | {"RISKCONSOLE_HOME": home, "RISKCONSOLE_ALERT_URLS": route},
            )
        try:
            yield _announced(output, process)
        finally:
            process.terminate()
            process.wait()


def _announced(output: Path, process: subprocess.Popen[bytes]) -> tuple[str, dict[str, str]]:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        text = output.read_text()
        if url := re.search(r"^ready (\S+)$", text, re.MULTILINE):
            return url[1], dict(re.findall(r"^user (\S+) password (\S+) totp", text, re.MULTILINE))
        time.sleep(0.5)
    raise SystemExit(f"The demo did not become ready:\n{output.read_text()}")


def sign_in(browser: Browser, username: str, *, url: str, password: str) -> Page:
    page = browser.new_page(
        viewport={"width": 1440, "height": 900}, color_scheme="dark", base_url=url
    )
    page.goto("/sign-in/")
    page.fill("[name=username]", username)
    page.fill("[name=password]", password)
    page.get_by_role("button", name="Sign in").click()
    page.fill("[name=code]", code_of(page, username))
    page.get_by_role("button", name="Sign in").click()
    page.locator("#live[data-state=up]").wait_for()
    return page


def code_of(page: Page, username: str) -> str:
    """Return what the banner of the demo shows for somebody."""
    return page.locator("#demo-codes").inner_text().split(f"{username} ")[1][:6]


def next_code_of(page: Page, username: str) -> str:
    """Return the code after the present one: each is good once."""
    before = code_of(page, username)
    while (code := code_of(page, username)) == before:
        page.wait_for_timeout(1000)
    return code


def save(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.screenshot(path=HERE / f"{name}.png")


def draw_trip(page: Page) -> None:
    page.goto("/")
    page.wait_for_timeout(1000 * HISTORY_SECONDS)
    page.select_option("#crash-portfolio", "main")
    page.get_by_role("button", name="Start the crash").click()
    row, feed = page.locator("tr[data-key=main]"), page.locator("[data-key=feed]")
    expect(row).to_contain_text("Triggered", timeout=1000 * CRASH_SECONDS)
    expect(feed.get_by_text("confirmed empty")).to_have_count(3, timeout=1000 * CRASH_SECONDS)
    save(page, "overview")


def draw_decision(operator: Page, approver: Page) -> None:
    operator.goto("/portfolios/main/ask/reset/")
    operator.check("[name=reference][value=REBASE]")
    operator.fill("[name=reason]", "One bad hedge fill, sizes are cut by half. Resume from here.")
    operator.locator("form [name=reason] >> xpath=ancestor::form >> css=button").last.click()
    operator.wait_for_url("**/approvals/*/")
    approver.goto(operator.url)
    code = next_code_of(approver, "approver")
    approver.fill("[name=confirm]", "main")
    approver.fill("[name=note]", "Read the fills, positions are as told.")
    save(approver, "approval")
    approver.fill("[name=code]", code)
    approver.get_by_role("button", name="Approve").click()
    expect(approver.locator("[data-key=verdict]")).to_contain_text("approved this")


def main() -> None:
    with (
        alert_route() as route,
        demo(route) as (url, passwords),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS
        )
        people = {
            name: sign_in(browser, name, url=url, password=password)
            for name, password in passwords.items()
        }
        draw_trip(people["operator"])
        draw_decision(people["operator"], people["approver"])
        for name, who, address in (
            ("incident", "auditor", "/incidents/1/"),
            ("audit", "auditor", "/audit/"),
            ("people", "admin", "/settings/people/"),
        ):
            people[who].goto(address)
            people[who].locator("#live[data-state=up]").wait_for()
            people[who].wait_for_timeout(2000)
            save(people[who], name)
        browser.close()


if __name__ == "__main__":
    main()
