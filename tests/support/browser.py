"""Debian's Chromium, driven by playwright; each test has a profile of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

CHROMIUM = Path(os.environ.get("TLOG_CHROMIUM", "/usr/bin/chromium"))

PLAIN_HOST = "log.example"
"""This machine, by a name that a browser does not take for this machine."""

# Without these it asks hosts of its maker as soon as it starts.
_QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1"),
]


@contextmanager
def started_browser() -> Iterator[Browser]:
    """Start Chromium, and end it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_QUIET)
        try:
            yield browser
        finally:
            browser.close()


class Explorer:
    """The page of one log in one tab.

    failures: what the page's scripts threw; must stay empty.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.failures: list[str] = []
        page.on("pageerror", lambda error: self.failures.append(str(error)))

    def open(self, address: str = "") -> None:
        """Load the page anew, and wait for the head."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}/{address}")
        self.page.wait_for_selector("#head:not([aria-busy]) .verdict")

    def trust(self, policy: str, keys: str = "") -> None:
        """Give a policy, and wait until all is checked by it."""
        self.page.fill("#policy", policy)
        self.page.fill("#keys", keys)
        self.page.click("#trust button[type=submit]")
        self.page.wait_for_selector("#trust-told:has-text('Kept')")
        self.page.wait_for_selector("#head:not([aria-busy]) .verdict")

    def look_again(self) -> None:
        """Look at the head once more, and wait for what is found."""
        self.page.click("#look-again")
        self.page.wait_for_selector("#head:not([aria-busy]) .verdict")

    def ask(self, address: str) -> None:
        """Ask for an entry or a search, and wait for the answer."""
        self.page.evaluate("location.hash = ''")
        self.page.wait_for_selector("#answer", state="hidden")
        self.page.evaluate("it => { location.hash = it; }", address)
        self.page.wait_for_selector("#answer:not([aria-busy])")

    def drop(self, **files: bytes) -> None:
        """Give files, and wait for the answer."""
        self.page.evaluate("document.getElementById('answer').hidden = true")
        given: list[FilePayload] = [
            {"name": name, "mimeType": "application/octet-stream", "buffer": it}
            for name, it in files.items()
        ]
        self.page.set_input_files("#files", files=given)
        self.page.wait_for_selector("#answer:not([hidden]):not([aria-busy])")

    def audit(self) -> list[str]:
        """Recompute the tree; return what was found."""
        self.page.evaluate("document.getElementById('audit-checks').replaceChildren()")
        self.page.click("#audit")
        self.page.wait_for_selector("#audit-checks li")
        self.page.wait_for_selector("#audit:enabled")
        return self.told("#audit-checks")

    def told(self, place: str) -> list[str]:
        """Return the words of each check of a place: `proven: …` or `FAILED: …`."""
        checks = self.page.locator(f"{place} .checks > li, {place}.checks > li")
        told: list[str] = checks.evaluate_all("all => all.map(it => it.textContent)")
        return told

    def states(self, place: str) -> dict[str, str]:
        """Return the state of each check of a place, by its title."""
        found: list[list[str]] = self.page.locator(
            f"{place} .checks > li"
        ).evaluate_all(
            "all => all.map(it => [it.childNodes[1].data.slice(2), it.className])"
        )
        return {title: state for title, state in found}

    def verdicts(self, place: str) -> list[str]:
        """Return the state of each verdict of a place."""
        found: list[str] = self.page.locator(f"{place} .verdict").evaluate_all(
            "all => all.map(it => it.className.split(' ')[1])"
        )
        return found
