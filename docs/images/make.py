"""Draw overview.png beside this file: the demo, a moment after its main book has tripped.

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

from playwright.sync_api import Page, expect, sync_playwright

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
def demo(route: str) -> Iterator[tuple[str, str]]:
    """Run the demo in a home of its own; give its address and the operator's password."""
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


def _announced(output: Path, process: subprocess.Popen[bytes]) -> tuple[str, str]:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        text = output.read_text()
        if url := re.search(r"^ready (\S+)$", text, re.MULTILINE):
            password = re.search(r"^user operator password (\S+) totp", text, re.MULTILINE)
            return url[1], password[1] if password else ""
        time.sleep(0.5)
    raise SystemExit(f"The demo did not become ready:\n{output.read_text()}")


def draw(page: Page, *, url: str, password: str) -> None:
    page.goto(f"{url}sign-in/")
    page.fill("[name=username]", "operator")
    page.fill("[name=password]", password)
    page.get_by_role("button", name="Sign in").click()
    codes = page.locator("#demo-codes").inner_text()
    page.fill("[name=code]", codes.split("operator ")[1][:6])
    page.get_by_role("button", name="Sign in").click()
    page.locator("#live[data-state=up]").wait_for()
    page.wait_for_timeout(1000 * HISTORY_SECONDS)
    page.select_option("#crash-portfolio", "main")
    page.get_by_role("button", name="Start the crash").click()
    row, feed = page.locator("tr[data-key=main]"), page.locator("[data-key=feed]")
    expect(row).to_contain_text("Triggered", timeout=1000 * CRASH_SECONDS)
    expect(feed.get_by_text("confirmed empty")).to_have_count(3, timeout=1000 * CRASH_SECONDS)
    page.mouse.move(0, 0)
    page.screenshot(path=HERE / "overview.png")


def main() -> None:
    with (
        alert_route() as route,
        demo(route) as (url, password),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="dark")
        draw(page, url=url, password=password)
        browser.close()


if __name__ == "__main__":
    main()
