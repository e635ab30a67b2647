"""A real browser for tests of the wallet: the system's Chromium, headless, its profile empty."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from appliance.wallet.hosting import Server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PHONE = {"width": 390, "height": 844}
SMALL = {"width": 320, "height": 568}


@contextmanager
def served(port: int = 0) -> Iterator[Server]:
    """The wallet, served on this machine until the end."""
    server = Server("127.0.0.1", port)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def phone(playwright: "Playwright", profile, **options) -> "Iterator[BrowserContext]":
    """A browser with a profile of its own, seen as a phone would show it."""
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium: apt-get install chromium")
    usual = {"viewport": PHONE, "locale": "en-GB", "timezone_id": "UTC", **options}
    context = playwright.chromium.launch_persistent_context(
        profile, executable_path=CHROMIUM, headless=True, args=list(FLAGS), **usual
    )
    context.set_default_timeout(10_000)
    try:
        yield context
    finally:
        context.close()


def opened(context: "BrowserContext", url: str, *, now: int | None = None) -> "Page":
    """The page there, its console's errors in `page.faults`; at a time that stands still."""
    page = context.new_page()
    page.faults = []
    page.on("console", lambda said: said.type == "error" and page.faults.append(said.text))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    if now is not None:
        page.clock.install(time=now)
    page.goto(url)
    return page
